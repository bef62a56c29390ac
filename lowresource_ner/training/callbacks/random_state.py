"""Saves the state of the random number generators in checkpoints."""

import json
import random
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy
import torch
import torch.distributed as dist
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import is_distributed
from allennlp.models.archival import CONFIG_NAME
from allennlp.training.callbacks import TrainerCallback
from allennlp.training.gradient_descent_trainer import GradientDescentTrainer

from lowresource_ner.archives.archive import check_run_folder


@TrainerCallback.register("random_state")
class RandomState(TrainerCallback):
    """
    Saves the state of the random number generators in every checkpoint, so that `allennlp train --recover` gives the same weights
    as an uninterrupted run: the same order of the data and the same dropout.

    On recovery, AllenNLP replays the data loader up to the checkpoint. So the generators of Python and numpy, which data loaders
    use, are restored to their state at the start, and torch's, which dropout uses, to its state at the checkpoint. Numbers that
    validation draws between two epochs are not replayed; therefore the state is reset after it. In distributed training, the
    states of all workers are saved.

    Registered as a `TrainerCallback` with name "random_state".

    # Raises

    `ConfigurationError`
        If AllenNLP would not find its checkpoints again because of the name of the run's folder; and in distributed training if
        `evaluate_on_test` is set, which would never end.
    """

    def __init__(self, serialization_dir: str) -> None:
        super().__init__(serialization_dir)
        check_run_folder(serialization_dir)
        _check_test(Path(serialization_dir) / CONFIG_NAME)
        self._data_state_at_start: Optional[Dict[str, Any]] = None
        self._data_state_after_batch: Optional[Dict[str, Any]] = None
        self._restored: Optional[Dict[str, Any]] = None
        self._of_all_workers: List[Dict[str, Any]] = []
        self._is_saved_within_epochs = False

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        super().on_start(trainer, is_primary)
        self._is_saved_within_epochs = getattr(trainer._checkpointer, "_save_every_num_batches", None) is not None
        if self._restored is None:
            self._data_state_at_start = _data_state()
            return
        mine = self._restored["workers"][dist.get_rank() if is_distributed() else 0]
        self._data_state_at_start = mine["data_at_start"]
        self._data_state_after_batch = mine["data_after_batch"]
        _set_data_state(mine["data_at_start"])
        _set_torch_state(mine["torch"])

    def on_batch(self, *args: Any, is_training: bool = True, **kwargs: Any) -> None:
        if is_training:
            self._data_state_after_batch = _data_state()
            if self._is_saved_within_epochs:
                self._gather()

    def on_epoch(self, *args: Any, **kwargs: Any) -> None:
        if self._data_state_after_batch is not None:
            _set_data_state(self._data_state_after_batch)
        self._gather()

    def state_dict(self) -> Dict[str, Any]:
        return {"workers": self._of_all_workers if is_distributed() else [self._state()]}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        self._restored = state_dict

    def _state(self) -> Dict[str, Any]:
        return {
            "data_at_start": self._data_state_at_start,
            "data_after_batch": self._data_state_after_batch,
            "torch": _torch_state(),
        }

    def _gather(self) -> None:
        """Gathers the states of all workers, before the primary one writes a checkpoint."""
        if is_distributed():
            states: List[Any] = [None] * dist.get_world_size()
            dist.all_gather_object(states, self._state())
            self._of_all_workers = states


def _check_test(config_file: Path) -> None:
    """
    Refuses `evaluate_on_test` in distributed training: AllenNLP runs the test in the primary process alone, and metrics that sum
    over all processes would wait for the others forever.
    """
    config = json.loads(config_file.read_bytes()) if config_file.exists() else {}
    if all(config.get(name) for name in ("distributed", "evaluate_on_test", "test_data_path")):
        raise ConfigurationError(
            "'evaluate_on_test' and 'distributed' cannot be combined: AllenNLP runs the test in one process alone, which would "
            "wait for the others forever. Set 'evaluate_on_test' to false, and run `allennlp evaluate` after the training."
        )


def _data_state() -> Dict[str, Any]:
    """The state of the generators that data loading uses, as plain numbers (checkpoints are loaded with `weights_only`)."""
    version, python, gauss = random.getstate()
    name, keys, position, has_gauss, cached = numpy.random.get_state(legacy=True)
    return {
        "python": [version, list(python), gauss],
        "numpy": [name, numpy.asarray(keys).tolist(), position, has_gauss, cached],
    }


def _set_data_state(state: Dict[str, Any]) -> None:
    version, python, gauss = state["python"]
    random.setstate((version, tuple(python), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    numpy.random.set_state((name, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, cached))


def _torch_state() -> Dict[str, Any]:
    return {"cpu": torch.get_rng_state(), "cuda": [torch.cuda.get_rng_state(device) for device in _devices()]}


def _set_torch_state(state: Dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if len(state["cuda"]) == len(_devices()):
        for device, generator in zip(_devices(), state["cuda"]):
            torch.cuda.set_rng_state(generator.cpu(), device)


def _devices() -> List[int]:
    """The GPUs of this process. In distributed training that is one; the others' memory should not be touched."""
    if not torch.cuda.is_available():
        return []
    return [torch.cuda.current_device()] if is_distributed() else list(range(torch.cuda.device_count()))
