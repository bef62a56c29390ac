"""
The runs that kills.py interrupts: for each kind, the commands that start and resume it, whether it has child processes, its
phases, and its result.
"""

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import torch
from conftest import CORPORA, FIXTURES, REPOSITORY, TINY_ENCODER

from fuzz.file_events import Event

VARIABLES = {
    "NER_DATA": str(CORPORA),
    "SOURCE": "en",
    "TARGET": "bio",
    "UNLABELLED": "sea",
    "VECTORS": str(FIXTURES / "vectors" / "tiny.16d.txt.gz"),
    "VECTORS_DIM": "16",
    "ENCODER": str(TINY_ENCODER),
    "ENCODER_SIZE": "auto",
    "SEED": "13",
    "DEVICE": "-1",
    "WEIGHTS": "uniform",
}
Result = Dict[str, str]
"""What must be the same as in an uninterrupted run, by name: digests of files and tensors, and numbers as text."""


@dataclass(frozen=True)
class Training:
    """
    `allennlp train`. It is resumed by `--recover`, or by `--force` if it was interrupted before its config.json was complete,
    since AllenNLP recovers no run without one.

    # Parameters

    name : `str`
    config : `str`
        Below training_configs.
    overrides : `Dict[str, Any]`
    num_kills : `int`
        The default number of kills.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Variables in addition to `VARIABLES`.
    are_metrics_compared : `bool`, optional (default = `True`)
        False if checkpoints are written within an epoch, whose metrics then only count the batches after the checkpoint.
    """

    name: str
    config: str
    overrides: Dict[str, Any]
    num_kills: int
    variables: Dict[str, str] = field(default_factory=dict)
    are_metrics_compared: bool = True
    has_processes = False

    @property
    def environment(self) -> Dict[str, str]:
        return VARIABLES | self.variables

    def command(self, folder: Path) -> List[str]:
        config = str(REPOSITORY / "training_configs" / f"{self.config}.jsonnet")
        return ["-m", "allennlp", "train", config, "-s", str(folder), "-o", json.dumps(self.overrides)]

    def resuming(self, folder: Path) -> List[str]:
        return [*self.command(folder), "--recover" if _is_whole_json(folder / "config.json") else "--force"]

    def phases(self, events: Sequence[Event]) -> List[str]:
        epochs = [int(epoch) for event in events for epoch in re.findall(r"_state_e(\d+)_b", event.path)]
        last = rf"_state_e{max(epochs)}_b"
        begun_by = {"checkpoints": "_state_e", "last epoch": last, "archive": r"model\.tar\.gz"}
        return phases_begun_by(begun_by, events)

    def result(self, folder: Path) -> Result:
        return names_below(folder) | training_result(folder, self.are_metrics_compared)


@dataclass(frozen=True)
class Pretraining:
    """`allennlp pretrain-encoder`, which resumes by the same command."""

    name: str
    arguments: Sequence[str]
    num_kills: int

    environment = VARIABLES
    has_processes = False

    def command(self, folder: Path) -> List[str]:
        text = f"sw={CORPORA / 'sw' / 'raw.txt'}"
        command = ["-m", "allennlp", "pretrain-encoder", str(folder)]
        return [*command, "--encoder", str(TINY_ENCODER), "--text", text, *self.arguments]

    resuming = command

    def phases(self, events: Sequence[Event]) -> List[str]:
        last = max(int(step) for event in events for step in re.findall(r"checkpoint-(\d+)", event.path))
        begun_by = {
            "checkpoints": "checkpoint-",
            "last checkpoint": rf"checkpoint-{last}\b",
            "encoder": r"^(\.\w+/)?config\.json",
        }
        return phases_begun_by(begun_by, events)

    def result(self, folder: Path) -> Result:
        report = json.loads((folder / "pretraining.json").read_text(encoding="utf-8"))
        for name in ("command", "hours"):
            del report[name]
        files = [path for path in folder.iterdir() if path.is_file() and path.name != "pretraining.json"]
        return names_below(folder) | numbers_of(report) | {path.name: digest(path.read_bytes()) for path in files}


