"""Checkpoints that are complete or not there."""

import logging
import os
from pathlib import Path
from typing import Optional, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.training.checkpointer import Checkpointer
from allennlp.training.trainer import Trainer, TrainerCheckpoint

from lowresource_ner.damaged_files import said_of_damage
from lowresource_ner.training.save_whole import save_whole
from lowresource_ner.whole_files import remove_parts

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

        `OSError`
            Where the checkpoint cannot be written, for want of space most often. What was there before is still there.
        """
        state = trainer.get_checkpoint_state()
        if state is not None:
            time = state.trainer_state["epochs_completed"], state.trainer_state["batches_in_epoch_completed"]
            model_path, training_path = Path(self._model_state_path(*time)), Path(self._training_state_path(*time))
            # A checkpoint is found by its model's file, which therefore goes first and comes last.
            model_path.unlink(missing_ok=True)
            save_whole(state.trainer_state, training_path)
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
            with said_of_damage(f"The file '{path}'", ""):
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


def _is_of_the_system(error: Optional[BaseException]) -> bool:
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
