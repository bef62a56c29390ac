"""For those who select nothing."""

from typing import Any

from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer


@TrainerCallback.register("keep_last_epoch")
class KeepLastEpoch(TrainerCallback):
    """
    Archives the weights of the last epoch, whatever the validation metric says of it: the paper selects no checkpoint (Wu et
    al. 2020, section 4.2). Validation is still run and logged.

    Registered as a `TrainerCallback` with name "keep_last_epoch".

    # Raises

    `ConfigurationError`
        Before training, where the trainer has a `patience`: what has no best epoch cannot wait for a better one.
    """

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        if trainer._metric_tracker._patience is not None:
            raise ConfigurationError(
                "keep_last_epoch and the trainer's 'patience' exclude each other. Leave one of them out."
            )

    def on_epoch(self, trainer: GradientDescentTrainer, *args: Any, **kwargs: Any) -> None:
        # A tracker that remembers no epoch takes the next one for the best.
        trainer._metric_tracker.clear()
