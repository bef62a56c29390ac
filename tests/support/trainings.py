"""Trainings by a config: built, run, killed and recovered, and compared."""

import json
import signal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Callable, Dict, List, Mapping, Tuple

import torch
from allennlp.commands.train import TrainModel
from allennlp.common import Params
from allennlp.common.util import prepare_environment

Command = Callable[..., CompletedProcess[str]]
"""The fixture `allennlp`."""

FORKED_WORKERS = ["--include-package", "support.forked_workers"]
"""Options of a distributed training, whose workers else start anew."""


def training_loop(params: Params, folder: Path) -> TrainModel:
    """All that `allennlp train` builds before it trains: model, data and trainer, with the config's seeds."""
    prepare_environment(params)
    return TrainModel.from_params(params=params, serialization_dir=str(folder), local_rank=0)


def train(
    allennlp: Command, config: Path, folder: Path, overrides: Dict[str, Any], *options: object, **how: Any
) -> CompletedProcess[str]:
    """`allennlp train`, for which the callback `kill_at_batch` is known."""
    packages = ["--include-package", "support.kill_at_batch"]
    return allennlp("train", config, "-s", folder, "-o", json.dumps(overrides), *packages, *options, **how)


def kill_and_recover(
    allennlp: Command, config: Path, folder: Path, overrides: Dict[str, Any], batch: int, *options: object, **how: Any
) -> Tuple[CompletedProcess[str], CompletedProcess[str]]:
    """A training that is killed after this batch, and taken up by `--recover`."""
    arguments = (allennlp, config, folder, overrides, *options)
    killed = train(*arguments, check=False, KILL_AT_BATCH=str(batch), **how)
    # Where workers train, they are killed, and their parent ends with an error that says so.
    assert killed.returncode == -signal.SIGKILL or "signal SIGKILL" in killed.stderr, killed.stderr[-3000:]
    assert not (folder / "model.tar.gz").exists()
    return killed, train(*arguments, "--recover", **how)


def best_weights(folder: Path) -> Dict[str, torch.Tensor]:
    """Those that the run in a folder has chosen."""
    weights: Dict[str, torch.Tensor] = torch.load(folder / "best.th", weights_only=True)
    return weights


def differing(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor], fewest: int = 21) -> List[str]:
    """The names of the weights that are not the same bit for bit; both must have the same names, so many at least."""
    assert first.keys() == second.keys() and len(first) >= fewest
    return [name for name in first if not torch.equal(first[name], second[name])]


def measured(folder: Path) -> Dict[str, Any]:
    """The metrics.json of a run, without times and memory."""
    metrics = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in metrics.items() if "duration" not in name and "memory" not in name}
