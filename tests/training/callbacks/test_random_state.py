"""A training that is killed and recovered gives what it would have given without the interruption."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from conftest import REPOSITORY

from lowresource_ner.training import RandomState

SUPPORT = REPOSITORY / "tests/support"
CALLBACKS = ["random_state", "recovery", "keep_last_epoch", "kill_at_batch"]
CONFIG = REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"
OVERRIDES = {
    "trainer.num_epochs": 3,
    "trainer.optimizer.lr": 1e-3,
    "trainer.checkpointer.save_every_num_batches": 5,
    "data_loader.batch_sampler.batch_size": 8,
    # The validation loader draws on the random generators as well, between the epochs.
    "validation_data_loader.batch_sampler.shuffle": True,
}


def train(allennlp, folder: Path, callbacks: list, *options: object, **variables: str):
    overrides = {**OVERRIDES, "trainer.callbacks": [{"type": name} for name in callbacks]}
    packages = ["--include-package", "kill_at_batch"]
    arguments = ["train", CONFIG, "-s", folder, "-o", json.dumps(overrides), *packages, *options]
    return allennlp(*arguments, check=False, PYTHONPATH=str(SUPPORT), **variables)


def weights(folder: Path) -> dict:
    return torch.load(folder / "best.th", weights_only=True)


def differing(first: dict, second: dict) -> list:
    assert first.keys() == second.keys() and len(first) > 20
    return [name for name in first if not torch.equal(first[name], second[name])]


def test_killed_and_recovered_equals_unbroken(allennlp, unbroken, tmp_path) -> None:
    """In the middle of the second epoch; test_recovery.py has other moments."""
    killed = train(allennlp, tmp_path / "run", CALLBACKS, KILL_AT_BATCH="25")
    assert killed.returncode == -signal.SIGKILL
    recovered = train(allennlp, tmp_path / "run", CALLBACKS, "--recover")
    assert recovered.returncode == 0, recovered.stderr[-3000:]
    assert differing(weights(unbroken), weights(tmp_path / "run")) == []


def test_two_processes_killed_and_recovered_equal_unbroken_ones(environment, tmp_path) -> None:
    """After the third of the second epoch's 4 batches; the last checkpoint is of the second."""
    overrides = {
        **OVERRIDES,
        "dataset_reader.sample": 64,
        "validation_dataset_reader.sample": 16,
        "trainer.cuda_device": None,
        "trainer.callbacks": [{"type": name} for name in CALLBACKS],
        "trainer.checkpointer.save_every_num_batches": 2,
        "distributed": {"cuda_devices": [-1, -1]},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(Params.from_file(CONFIG, json.dumps(overrides)).as_dict(quiet=True)))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(SUPPORT)])}
    command = [sys.executable, SUPPORT / "two_workers.py", path, tmp_path, "7"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "SIGKILL" in done.stdout
    assert differing(weights(tmp_path / "unbroken"), weights(tmp_path / "killed")) == []


@pytest.fixture(scope="module")
def unbroken(allennlp, tmp_path_factory) -> Path:
    """The run without interruption: 3 epochs of 15 batches, a checkpoint every 5."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    completed = train(allennlp, folder, CALLBACKS)
    assert completed.returncode == 0, completed.stderr[-3000:]
    return folder


def test_a_folder_whose_checkpoints_allennlp_would_not_find_again_is_refused(tmp_path):
    RandomState(str(tmp_path / "run (1)"))
    with pytest.raises(ConfigurationError, match="Give '-s' another name"):
        RandomState(str(tmp_path / "run[1]"))


def test_a_test_that_several_processes_would_wait_for_is_refused(tmp_path):
    asked = {"distributed": {"cuda_devices": [0, 1]}, "evaluate_on_test": True, "test_data_path": "test.conll"}
    (tmp_path / "config.json").write_text(json.dumps(asked))
    with pytest.raises(ConfigurationError, match="do not go together.*`allennlp evaluate`"):
        RandomState(str(tmp_path))
    for name in asked:
        (tmp_path / "config.json").write_text(json.dumps({**asked, name: None}))
        RandomState(str(tmp_path))
