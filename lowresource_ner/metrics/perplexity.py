"""Perplexity over words."""

import math
from typing import Dict

from lowresource_ner.metrics.mean_loss import MeanLoss


class WordPerplexity(MeanLoss):
    """
    exp(- mean log p(word)), with the mean over all words of all batches. (AllenNLP's `perplexity` gives small batches the same
    weight as large ones.) Call it with the summed negative log likelihood of a batch's words, and their number.
    """

    def __init__(self) -> None:
        super().__init__("perplexity")

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """Returns {"perplexity": p}. Empty before the first batch."""
        return {name: math.exp(min(mean, 700.0)) for name, mean in super().get_metric(reset).items()}
