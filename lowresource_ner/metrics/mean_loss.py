"""The mean of a loss over what it was summed over, whatever the sizes of the batches."""

from typing import Dict, Optional, Union

import torch
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.metrics import Metric


class MeanLoss(Metric):
    """
    The sums of all batches, divided by what they were summed over (words, say). AllenNLP's `average`, and the "loss" of its
    trainer, average batches, whatever their sizes. Under distributed training the sums of all workers are added at every
    step.

    # Parameters

    name : `str`
        Under which it is reported.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.reset()

    def __call__(
        self, total: torch.Tensor, number: Union[int, torch.Tensor], mask: Optional[torch.Tensor] = None
    ) -> None:
        """
        # Parameters

        total : `torch.Tensor`
            The sum over the batch, a scalar.
        number : `Union[int, torch.Tensor]`
            Of what was summed.
        """
        self._total += dist_reduce_sum(float(total.detach()))
        self._number += dist_reduce_sum(int(number))

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """{name: mean}, nothing before something was counted."""
        metric = {self._name: self._total / self._number} if self._number else {}
        if reset:
            self.reset()
        return metric

    def reset(self) -> None:
        self._total = 0.0
        self._number = 0
