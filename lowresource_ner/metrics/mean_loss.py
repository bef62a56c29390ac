"""A running mean over the items of all batches."""

from typing import Dict, Optional, Union

import torch
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.metrics import Metric


class MeanLoss(Metric):
    """
    The sum of all batches' losses divided by the number of items, such as words. (AllenNLP's `average`, and the "loss" of its
    trainer, give small batches the same weight as large ones.) In distributed training, each worker sums its own batches, and
    `get_metric(reset=True)`, which all workers must call, adds up the sums.

    # Parameters

    name : `str`
        The key of the mean in the metrics.
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
            The number of items.
        """
        self._total += float(total.detach())
        self._number += int(number)

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """Returns {name: mean}, of all workers with `reset`, else of this one. Empty before the first batch."""
        total, number = self._total, float(self._number)
        if reset:
            total, number = dist_reduce_sum(torch.tensor([total, number], dtype=torch.float64)).tolist()
            self.reset()
        return {self._name: total / number} if number else {}

    def reset(self) -> None:
        self._total = 0.0
        self._number = 0
