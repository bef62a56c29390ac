"""A linear schedule with a warm-up over a share of all steps."""

from typing import Any

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.training.learning_rate_schedulers import LearningRateScheduler
from allennlp.training.learning_rate_schedulers.linear_with_warmup import LinearWithWarmup


@LearningRateScheduler.register("linear_warmup_share")
class LinearWarmupShare(LinearWithWarmup):
    """
    AllenNLP's `linear_with_warmup` with the warm-up given as a share of all steps (Wu et al. 2020, arXiv:2004.12440: 10 %).

    Registered as a `LearningRateScheduler` with name "linear_warmup_share".

    # Parameters

    optimizer, num_epochs, num_steps_per_epoch
        Passed by the trainer.
    warmup_share : `float`, optional (default = `0.1`)

    # Raises

    `ConfigurationError`
        If the share is not in [0, 1), or the number of steps per epoch is unknown (a lazy data loader without
        `batches_per_epoch`).
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        num_epochs: int,
        num_steps_per_epoch: int,
        warmup_share: float = 0.1,
        **kwargs: Any,
    ) -> None:
        if not 0 <= warmup_share < 1:
            raise ConfigurationError(
                f"'warmup_share' is {warmup_share}; it is a share of all steps, from 0 to below 1."
            )
        if not num_steps_per_epoch:
            raise ConfigurationError(
                "linear_warmup_share needs to know how many steps an epoch has, and a lazy data loader does not. Give "
                "'batches_per_epoch' in the data loader."
            )
        warmup_steps = int(warmup_share * num_epochs * num_steps_per_epoch)
        super().__init__(optimizer, num_epochs, num_steps_per_epoch, warmup_steps=warmup_steps, **kwargs)