@dataclass(frozen=True)
class Experiment:
    """
    `allennlp cross-lingual` or `ner-table`, which is resumed by the same command. Its steps are processes of their own.

    # Parameters

    name : `str`
    arguments : `Sequence[str]`
        The command, all but `--runs`.
    begun_by : `Dict[str, str]`
        The phases; see `phases_begun_by`.
    report : `str`
        A pattern of the report's LaTeX files, which, unlike the other forms, contain no times.
    num_kills : `int`
    """

    name: str
    arguments: Sequence[str]
    begun_by: Dict[str, str]
    report: str
    num_kills: int

    environment = VARIABLES
    has_processes = True

    def command(self, folder: Path) -> List[str]:
        return ["-m", "allennlp", *self.arguments, "--runs", str(folder)]

    resuming = command

    def phases(self, events: Sequence[Event]) -> List[str]:
        return phases_begun_by(self.begun_by, events)

    def result(self, folder: Path) -> Result:
        found = names_below(folder)
        for archive in folder.glob("*/model.tar.gz"):
            result = training_result(archive.parent, place=folder)
            found |= {f"{archive.parent.name} {name}": value for name, value in result.items()}
        scores = [*folder.glob(self.report), *folder.glob("predictions/*")]
        assert len(scores) > 1, scores
        contents = {path: path.read_bytes().replace(str(folder).encode(), b"") for path in scores}
        return found | {str(path.relative_to(folder)): digest(content) for path, content in contents.items()}


Kind = Training | Pretraining | Experiment

_TEACHER = {"trainer.num_epochs": 3, "trainer.optimizer.lr": 1e-3}
_SMALL_PGN = {
    "model.encoder.hidden_size": 16,
    "trainer.num_epochs": 3,
    "trainer.optimizer": {"type": "adam", "lr": 0.02},
}
# The loss falls with every epoch. If the greatest counts as the best, early stopping ends the training.
_LAST_IS_BEST = {"trainer.validation_metric": "-loss"}
_FIRST_IS_BEST = {"trainer.validation_metric": "+loss", "trainer.patience": 2, "trainer.num_epochs": 5}
_STEPS = ["--steps", "12", "--evaluate-every", "5", "--batch-tokens", "512", "--learning-rate", "2e-3"]
_EVALUATED = [
    "--steps",
    "12",
    "--evaluate-every",
    "3",
    "--patience",
    "2",
    "--batch-tokens",
    "512",
    "--learning-rate",
    "0.5",
]

_CROSS_LINGUAL = [
    *"cross-lingual --source en --target es --systems ts --seeds 13 --overrides".split(),
    json.dumps({"trainer.num_epochs": 2, "trainer.optimizer.lr": 1e-3}),
]
_CROSS_LINGUAL_PHASES = {
    "teacher": r"^teacher-",
    "its archive": r"^teacher-.*model\.tar\.gz",
    "its scores": r"^logs/tag-",
    "soft labels": r"^(logs/)?soft.labels",
    "student": r"^ts-",
    "the student's archive": r"^ts-.*model\.tar\.gz",
    "results": r"^results",
}
_TABLE = Path(__file__).with_name("table.jsonnet")
# The system fine_tune begins from the archive of `source`, which is no row of the table.
_TABLE_PHASES = {
    "source": r"^source-",
    "the source's archive": r"^source-.*model\.tar\.gz",
    "fine-tuning": r"^fine_tune-",
    "the fine-tuned archive": r"^fine_tune-.*model\.tar\.gz",
    "tagging": r"^logs/tag-fine_tune-",
    "the other row": r"^crf-",
    "the report": r"^table",
}


