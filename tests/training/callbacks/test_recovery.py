"""
Whatever file of a run is being written, renamed or removed when the process is killed, `--recover` ends with the weights and the
metrics.json of the run that was not. What a kill leaves is had without one: a copy of the folder before each of these events.
"""

import copy
import json
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import numpy
import pytest
import torch
from allennlp.commands.train import train_model
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError
from allennlp.training.callbacks import TrainerCallback
from conftest import REPOSITORY, archive_weights
from support.full_disk import no_file_over
from support.snapshots import recorded
from support.trainings import differing, measured

pytestmark = pytest.mark.slow

WITHIN_EPOCHS = {
    "dataset_reader.sample": 32,
    "validation_data_loader.batch_sampler.shuffle": True,
    "trainer.checkpointer.save_every_num_batches": 2,
    "trainer.checkpointer.save_completed_epochs": False,
}
KINDS: Dict[str, Dict[str, Any]] = {
    # The best epoch is the last one, and a temperature is put into best.th in the end.
    "teacher_crf": {"config": "cross_lingual/teacher_crf", "trainer.optimizer.lr": 1e-3},
    # The loss that counts rises from the first epoch on, until patience runs out.
    "patience": {
        "config": "cross_lingual/teacher_crf",
        "trainer.validation_metric": "+loss",
        "trainer.patience": 2,
        "trainer.num_epochs": 9,
    },
    # Nothing is selected.
    "last_epoch": {"config": "cross_lingual/teacher"},
    "average": {"config": "cross_lingual/teacher_crf", "trainer.moving_average": {"type": "exponential", "decay": 0.5}},
    # No checkpoints between the epochs, but within them: the last one is written before validation, which draws as well.
    "within_epochs": {"config": "cross_lingual/teacher", **WITHIN_EPOCHS},
    "gpu": {"config": "cross_lingual/teacher_crf", "trainer.cuda_device": 0},
    "gpu_amp": {"config": "cross_lingual/teacher", "trainer.cuda_device": 0, "trainer.use_amp": True, **WITHIN_EPOCHS},
    "without_random_state": {
        "config": "cross_lingual/teacher",
        "trainer.callbacks": [{"type": "recovery"}, {"type": "keep_last_epoch"}],
        **WITHIN_EPOCHS,
    },
}


ALL_MOMENTS = ("teacher_crf", "within_epochs")
"""Of the others the moments between which something changes for good."""


class Run(NamedTuple):
    """A training that was not broken off: what a kill would have left of it, and what came of it."""

    config: Callable[[], Params]
    folder: Path
    left: List[Path]
    weights: Dict[str, torch.Tensor]
    metrics: Dict[str, Any]


@pytest.fixture(scope="module")
def run(request, settings, tmp_path_factory) -> Iterator[Run]:
    if "gpu" in request.param and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    kind = dict(KINDS[request.param])
    path = REPOSITORY / "training_configs" / f"{kind.pop('config')}.jsonnet"
    changes = {
        "trainer.num_epochs": 3,
        "data_loader.batch_sampler.batch_size": 8,
        "dataset_reader.sample": 24,
        "validation_dataset_reader.sample": 16,
        **kind,
    }

    def config() -> Params:
        return Params.from_file(path, json.dumps(changes))

    base = tmp_path_factory.mktemp(request.param)
    folder = base / "run"
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        with recorded(folder, base / "left") as recorder:
            train_model(config(), str(folder))
        yield Run(config, folder, recorder.copies, archive_weights(folder / "model.tar.gz"), measured(folder))


def moment(run: Run, event: str) -> Path:
    return next(left for left in run.left if event in left.name)


def put_back(run: Run, left: Path) -> None:
    shutil.rmtree(run.folder, ignore_errors=True)
    shutil.copytree(left, run.folder)


def recover(run: Run, left: Path) -> Dict[str, torch.Tensor]:
    put_back(run, left)
    train_model(run.config(), str(run.folder), recover=True)
    return archive_weights(run.folder / "model.tar.gz")


@pytest.mark.parametrize("run", [kind for kind in KINDS if kind != "without_random_state"], indirect=True)
def test_every_moment_of_the_last_checkpoint_and_of_the_end(run: Run, request) -> None:
    kind = request.node.callspec.params["run"]
    begins = [number for number, left in enumerate(run.left) if "open-.training_state" in left.name]
    chosen = run.left[begins[-1] - 1 :]
    decisive = ("os.rename-training_state", "os.rename-model_state", "open-metrics.json", "open-model.tar.gz")
    found = [left for event in decisive for left in chosen if event in left.name]
    assert len(found) == len(decisive)
    if kind not in ALL_MOMENTS:
        chosen = found
    for left in chosen:
        weights = recover(run, left)
        assert differing(run.weights, weights) == [], left.name
        if "trainer.checkpointer.save_every_num_batches" not in KINDS[kind]:
            # Of an epoch that is broken off, the metrics are of its rest.
            assert measured(run.folder) == run.metrics, left.name
        assert not [path for path in run.folder.iterdir() if path.suffix in (".part", ".tmp", ".damaged")], left.name


