"""A training that is killed and recovered gives the same result as an uninterrupted one."""

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from allennlp.common.checks import ConfigurationError
from conftest import REPOSITORY
from support.trainings import FORKED_WORKERS, best_weights, differing, kill_and_recover, train

from lowresource_ner.training import RandomState

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


def with_callbacks(**overrides: Any) -> Dict[str, Any]:
    return {**OVERRIDES, "trainer.callbacks": [{"type": name} for name in CALLBACKS], **overrides}


def test_killed_and_recovered_equals_unbroken(allennlp, unbroken, tmp_path) -> None:
    """In the middle of the second epoch; test_recovery.py has other moments."""
    kill_and_recover(allennlp, CONFIG, tmp_path, with_callbacks(), 25)
    assert differing(best_weights(unbroken), best_weights(tmp_path)) == []


def test_two_processes_killed_and_recovered_equal_unbroken_ones(allennlp, tmp_path) -> None:
    """After the third of the second epoch's 4 batches; the last checkpoint is of the second."""
    overrides = with_callbacks(
        **{
            "dataset_reader.sample": 64,
            "validation_dataset_reader.sample": 16,
            "trainer.cuda_device": None,
            "trainer.checkpointer.save_every_num_batches": 2,
            "distributed": {"cuda_devices": [-1, -1]},
        }
    )
    train(allennlp, CONFIG, tmp_path / "unbroken", overrides, *FORKED_WORKERS)
    kill_and_recover(allennlp, CONFIG, tmp_path / "killed", overrides, 7, *FORKED_WORKERS)
    unbroken, killed = (best_weights(tmp_path / name) for name in ("unbroken", "killed"))
    assert differing(unbroken, killed) == []


@pytest.fixture(scope="module")
def unbroken(allennlp, tmp_path_factory) -> Path:
    """The run without interruption: 3 epochs of 15 batches, a checkpoint every 5."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(allennlp, CONFIG, folder, with_callbacks())
    return folder


def test_a_folder_whose_checkpoints_allennlp_would_not_find_again_is_refused(tmp_path):
    RandomState(str(tmp_path / "run (1)"))
    with pytest.raises(ConfigurationError, match="Choose another name for '-s'"):
        RandomState(str(tmp_path / "run[1]"))


def test_a_test_that_several_processes_would_wait_for_is_refused(tmp_path):
    asked = {"distributed": {"cuda_devices": [0, 1]}, "evaluate_on_test": True, "test_data_path": "test.conll"}
    (tmp_path / "config.json").write_text(json.dumps(asked))
    with pytest.raises(ConfigurationError, match="cannot be combined.*`allennlp evaluate`"):
        RandomState(str(tmp_path))
    for name in asked:
        (tmp_path / "config.json").write_text(json.dumps({**asked, name: None}))
        RandomState(str(tmp_path))
