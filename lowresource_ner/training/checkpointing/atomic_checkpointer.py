"""Checkpoints that are complete or not there."""

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
"""What is put behind the names of a damaged checkpoint's files."""


@Checkpointer.register("atomic")
class AtomicCheckpointer(Checkpointer):
    """
    AllenNLP's checkpointer, with checkpoints that appear all at once: however a process ends or a disk fills up, a checkpoint is
    complete or not there, and the one before it stays until it is.

    A checkpoint that is damaged all the same (by a disk, a copy that was broken off, another checkpointer) is set aside with a
    warning, and `allennlp train --recover` goes on from the one before; where there is none, from the start.

    Registered as a `Checkpointer` with name "atomic". Parameters are those of AllenNLP's "default".
    """

    def save_checkpoint(self, trainer: Trainer) -> None:
        """
        Saves the trainer's state, then the model's, and removes checkpoints that are too old.

        # Raises

        `ConfigurationError`
            Where the state of a callback, an optimizer or a metric holds objects that torch would not read again.
        `OSError`
            Where the checkpoint cannot be written, for want of space most often. What was there before is still there.
        """
        state = trainer.get_checkpoint_state()
        if state is not None:
            time = state.trainer_state["epochs_completed"], state.trainer_state["batches_in_epoch_completed"]
            model_path, training_path = Path(self._model_state_path(*time)), Path(self._training_state_path(*time))
            # A checkpoint is found by its model's file, which therefore goes first and comes last.
            model_path.unlink(missing_ok=True)
            save_whole(_with_plain_numbers(state.trainer_state), training_path)
            _check_readable(training_path)
            save_whole(state.model_state, model_path)
        super().save_checkpoint(trainer)  # finds both files there, and removes what is too old

    def load_checkpoint(self) -> Optional[TrainerCheckpoint]:
        """
        The last checkpoint that is whole, on the CPU; `None` where there is none.

        # Raises

        `ConfigurationError`
            Where the system cannot read a checkpoint just now (permissions, a network that is down), which need not be damaged.
        """
        if self._is_primary:
            self._remove_remains()
        times = sorted(self._find_all_checkpoints(), reverse=True)
        for time in times:
            try:
                return self._load(*time)
            except ConfigurationError as error:
                if _is_of_the_system(error.__cause__):
                    raise ConfigurationError(f"{error}When it can be read again, give the same command.") from error
                self._set_aside(time, error)
        if times:
            logger.warning("No checkpoint in '%s' is whole, and training begins anew.", self._serialization_dir)
        return None

    def _load(self, *time: int) -> TrainerCheckpoint:
        states = []
        for path in (self._model_state_path(*time), self._training_state_path(*time)):
            with damage_reported(f"The file '{path}'", ""):
                states.append(torch.load(path, map_location="cpu", weights_only=True))
        return TrainerCheckpoint(*states)

    def _set_aside(self, time: Tuple[int, int], error: ConfigurationError) -> None:
        logger.warning(
            "The checkpoint after %d epochs and %d batches is damaged and passed over: %s Its files are kept under names that "
            "end in '%s'; remove them when the training is done.",
            *time,
            str(error).strip(),
            DAMAGED,
        )
        if self._is_primary:
            for path in map(Path, (self._model_state_path(*time), self._training_state_path(*time))):
                if path.exists():
                    os.replace(path, f"{path}{DAMAGED}")

    def _remove_remains(self) -> None:
        """Takes away what a killed process left: unfinished files, and the half of a checkpoint that was being removed."""
        folder = Path(self._serialization_dir)
        remove_parts(folder)
        for path in folder.glob("training_state_e*_b*.th"):
            if not path.with_name(path.name.replace("training", "model", 1)).exists():
                path.unlink()


def _with_plain_numbers(state: Any) -> Any:
    """Numbers of numpy, which metrics may be, as Python's: torch does not read the former (`weights_only`)."""
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
            "No checkpoint can be made of this training: a callback, a metric or an optimizer keeps something that is neither a "
            f"tensor nor a plain value, and torch would not read it again ({', '.join(unreadable)}). Have its state hold plain "
            "values."
        )


def _is_of_the_system(error: Optional[BaseException]) -> bool:
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
