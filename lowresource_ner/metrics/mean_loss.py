"""The mean of a loss over what it was summed over, whatever the sizes of the batches."""

from typing import Dict, Optional, Union

import torch
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.metrics import Metric


class MeanLoss(Metric):
    """
    The sums of all batches, divided by what they were summed over (words, say). AllenNLP's `average`, and the "loss" of its
    trainer, average batches, whatever their sizes. Under distributed training each worker sums for itself, in as many steps as
    it has, and the sums of all are added when `get_metric` is asked to reset, which all must do.

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
        self._total += float(total.detach())
        self._number += int(number)

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """{name: mean}, of all workers with `reset`, and otherwise of this one; nothing before something was counted."""
        total, number = self._total, float(self._number)
        if reset:
            total, number = dist_reduce_sum(torch.tensor([total, number], dtype=torch.float64)).tolist()
            self.reset()
        return {self._name: total / number} if number else {}

    def reset(self) -> None:
        self._total = 0.0
        self._number = 0
