"""Perplexity over words, whatever the sizes of the batches."""

import math
from typing import Dict, Optional

import torch
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.metrics import Metric


class WordPerplexity(Metric):
    """
    exp(- mean log p(word)), the mean over all words of all batches. AllenNLP's `perplexity` averages batches, whatever their
    sizes.
    """

    def __init__(self) -> None:
        self.reset()

    def __call__(  # type: ignore[override]
        self, negative_log_likelihood: torch.Tensor, num_words: int, mask: Optional[torch.Tensor] = None
    ) -> None:
        """
        # Parameters

        negative_log_likelihood : `torch.Tensor`
            The sum over the batch's words.
        num_words : `int`
        """
        self._total += dist_reduce_sum(float(negative_log_likelihood.detach()))
        self._words += dist_reduce_sum(num_words)

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """{"perplexity": p}, nothing before the first batch."""
        metric = {"perplexity": math.exp(min(self._total / self._words, 700.0))} if self._words else {}
        if reset:
            self.reset()
        return metric

    def reset(self) -> None:
        self._total = 0.0
        self._words = 0
