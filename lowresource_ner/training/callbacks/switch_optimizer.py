"""Replaces the optimizer during training."""

import logging
from typing import Any, Dict, List, Optional, Tuple

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer
from allennlp.training.optimizers import Optimizer

logger = logging.getLogger(__name__)

PREFIX = "validation_"
"""The trainer's prefix of validation metrics."""


@TrainerCallback.register("switch_optimizer")
class SwitchOptimizer(TrainerCallback):
    """
    Replaces the trainer's optimizer by a new one after the first epoch whose validation metric exceeds a threshold.

    In the released code of Jia, Liang and Zhang (2019, P19-1236), unsupervised training uses RMSprop until F1 on the source
    domain's development set exceeds 0.72, then SGD with a constant learning rate of 0.015.

    Learning rate and momentum schedulers stay with the old optimizer and do not affect the new one. With mixed precision, the
    gradient scaler is kept.

    Registered as a `TrainerCallback` with name "switch_optimizer".

    # Parameters

    metric : `str`
        As in the trainer's 'validation_metric': "+f1" must rise above the threshold, "-loss" fall below it.
    threshold : `float`
    optimizer : `Lazy[Optimizer]`

    # Raises

    `ConfigurationError`
        If the metric's name begins with neither "+" nor "-"; before training, if there is no validation data or the optimizer
        cannot be built; after the first validation, if the model has no such metric.
    """

    def __init__(self, serialization_dir: str, metric: str, threshold: float, optimizer: Lazy[Optimizer]) -> None:
        super().__init__(serialization_dir)
        if metric[:1] not in ("+", "-"):
            raise ConfigurationError(
                f"'metric' of switch_optimizer is '{metric}'. Write '+{metric}' if higher is better, '-{metric}' if lower is."
            )
        self._metric = metric[1:]
        self._sign = 1 if metric[0] == "+" else -1
        self._threshold = threshold
        self._optimizer = optimizer
        self._fresh: Optional[torch.optim.Optimizer] = None
        self._restored: Optional[Dict[str, Any]] = None

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        if trainer._validation_data_loader is None:
            raise ConfigurationError("switch_optimizer needs validation data: give 'validation_data_path'.")
        # Built once on copies of the parameters without data, so that an error in its config is found before training.
        self._optimizer.construct(
            model_parameters=[(name, torch.nn.Parameter(p.detach().to("meta"))) for name, p in _trained(trainer)]
        )
        if self._restored is not None:
            fresh = self._switch(trainer)
            fresh.load_state_dict(self._restored)

    def on_epoch(
        self,
        trainer: GradientDescentTrainer,
        metrics: Dict[str, Any],
        epoch: int,
        is_primary: bool = True,
        **kwargs: Any,
    ) -> None:
        found = {name.removeprefix(PREFIX): value for name, value in metrics.items() if name.startswith(PREFIX)}
        if self._fresh is not None or not found:
            return  # already replaced, or another callback has skipped validation
        if self._metric not in found:
            raise ConfigurationError(
                f"switch_optimizer waits for the validation metric '{self._metric}', which does not exist. The metrics are "
                f"{', '.join(sorted(found))}."
            )
        value = found[self._metric]
        if self._sign * value > self._sign * self._threshold:
            before, after = trainer.optimizer, self._switch(trainer)
            logger.info(
                "After epoch %d validation %s is %.4f, beyond %s: a new %s replaces %s and its schedules.",
                epoch,
                self._metric,
                value,
                self._threshold,
                type(after).__name__,
                type(before).__name__,
            )

    def state_dict(self) -> Dict[str, Any]:
        fresh = self._fresh
        return {"optimizer": None if fresh is None else type(fresh).state_dict(fresh)}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        self._restored = state_dict["optimizer"]

    def _switch(self, trainer: GradientDescentTrainer) -> torch.optim.Optimizer:
        configured = trainer.optimizer
        fresh = self._optimizer.construct(model_parameters=_trained(trainer))
        # A recovering trainer loads the configured optimizer and its schedules before it loads callbacks, and fails if the
        # checkpoint has others. So checkpoints contain the configured optimizer, without state, and its schedules, which stay in
        # the trainer; the state of the new optimizer is part of this callback's state.
        configured.state.clear()
        fresh.state_dict = configured.state_dict  # type: ignore[method-assign]
        trainer.optimizer = self._fresh = fresh
        return fresh


def _trained(trainer: GradientDescentTrainer) -> List[Tuple[str, torch.nn.Parameter]]:
    """The parameters that the trainer passes to its own optimizer."""
    return [(name, p) for name, p in trainer._pytorch_model.named_parameters() if p.requires_grad]
