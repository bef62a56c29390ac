"""What all tests share: the fixtures' places, and archives trained by the real command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Callable, Dict, List, Sequence

import numpy
import pytest
from filelock import FileLock
from support.forked_python import run_python

REPOSITORY = Path(__file__).resolve().parent.parent
FIXTURES = REPOSITORY / "fixtures"
CORPORA = FIXTURES / "corpora"
TINY_ENCODER = FIXTURES / "encoders" / "tiny"

os.environ["HF_HUB_OFFLINE"] = "1"
# The tests' models are tiny: many small operations, which are slower on several threads than on one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

Command = Callable[..., CompletedProcess[str]]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """
    Files that run whole commands (those of tests/, tests/training) come first, so that no worker is left with a long one. Tests
    that run commands, or need an archive that one has trained, are slow, and so are those of the wheel.
    """
    top = Path(__file__).parent
    items.sort(key=lambda item: item.path.parent not in (top, top / "training"))
    for item in items:
        if {"allennlp", "wheel"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Tests that run commands in this process have imported AllenNLP by now."""
    if "allennlp.commands" in sys.modules:
        import support.imported_once  # noqa: F401


@pytest.fixture(scope="session")
def settings() -> Dict[str, str]:
    """The variables that the training configs read, set for the fixtures."""
    return {
        "NER_DATA": str(CORPORA),
        "SOURCE": "en",
        "TARGET": "bio",
        "UNLABELLED": "sea",
        "VECTORS": str(FIXTURES / "vectors" / "tiny.16d.txt.gz"),
        "VECTORS_DIM": "16",
        "ELMO_OPTIONS": str(FIXTURES / "elmo" / "options.json"),
        "ELMO_WEIGHTS": str(FIXTURES / "elmo" / "weights.hdf5"),
        "ENCODER": str(TINY_ENCODER),
        "ENCODER_SIZE": "auto",
        "SEED": "13",
        "DEVICE": "-1",
    }


@pytest.fixture
def environment(settings: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same variables, for configs that a test reads itself."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def allennlp(settings: Dict[str, str]) -> Command:
    """
    Runs an `allennlp` command in the repository, as a process of its own, and fails the test with its output where it fails. The
    process is forked from one that has imported AllenNLP and this package; with `anew=True` it imports them itself, as it does
    for a user. With `forks_steps=True` the commands that it runs are forked from it in turn.
    """

    def run(
        *arguments: object,
        cwd: Path = REPOSITORY,
        check: bool = True,
        anew: bool = False,
        forks_steps: bool = False,
        **variables: str,
    ) -> CompletedProcess[str]:
        command = ["-m", "allennlp", *map(str, arguments)]
        environment = {**os.environ, **settings, **variables}
        if anew:
            python = [sys.executable, *command]
            completed = subprocess.run(python, cwd=cwd, env=environment, capture_output=True, text=True)
        else:
            completed = run_python(command, cwd, environment, forks_steps)
        if check:
            assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-3000:]
        return completed

    return run


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A folder that `make` fills, once for all of pytest-xdist's workers, which wait for the first."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, make: Callable[[Path], None]) -> Path:
        path = shared / name
        with FileLock(f"{path}.lock"):
            if not path.exists():
                unfinished = shared / f"{name}.unfinished"
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(path)
        return path

    return folder


@pytest.fixture(scope="session")
def teacher(allennlp: Command, made_once) -> Path:
    """
    The archive of a teacher, trained by `allennlp train` from an encoder folder that is gone afterwards, and moved away from
    the folder of its run: what it needs it must carry.
    """

    def train(folder: Path) -> None:
        encoder = shutil.copytree(TINY_ENCODER, folder / "encoder")
        overrides = '{"trainer.num_epochs": 2, "trainer.optimizer.lr": 1e-3}'
        config = REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"
        allennlp("train", config, "-s", folder / "run", "-o", overrides, ENCODER=str(encoder))
        archive = folder / "moved" / "model.tar.gz"
        archive.parent.mkdir()
        shutil.move(folder / "run" / "model.tar.gz", archive)
        shutil.rmtree(encoder)
        shutil.rmtree(folder / "run")

    return made_once("teacher", train) / "moved" / "model.tar.gz"


@pytest.fixture(scope="session")
def cross_domain_archive(allennlp: Command, made_once) -> Path:
    """The archive of pgn.jsonnet, trained for two epochs; its run lies beside it."""

    def train(folder: Path) -> None:
        config = REPOSITORY / "training_configs/cross_domain/pgn.jsonnet"
        allennlp("train", config, "-s", folder / "run", "-o", '{"trainer.num_epochs": 2}')

    return made_once("cross_domain", train) / "run" / "model.tar.gz"


def archive_weights(path: Path) -> dict:
    """The weights of an archive's model, by name."""
    from lowresource_ner.archives.archive import Archive  # not before the variables above are set

    with Archive(path) as archive:
        return archive.weights()


def conll_blocks(path: Path, separator: str = "\t") -> Sequence[Sequence[Sequence[str]]]:
    """The blocks of a simple CoNLL file, read without the package: an independent count for the tests."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [[line.split(separator) for line in block.split("\n")] for block in blocks]


def file_under(array: numpy.ndarray) -> Path | None:
    """The file that this array is a map of, as the kernel has it (Linux); None where it lies in memory."""
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_, path = line.split(maxsplit=5)
        start, end = (int(part, 16) for part in span.split("-"))
        if start <= address < end:
            return Path(path) if path.startswith("/") else None
    return None
