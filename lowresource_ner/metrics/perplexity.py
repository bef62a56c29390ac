"""Perplexity over words, whatever the sizes of the batches."""

import math
from typing import Dict

from lowresource_ner.metrics.mean_loss import MeanLoss


class WordPerplexity(MeanLoss):
    """
    exp(- mean log p(word)), the mean over all words of all batches. AllenNLP's `perplexity` averages batches, whatever their
    sizes. It is called with the negative log likelihood of a batch's words, summed, and their number.
    """

    def __init__(self) -> None:
        super().__init__("perplexity")

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """{"perplexity": p}, nothing before the first batch."""
        return {name: math.exp(min(mean, 700.0)) for name, mean in super().get_metric(reset).items()}
