"""A running mean that weights every summand alike, whatever the sizes of the batches."""

from typing import Dict, Optional, Union

import torch
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.metrics import Metric


class MeanLoss(Metric):
    """
    The sum of all batches' losses, divided by the number of summands (words, for instance). AllenNLP's `average`, and the "loss"
    of its trainer, give small batches the weight of large ones. Under distributed training each worker sums its own batches, and
    the sums are added up by `get_metric(reset=True)`, which all workers must call.

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
            The number of summands.
        """
        self._total += float(total.detach())
        self._number += int(number)

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """{name: mean}, of all workers with `reset`, otherwise of this one. Empty before the first batch."""
        total, number = self._total, float(self._number)
        if reset:
            total, number = dist_reduce_sum(torch.tensor([total, number], dtype=torch.float64)).tolist()
            self.reset()
        return {self._name: total / number} if number else {}

    def reset(self) -> None:
        self._total = 0.0
        self._number = 0