@pytest.mark.parametrize("run", ["without_random_state"], indirect=True)
def test_without_the_random_state_the_weights_differ(run: Run) -> None:
    assert differing(run.weights, recover(run, moment(run, "open-.training_state_e2"))) != []


@pytest.mark.parametrize("run", ["patience"], indirect=True)
def test_the_best_epoch_was_the_first_one(run: Run) -> None:
    """A precondition of the test above."""
    assert (run.metrics["best_epoch"], run.metrics["epoch"]) == (0, 2)


@pytest.mark.parametrize("run", ["teacher_crf"], indirect=True)
@pytest.mark.parametrize("damage", ["cut model", "no state", "all"])
def test_a_damaged_checkpoint_is_passed_over(run: Run, damage, tmp_path) -> None:
    left = shutil.copytree(moment(run, "open-metrics.json"), tmp_path / "left")
    models, states = (sorted(left.glob(f"{kind}_state_e*.th")) for kind in ("model", "training"))
    assert [path.name for path in models] == ["model_state_e2_b0.th", "model_state_e3_b0.th"]
    for path in {"no state": [states[1]], "all": models}.get(damage, [models[1]]):
        content = path.read_bytes()
        path.unlink()
        if damage != "no state":
            path.write_bytes(content[:1000])
    weights = recover(run, left)
    told = (run.folder / "out.log").read_text()
    assert "after 3 epochs and 0 batches is damaged and skipped" in told
    assert ("training starts from the beginning" in told) == (damage == "all")
    assert differing(run.weights, weights) == [] and measured(run.folder) == run.metrics
    assert (run.folder / "model_state_e3_b0.th.damaged").exists()


@pytest.mark.parametrize("run", ["patience"], indirect=True)
def test_a_full_disk_leaves_the_checkpoint_before(run: Run) -> None:
    begun = moment(run, "open-metrics_epoch_2.json")
    put_back(run, begun)
    with (
        no_file_over(100_000),
        pytest.raises(OSError, match="training_state_e3_b0.th' could not be written: the .*--recover"),
    ):
        train_model(run.config(), str(run.folder), recover=True)
    assert sorted(path.name for path in run.folder.glob("*.th")) == sorted(path.name for path in begun.glob("*.th"))
    assert not list(run.folder.glob(".*.part"))
    train_model(run.config(), str(run.folder), recover=True)
    assert differing(run.weights, archive_weights(run.folder / "model.tar.gz")) == []
    assert measured(run.folder) == run.metrics


@pytest.mark.parametrize("run", ["patience"], indirect=True)
def test_a_run_that_was_moved_recovers_where_it_is(run: Run, tmp_path) -> None:
    shutil.copytree(moment(run, "open-metrics.json"), tmp_path / "moved")
    shutil.rmtree(run.folder)
    train_model(run.config(), str(tmp_path / "moved"), recover=True)
    assert differing(run.weights, archive_weights(tmp_path / "moved" / "model.tar.gz")) == []
    assert not run.folder.exists()


@pytest.mark.parametrize("run", ["last_epoch"], indirect=True)
def test_a_warning_about_another_checkpointer(run: Run, tmp_path) -> None:
    changed = run.config().as_dict(quiet=True)
    for name, checkpointer in (("atomic", {"type": "atomic"}), ("default", {})):
        changed["trainer"] |= {"checkpointer": checkpointer, "num_epochs": 1}
        train_model(Params(copy.deepcopy(changed)), str(tmp_path / name))
        is_told = "is not of type 'atomic'" in (tmp_path / name / "out.log").read_text()
        assert is_told == (name == "default")


@TrainerCallback.register("keeps")
class Keeps(TrainerCallback):
    """Has a state of its own in checkpoints."""

    state: Any = None

    def state_dict(self) -> Dict[str, Any]:
        return {"state": Keeps.state}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        Keeps.state = state_dict["state"]


@pytest.mark.parametrize("run", ["last_epoch"], indirect=True)
def test_numbers_of_numpy_are_kept_as_plain_ones_and_other_objects_refused_at_once(run: Run, tmp_path) -> None:
    changed = run.config().as_dict(quiet=True)
    changed["trainer"]["callbacks"].append({"type": "keeps"})
    config = Params(changed)
    Keeps.state = [numpy.float64(0.1), {"a": numpy.int64(3)}]
    train_model(config.duplicate(), str(tmp_path / "plain"))
    Keeps.state = None
    train_model(config.duplicate(), str(tmp_path / "plain"), recover=True)
    assert str(Keeps.state) == "[0.1, {'a': 3}]"
    Keeps.state = Path("x")
    with pytest.raises(ConfigurationError, match=r"pathlib.PosixPath\). Keep plain values in the state"):
        train_model(config.duplicate(), str(tmp_path / "other"))
    assert not list((tmp_path / "other").glob("*.th"))


@pytest.mark.parametrize("run", ["last_epoch"], indirect=True)
def test_a_finished_run_stays_as_it_is(run: Run) -> None:
    recover(run, run.left[-1])
    metrics = (run.folder / "metrics.json").read_bytes()
    train_model(run.config(), str(run.folder), recover=True)
    assert (run.folder / "metrics.json").read_bytes() == metrics
    assert differing(run.weights, archive_weights(run.folder / "model.tar.gz")) == []
