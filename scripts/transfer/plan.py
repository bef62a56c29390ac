"""From what is asked for to the steps that make it. Nothing is run here, and only the training configs are read."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List

import _jsonnet

from transfer.step import Step

CONFIGS = Path("training_configs/cross_lingual")
# The configs of students with one teacher, by the system's name.
STUDENTS = {"hl": "student_hard", "ts": "student_soft"}
SYSTEMS = ["mt", *STUDENTS]


@dataclass(frozen=True)
class Request:
    """What the user asks for; `scripts/cross_lingual.py --help` says what each means."""

    data: Path
    sources: List[str]
    target: str
    runs: Path
    systems: List[str]
    encoder: str = "multilingual-mini"
    seeds: List[int] = field(default_factory=lambda: [13, 14, 15])
    split: str = "test"
    label_map: Dict[str, str] = field(default_factory=dict)
    rounds: int = 1
    overrides: Dict[str, Any] = field(default_factory=dict)
    device: int = -1


@dataclass(frozen=True)
class Result:
    """One number of the table: where `allennlp evaluate` writes the scores of a system with a seed."""

    system: str
    seed: int
    scores: Path


class Plan:
    """
    The steps of a request, each after those whose outputs it reads.

    # Parameters

    request : `Request`

    # Raises

    `ValueError`
        For systems that do not exist and files that are missing: all that can be said before the long work begins.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._steps: Dict[str, Step] = {}
        self.results: List[Result] = []
        _check(request)
        for system in request.systems:
            for source in request.sources:
                for seed in request.seeds:
                    self._single_source(system, source, seed)

    @property
    def steps(self) -> List[Step]:
        return list(self._steps.values())

    # Systems

    def _single_source(self, system: str, source: str, seed: int) -> None:
        teacher = self._teacher(source, seed)
        if system == "mt":
            self._evaluation("mt", source, seed, teacher)
            return
        for number in range(1, (self._request.rounds if system == "ts" else 1) + 1):
            title = system if number == 1 else f"{system}-{number}"
            teacher = self._student(title, STUDENTS[system], source, seed, teacher)
            self._evaluation(title, source, seed, teacher)

    # Steps

    def _teacher(self, source: str, seed: int) -> Path:
        request = self._request
        overrides: Dict[str, Any] = {}
        if request.label_map:
            overrides["dataset_reader.label_map"] = overrides["validation_dataset_reader.label_map"] = request.label_map
        inputs = [request.data / source / f"{split}.conll" for split in ("train", "dev")]
        name = f"teacher-{_plain(source)}-{seed}"
        return self._training(name, "teacher", overrides, inputs, {"SOURCE": source, "SEED": str(seed)})

    def _student(self, title: str, config: str, source: str, seed: int, teacher: Path) -> Path:
        overrides, text = self._target_text()
        overrides["dataset_reader.store"] = str(self._request.runs / "soft_labels")
        name = f"{title}-{_plain(source)}-{_plain(self._request.target)}-{seed}"
        variables = {"TARGET": self._request.target, "TEACHER": str(teacher), "SEED": str(seed)}
        return self._training(name, config, overrides, [text, teacher], variables)

    def _training(
        self, name: str, config: str, overrides: Dict[str, Any], inputs: List[Path], variables: Dict[str, str]
    ) -> Path:
        """Adds a training, and gives the archive that it makes."""
        request = self._request
        overrides = {**overrides, **request.overrides}
        variables = {"NER_DATA": str(request.data), "ENCODER": request.encoder, **variables}
        path = str(CONFIGS / f"{config}.jsonnet")
        # Another device makes the same model: what was trained on a GPU is not trained again on a machine without one.
        evaluated = json.loads(_jsonnet.evaluate_file(path, ext_vars={**variables, "DEVICE": "-1"}))
        folder = request.runs / name
        archive = folder / "model.tar.gz"
        self._add(
            Step(
                name=name,
                command=["train", path, "-s", str(folder), "-o", json.dumps(overrides)],
                variables={**variables, "DEVICE": str(request.device)},
                settings={"config": evaluated, "overrides": overrides},
                inputs=[*inputs, *_files(request.encoder)],
                outputs=[archive],
            )
        )
        return archive

    def _evaluation(self, title: str, source: str, seed: int, archive: Path) -> None:
        """Adds the evaluation of an archive on the target, and a number of the table."""
        request = self._request
        name = f"{title}-{_plain(source)}-{_plain(request.target)}-{seed}-{request.split}"
        overrides: Dict[str, Any] = {"validation_dataset_reader.repair": True}
        if request.label_map:
            overrides["validation_dataset_reader.label_map"] = request.label_map
        text = request.data / request.target / f"{request.split}.conll"
        scores = request.runs / "scores" / f"{name}.json"
        command = ["evaluate", str(archive), str(text), "-o", json.dumps(overrides), "--output-file", str(scores)]
        self._add(
            Step(
                name=f"evaluate-{name}",
                command=[*command, "--cuda-device", str(request.device)],
                variables={},
                settings={"overrides": overrides},
                inputs=[archive, text],
                outputs=[scores],
            )
        )
        system = title if len(request.sources) == 1 else f"{title} ({source})"
        self.results.append(Result(system, seed, scores))

    def _target_text(self) -> tuple[Dict[str, Any], Path]:
        """Raw text of the target, or else the words of its training file, whose tags are not read."""
        folder = self._request.data / self._request.target
        if (folder / "raw.txt").exists():
            return {}, folder / "raw.txt"
        text = folder / "train.conll"
        reader = {"dataset_reader.reader.type": "conll_ner", "dataset_reader.reader.labelled": False}
        return {**reader, "train_data_path": str(text)}, text

    def _add(self, step: Step) -> None:
        self._steps.setdefault(step.name, step)


def _check(request: Request) -> None:
    unknown = [system for system in request.systems if system not in SYSTEMS]
    if unknown:
        raise ValueError(f"There are no systems {unknown}. Known are {SYSTEMS}.")
    needed = [request.data / source / f"{split}.conll" for source in request.sources for split in ("train", "dev")]
    needed.append(request.data / request.target / f"{request.split}.conll")
    missing = [str(path) for path in needed if not path.is_file()]
    text = request.data / request.target
    if set(request.systems) & set(STUDENTS) and not any((text / name).is_file() for name in ("raw.txt", "train.conll")):
        missing.append(f"{text / 'raw.txt'} (or train.conll, of which the words are read)")
    if missing:
        raise ValueError(
            "Files are missing:\n  - "
            + "\n  - ".join(missing)
            + "\nNER_DATA (--data) is the folder of the corpora, and "
            "--source and --target name folders in it: NER_DATA/<language>/{train,dev,test}.conll."
        )


def _plain(corpus: str) -> str:
    return corpus.strip("/").replace("/", "_")


def _files(encoder: str) -> List[Path]:
    """The files of an encoder that is a folder or an archive; none for one of the hub or of this package."""
    path = Path(encoder)
    return (
        sorted(each for each in path.rglob("*") if each.is_file())
        if path.is_dir()
        else [path]
        if path.is_file()
        else []
    )
