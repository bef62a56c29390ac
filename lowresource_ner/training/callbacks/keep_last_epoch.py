"""Archives the last epoch instead of the best one."""

from typing import Any

from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer


@TrainerCallback.register("keep_last_epoch")
class KeepLastEpoch(TrainerCallback):
    """
    Archives the weights of the last epoch, regardless of the validation metric, as Wu et al. (2020, arXiv:2004.12440,
    section 4.2) do. Validation is still run and logged.

    Registered as a `TrainerCallback` with name "keep_last_epoch".

    # Raises

    `ConfigurationError`
        Before training, if the trainer has a `patience`.
    """

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        if trainer._metric_tracker._patience is not None:
            raise ConfigurationError(
                "keep_last_epoch and the trainer's 'patience' cannot be combined. Leave one of them out."
            )

    def on_epoch(self, trainer: GradientDescentTrainer, *args: Any, **kwargs: Any) -> None:
        # A tracker that has seen no epoch considers the next one the best.
        trainer._metric_tracker.clear()
