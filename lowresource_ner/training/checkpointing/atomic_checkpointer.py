"""A checkpointer that writes checkpoints atomically."""

import logging
import os
from pathlib import Path
from typing import Any, Optional, Tuple

import numpy
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.training.checkpointer import Checkpointer
from allennlp.training.trainer import Trainer, TrainerCheckpoint
from torch.serialization import get_unsafe_globals_in_checkpoint

from lowresource_ner.common.damaged_files import damage_reported
from lowresource_ner.common.whole_files import remove_parts
from lowresource_ner.training.checkpointing.save_whole import save_whole

logger = logging.getLogger(__name__)

DAMAGED = ".damaged"
"""The suffix that is added to the names of a damaged checkpoint's files."""


@Checkpointer.register("atomic")
class AtomicCheckpointer(Checkpointer):
    """
    AllenNLP's checkpointer with atomic writes: even if the process is killed or the disk is full, a checkpoint is complete or
    absent, and the previous one is kept until it is complete.

    A checkpoint that is damaged all the same (by the disk, an interrupted copy, another checkpointer) is renamed with a warning,
    and `allennlp train --recover` continues from the one before, or from the start if there is none.

    Registered as a `Checkpointer` with name "atomic". The parameters are those of AllenNLP's "default".
    """

    def save_checkpoint(self, trainer: Trainer) -> None:
        """
        Saves the trainer's state, then the model's, and removes checkpoints that are too old.

        # Raises

        `ConfigurationError`
            If the state of a callback, an optimizer or a metric holds objects that torch would refuse to load.
        `OSError`
            If the checkpoint cannot be written, usually because the disk is full. Earlier checkpoints are kept.
        """
        state = trainer.get_checkpoint_state()
        if state is not None:
            time = state.trainer_state["epochs_completed"], state.trainer_state["batches_in_epoch_completed"]
            model_path, training_path = Path(self._model_state_path(*time)), Path(self._training_state_path(*time))
            # A checkpoint is found by its model's file, which is therefore removed first and written last.
            model_path.unlink(missing_ok=True)
            save_whole(_with_plain_numbers(state.trainer_state), training_path)
            _check_readable(training_path)
            save_whole(state.model_state, model_path)
        super().save_checkpoint(trainer)  # both files exist, so this only removes old checkpoints

    def load_checkpoint(self) -> Optional[TrainerCheckpoint]:
        """
        Loads the last undamaged checkpoint to the CPU; `None` if there is none.

        # Raises

        `ConfigurationError`
            If the system cannot read a checkpoint that need not be damaged (permissions, network).
        """
        if self._is_primary:
            self._remove_leftovers()
        times = sorted(self._find_all_checkpoints(), reverse=True)
        for time in times:
            try:
                return self._load(*time)
            except ConfigurationError as error:
                if _is_system_error(error.__cause__):
                    raise ConfigurationError(f"{error}When it can be read again, give the same command.") from error
                self._set_aside(time, error)
        if times:
            logger.warning(
                "All checkpoints in '%s' are damaged; training starts from the beginning.", self._serialization_dir
            )
        return None

    def _load(self, *time: int) -> TrainerCheckpoint:
        states = []
        for path in (self._model_state_path(*time), self._training_state_path(*time)):
            with damage_reported(f"The file '{path}'", ""):
                states.append(torch.load(path, map_location="cpu", weights_only=True))
        return TrainerCheckpoint(*states)

    def _set_aside(self, time: Tuple[int, int], error: ConfigurationError) -> None:
        logger.warning(
            "The checkpoint after %d epochs and %d batches is damaged and skipped: %s Its files are kept with the suffix '%s'; "
            "remove them when the training is done.",
            *time,
            str(error).strip(),
            DAMAGED,
        )
        if self._is_primary:
            for path in map(Path, (self._model_state_path(*time), self._training_state_path(*time))):
                if path.exists():
                    os.replace(path, f"{path}{DAMAGED}")

    def _remove_leftovers(self) -> None:
        """Removes what a killed process left: unfinished files, and checkpoints that were only partly removed."""
        folder = Path(self._serialization_dir)
        remove_parts(folder)
        for path in folder.glob("training_state_e*_b*.th"):
            if not path.with_name(path.name.replace("training", "model", 1)).exists():
                path.unlink()


def _with_plain_numbers(state: Any) -> Any:
    """Converts numpy's numbers, which metrics may be, to Python's, since torch refuses to load them with `weights_only`."""
    if isinstance(state, numpy.generic):
        return state.item()
    if type(state) is dict:
        return {_with_plain_numbers(key): _with_plain_numbers(value) for key, value in state.items()}
    return [_with_plain_numbers(each) for each in state] if type(state) is list else state


def _check_readable(path: Path) -> None:
    unreadable = get_unsafe_globals_in_checkpoint(str(path))
    if unreadable:
        path.unlink()
        raise ConfigurationError(
            "This training cannot be saved in a checkpoint: the state of a callback, a metric or an optimizer holds objects that "
            f"are neither tensors nor plain values, and torch would refuse to load them ({', '.join(unreadable)}). Keep plain "
            "values in the state."
        )


def _is_system_error(error: Optional[BaseException]) -> bool:
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
