"""Saves state of the trainer in checkpoints that AllenNLP leaves out."""

import datetime
import logging
import os
import time
from typing import Any, Dict, Optional

from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.training.checkpointing.atomic_checkpointer import AtomicCheckpointer
from lowresource_ner.training.checkpointing.save_whole import save_whole

logger = logging.getLogger(__name__)

BEST = "best.th"


@TrainerCallback.register("recovery")
class Recovery(TrainerCallback):
    """
    Saves state in every checkpoint that AllenNLP leaves out, so that `allennlp train --recover` ends with the archive and the
    metrics.json of an uninterrupted run, wherever it was interrupted:

    - Whether the checkpoint's weights are the best so far. AllenNLP writes best.th only afterwards; if interrupted in between, it
      would archive an earlier epoch's weights.
    - The metrics. For a run that had finished, or had no epochs left, AllenNLP would overwrite metrics.json with those of the
      best epoch alone; the duration would be that of the last part of the run.
    - Whether patience had run out. AllenNLP would train one more epoch.
    - The scale of the loss (`use_amp`), the parameters of a `moving_average`, and the path of a folder that was moved.

    If an epoch is interrupted in the middle (a checkpointer with `save_every_num_batches`), its `training_` metrics cover only
    its remaining batches. This does not affect the weights.

    Registered as a `TrainerCallback` with name "recovery".

    # Raises

    `ConfigurationError`
        Before training, if the model is sharded over several processes.
    """

    def __init__(self, serialization_dir: str) -> None:
        super().__init__(serialization_dir)
        self._metrics: Dict[str, Any] = {}
        self._restored: Optional[Dict[str, Any]] = None
        self._seconds_before = 0.0
        self._begun = 0.0

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        if trainer._ddp_wrapped_model is not None and trainer._ddp_wrapped_model.is_sharded:
            raise ConfigurationError(
                "The callback 'recovery' does not work with sharded models. Leave it out, or take a "
                "'ddp_accelerator' that does not shard."
            )
        if not isinstance(trainer._checkpointer, AtomicCheckpointer):
            logger.warning(
                "The trainer's 'checkpointer' is not of type 'atomic': a kill or a full disk while it writes would leave a "
                'checkpoint that cannot be recovered. Add "type": "atomic" to it.'
            )
        self._begun = time.monotonic()
        if self._restored is None:
            return
        self._metrics = self._restored["metrics"]
        self._seconds_before = self._restored["seconds"]
        if trainer._scaler is not None and self._restored["scaler"] is not None:
            trainer._scaler.load_state_dict(self._restored["scaler"])
        if trainer._moving_average is not None:
            _reconnect(trainer)
        if trainer._best_model_filename is not None and trainer._serialization_dir is not None:
            # The run may have been moved.
            trainer._best_model_filename = os.path.join(trainer._serialization_dir, BEST)
        if self._restored["is_best"]:
            _save_best(trainer, is_primary)
        is_last = trainer._start_after_epochs_completed >= trainer._num_epochs
        if is_last or trainer._metric_tracker.should_stop_early():
            trainer._num_epochs = 0  # no epochs are left, so the data need not be replayed

    def on_epoch(self, trainer: GradientDescentTrainer, metrics: Dict[str, Any], *args: Any, **kwargs: Any) -> None:
        # Old training metrics are dropped: AllenNLP has those of this epoch's batches after the checkpoint, if any.
        before = {name: value for name, value in self._metrics.items() if not name.startswith("training_")}
        _replace(metrics, before | metrics)
        if self._restored is not None:
            metrics["training_duration"] = str(datetime.timedelta(seconds=self._seconds()))
        self._metrics = dict(metrics)

    def on_end(
        self, trainer: GradientDescentTrainer, metrics: Optional[Dict[str, Any]] = None, *args: Any, **kwargs: Any
    ) -> None:
        if metrics is not None and trainer._num_epochs == 0:
            _replace(metrics, self._metrics | metrics | self._metrics)

    def state_dict(self) -> Dict[str, Any]:
        assert self.trainer is not None
        scaler = self.trainer._scaler
        return {
            "metrics": self._metrics,
            "seconds": self._seconds(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "is_best": _is_best(self.trainer),
        }

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        self._restored = state_dict

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._begun


def _replace(metrics: Dict[str, Any], content: Dict[str, Any]) -> None:
    """Replaces metrics in place, since the trainer keeps using the same object."""
    metrics.clear()
    metrics.update(content)


def _is_best(trainer: GradientDescentTrainer) -> bool:
    """Whether AllenNLP will write best.th from the weights of the checkpoint that is being written."""
    is_end_of_epoch = trainer._batches_in_epoch_completed == 0
    return is_end_of_epoch and trainer._should_validate_this_epoch and trainer._metric_tracker.is_best_so_far()


def _save_best(trainer: GradientDescentTrainer, is_primary: bool) -> None:
    assert trainer._serialization_dir is not None
    trainer._best_model_filename = os.path.join(trainer._serialization_dir, BEST)
    if not is_primary:
        return
    average = trainer._moving_average
    if average is not None:
        average.assign_average_value()
    try:
        save_whole((trainer._ddp_wrapped_model or trainer.model).state_dict(), trainer._best_model_filename)
    finally:
        if average is not None:
            average.restore()


def _reconnect(trainer: GradientDescentTrainer) -> None:
    """Replaces the parameters of a restored moving average, which are copies from the checkpoint, by the model's."""
    average: Any = trainer._moving_average
    parameters = dict(trainer.model.named_parameters())
    average._parameters = [(name, parameters[name]) for name, _ in average._parameters]
    for name, parameter in average._parameters:
        average._shadows[name] = average._shadows[name].to(parameter.device)
