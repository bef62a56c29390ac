"""A learning rate that decays with the inverse of the epoch."""

from typing import List

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.training.learning_rate_schedulers import LearningRateScheduler


@LearningRateScheduler.register("inverse_time_decay")
class InverseTimeDecay(LearningRateScheduler):
    """
    The learning rate is lr / (1 + decay * n) after n epochs. Jia, Liang and Zhang (2019, P19-1236) use lr 0.015 and decay 0.05,
    as in NCRF++.

    Registered as a `LearningRateScheduler` with name "inverse_time_decay".

    # Parameters

    optimizer
        Passed by the trainer.
    decay : `float`, optional (default = `0.05`)

    # Raises

    `ConfigurationError`
        If `decay` is not above 0.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, decay: float = 0.05) -> None:
        super().__init__(optimizer)
        if not decay > 0:
            raise ConfigurationError(f"'decay' of inverse_time_decay is {decay}; it must be above 0.")
        self._decay = decay

    def get_values(self) -> List[float]:
        epochs_completed = self.last_epoch + 1  # counted from -1
        return [value / (1 + self._decay * epochs_completed) for value in self.base_values]