def kinds(teacher: Path) -> List[Kind]:
    """Returns all kinds of runs, given the archive that `TEACHER` has trained."""
    taught = {"TARGET": "es", "TEACHER": str(teacher)}
    amid_epochs = {"trainer.checkpointer.save_every_num_batches": 5, "data_loader.batch_sampler.batch_size": 8}
    return [
        Training("teacher", "cross_lingual/teacher", _TEACHER, 20),
        Training("last_is_best", "cross_lingual/teacher_crf", _TEACHER | _LAST_IS_BEST, 15),
        Training("first_is_best", "cross_lingual/teacher_crf", _TEACHER | _FIRST_IS_BEST, 15),
        Training("student", "cross_lingual/student_soft", _TEACHER, 20, taught),
        Training("pgn", "cross_domain/pgn", _SMALL_PGN, 30),
        Training("adversarial", "cross_lingual/adversarial", _TEACHER, 15, taught),
        Training("amid_epochs", "cross_lingual/teacher", _TEACHER | amid_epochs, 20, are_metrics_compared=False),
        Pretraining("pretraining", _STEPS, 35),
        Pretraining("pretraining_stopped", _EVALUATED, 15),
        Experiment("cross_lingual", _CROSS_LINGUAL, _CROSS_LINGUAL_PHASES, "results-*.tex", 20),
        Experiment("ner_table", ["ner-table", str(_TABLE)], _TABLE_PHASES, "table.tex", 30),
    ]


TEACHER = Training("teacher of students", "cross_lingual/teacher", _TEACHER, 0)


def phases_begun_by(patterns: Dict[str, str], events: Sequence[Event]) -> List[str]:
    """Returns the phase of each event. A phase begins at the first event whose path matches its pattern; the first is "start"."""
    first = {
        name: next((event.number for event in events if re.search(pattern, event.path)), len(events) + 1)
        for name, pattern in patterns.items()
    }
    begun = sorted((number, name) for name, number in first.items())
    return [([name for number, name in begun if number <= event.number] or ["start"])[-1] for event in events]


def names_below(folder: Path) -> Result:
    """
    All files and folders, so that what an unfinished write has left is found; those that chance names, without their name. Whole
    checkpoints are left out: the last one's writer is often killed before it has removed the oldest, which harms nobody.
    """
    names = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    kept = (name for name in names if not re.search(r"(^|/)(model|training)_state_e\d+_b\d+\.th$", name))
    return {f"file {re.sub(r'(?<=^soft_labels/).*', '...', name)}": "" for name in kept}


def training_result(folder: Path, are_metrics_compared: bool = True, place: Path | None = None) -> Result:
    """
    Returns all files of the archive, the weights tensor by tensor, and metrics.json without times and memory. Paths below `place`
    in the config are taken as relative to it.
    """
    found: Result = {}
    with tarfile.open(folder / "model.tar.gz") as archive:
        for member in archive:
            if member.isfile():
                content = archive.extractfile(member).read()  # type: ignore[union-attr]
                if member.name == "weights.th":
                    found |= weights(content)
                elif member.name.endswith("namespaces.txt"):  # which AllenNLP writes in random order
                    found[member.name] = digest(b"\n".join(sorted(content.split())))
                else:
                    found[member.name] = digest(content.replace(str(place).encode(), b"") if place else content)
    if are_metrics_compared:
        found |= numbers_of(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    return found


def weights(content: bytes) -> Result:
    state = torch.load(io.BytesIO(content), weights_only=True)
    return {f"weight {name}": _digest_of_tensor(tensor) for name, tensor in state.items() if torch.is_tensor(tensor)}


def _digest_of_tensor(tensor: torch.Tensor) -> str:
    return digest(f"{tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.contiguous().view(-1).numpy().tobytes())


def numbers_of(value: Any, name: str = "") -> Result:
    """Returns the values in a JSON object by their keys, without times, speeds and memory."""
    if any(each in name for each in ("duration", "memory", "runtime", "per_second")):
        return {}
    if isinstance(value, dict):
        return {key: leaf for each in value for key, leaf in numbers_of(value[each], f"{name} {each}").items()}
    if isinstance(value, list):
        return {key: leaf for n, each in enumerate(value) for key, leaf in numbers_of(each, f"{name} {n}").items()}
    return {f"number{name}": repr(value)}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_whole_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def differences(found: Result, expected: Result) -> List[str]:
    """Describes the differences between two results."""
    missing, more = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    other = sorted(name for name in found.keys() & expected.keys() if found[name] != expected[name])
    told: List[Tuple[str, List[str]]] = [("lacks", missing), ("has besides", more), ("differs in", other)]
    return [f"{what} {len(names)}: {', '.join(names[:3])}" for what, names in told if names]
