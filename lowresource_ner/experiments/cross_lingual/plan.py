"""Plans the steps of a request, without running them."""

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

from lowresource_ner.experiments.checkpoint_choice import checkpoint_choice, validated_on
from lowresource_ner.experiments.cross_lingual.entity_types import map_for, types_of
from lowresource_ner.experiments.cross_lingual.request import CONFIGS, Request
from lowresource_ner.experiments.cross_lingual.systems import (
    ADVERSARIAL,
    DIRECT,
    ONE_SOURCE,
    STUDENTS,
    TEACHER,
    UNIFORM,
    VOTING,
)
from lowresource_ner.experiments.result import Result
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.steps import allennlp, config_of, files_of, tagging, training

Overrides = Dict[str, Any]


class Cell(NamedTuple):
    """A system by its title in the table, the sources that it learns from, and the seed."""

    title: str
    sources: Tuple[str, ...]
    seed: int


class Plan:
    """
    The steps of a request, each after those that it depends on, and the results.

    # Parameters

    request : `Request`

    # Raises

    `ValueError`
        As in `Request.check`, and if overrides do not fit their config, or belong to a config that is not used.
    """

    def __init__(self, request: Request) -> None:
        request.check()
        self._request = request
        self._steps: Dict[str, Step] = {}
        self._configs: Set[str] = set()
        self.results: List[Result] = []
        self.rankings: List[Path] = []
        """The ranking of the sources for each seed, if requested; see `allennlp rank-sources --json`."""
        for system in request.systems:
            for seed in request.seeds:
                if system in ONE_SOURCE:
                    for source in request.sources:
                        self._one_source(system, source, seed)
                else:
                    self._several_sources(system, seed)
        if request.rank_sources:
            self.rankings = [self._ranking(seed) for seed in request.seeds]
        unused = sorted(set(request.config_overrides) - self._configs)
        if unused:
            raise ValueError(
                f"--config-overrides names {', '.join(unused)}, which none of the systems uses: {', '.join(request.systems)}."
            )

    @property
    def steps(self) -> List[Step]:
        return list(self._steps.values())

    # Systems

    def _one_source(self, system: str, source: str, seed: int) -> None:
        if system in DIRECT:
            self._evaluation(Cell(system, (source,), seed), self._tagger(DIRECT[system], source, seed))
            return
        kind = STUDENTS[system]
        teacher = self._tagger(kind.teacher, source, seed)
        others = {"DISCRIMINATOR": self._tagger(ADVERSARIAL, source, seed)} if kind.selected else {}
        for number in range(1, 1 + (self._request.rounds if system == "ts" else 1)):
            cell = Cell(system if number == 1 else f"{system}-{number}", (source,), seed)
            student = self._student(cell, kind.config, {"TEACHER": str(teacher)}, [teacher], others)
            self._evaluation(cell, student)
            teacher = student

    def _several_sources(self, system: str, seed: int) -> None:
        cell = Cell(system, tuple(self._request.sources), seed)
        teachers = [self._tagger(TEACHER, source, seed) for source in cell.sources]
        variables = {"TEACHERS": ",".join(f"{source}={archive}" for source, archive in zip(cell.sources, teachers))}
        if system == VOTING:
            self._evaluation(cell, self._vote(cell, variables, teachers), also=teachers)
            return
        others = {} if system == UNIFORM else {"SIMILARITY": self._similarity(seed)}
        student = self._student(cell, "student_multi_source", variables | {"WEIGHTS": system}, teachers, others)
        self._evaluation(cell, student)

    # Trainings. Each method returns the archive that the training writes.

    def _tagger(self, config: str, source: str, seed: int) -> Path:
        """A tagger of a source language. An adversarial one also reads the target's text."""
        request = self._request
        files = [request.data / source / f"{split}.conll" for split in ("train", "dev")]
        types = frozenset[str]().union(*map(types_of, files))
        label_map = map_for(types, request.label_map)
        overrides = mapped("validation_dataset_reader", label_map)
        if config != ADVERSARIAL:
            overrides |= mapped("dataset_reader", label_map)
            return self._training(
                f"{config}-{plain(source)}-{seed}", config, seed, {"SOURCE": source}, overrides, files
            )
        overrides |= mapped("dataset_reader.readers.ner_source", label_map)
        overrides |= self._text("dataset_reader.readers.text_target", "train_data_path.text_target")
        name = f"adversarial-{plain(source)}-{plain(request.target)}-{seed}"
        variables = {"SOURCE": source, "TARGET": request.target}
        return self._training(name, config, seed, variables, overrides, [*files, request.target_text])

    def _similarity(self, seed: int) -> Path:
        sources = self._request.sources
        files = [self._request.data / source / f"{split}.conll" for source in sources for split in ("train", "dev")]
        name = f"similarity-{plain(*sources)}-{seed}"
        return self._training(name, "similarity", seed, {"SOURCES": ",".join(sources)}, {}, files)

    def _student(
        self, cell: Cell, config: str, variables: Dict[str, str], teachers: Sequence[Path], others: Dict[str, Path]
    ) -> Path:
        """A student. `others` are archives other than the teachers', by the variable that names each in the config."""
        return self._training(
            self._name(cell),
            config,
            cell.seed,
            variables | {name: str(path) for name, path in others.items()} | {"TARGET": self._request.target},
            self._student_overrides(),
            [self._request.target_text, *teachers, *others.values()],
            after=[self._soft_labels(teacher) for teacher in teachers],
        )

    def _vote(self, cell: Cell, variables: Dict[str, str], teachers: Sequence[Path]) -> Path:
        variables = variables | {"TARGET": self._request.target}
        inputs = [self._request.target_text, *teachers]
        return self._training(self._name(cell), VOTING, cell.seed, variables, self._text("dataset_reader"), inputs)

    def _training(
        self,
        name: str,
        config: str,
        seed: int,
        variables: Dict[str, str],
        overrides: Overrides,
        inputs: Sequence[Path],
        after: Sequence[str] = (),
    ) -> Path:
        request = self._request
        # --overrides are meant for taggers, and do not fit other models.
        common = {} if config in ("similarity", "voting") else request.overrides
        overrides = overrides | common | request.config_overrides.get(config, {})
        self._configs.add(config)
        variables = {**self._variables(), "SEED": str(seed), **variables}
        step = training(
            name,
            config_file(config),
            variables,
            overrides,
            [*inputs, *files_of(request.encoder)],
            request.runs,
            request.device,
            after,
        )
        self._add(step)
        return step.outputs[0]

    def _variables(self) -> Dict[str, str]:
        request = self._request
        return {"NER_DATA": str(request.data), "ENCODER": request.encoder, "ENCODER_SIZE": request.encoder_size}

    # Other steps

    def _soft_labels(self, teacher: Path) -> str:
        """Adds the step in which a teacher labels the target's text for all its students. Returns the name of the step."""
        request = self._request
        overrides = self._student_overrides() | {
            key: value
            for key, value in (request.overrides | request.config_overrides.get("student_soft", {})).items()
            if key.split(".")[0] in ("dataset_reader", "train_data_path")
        }
        self._configs.add("student_soft")
        name = f"soft-labels-{teacher.parent.name}-{plain(request.target)}"
        variables = {**self._variables(), "TARGET": request.target, "TEACHER": str(teacher)}
        variables |= {"SEED": "0", "DEVICE": str(request.device)}
        self._add(
            Step(
                name=name,
                command=allennlp("soft-labels", config_file("student_soft"), "-o", json.dumps(overrides)),
                settings={"overrides": overrides},
                inputs=[request.target_text, teacher],
                outputs=[],  # all steps share the store, and a student computes what is missing
                variables=variables,
            )
        )
        return name

    def _ranking(self, seed: int) -> Path:
        """Ranks the sources by their similarity to the target's text. Returns the file that the step writes."""
        request = self._request
        archive = self._similarity(seed)
        name = f"rank-{plain(*request.sources)}-{plain(request.target)}-{seed}"
        output = request.runs / "rankings" / f"{name}.json"
        text_format = "text" if request.target_text.suffix == ".txt" else "conll"
        options = ["--input-format", text_format, "--seed", seed, "--cuda-device", request.device]
        command = allennlp("rank-sources", request.target_text, "--archive", archive, *options)
        inputs = [request.target_text, archive, *files_of(request.encoder)]
        self._add(Step(name, [*command, "--json", "--output-file", str(output)], {"seed": seed}, inputs, [output]))
        return output

    def _evaluation(self, cell: Cell, archive: Path, also: Sequence[Path] = ()) -> None:
        """Has an archive tag the target's labelled text, and adds its result. `also` are other archives that it reads."""
        request = self._request
        data = predictions = None
        if request.is_scored:
            overrides = {"validation_dataset_reader.repair": True}
            overrides |= mapped("validation_dataset_reader", request.label_map)
            name = f"{self._name(cell)}-{request.split}"
            data = request.scored_text
            step = tagging(name, archive, data, overrides, request.runs, request.device, also)
            self._add(step)
            (predictions,) = step.outputs
        config = config_of(self._steps[archive.parent.name])
        owners = {request.data / source: "source" for source in cell.sources}
        owners[request.data / request.target] = "target"
        has_all_sources = list(cell.sources) == request.sources
        self.results.append(
            Result(
                request.title,
                cell.title if has_all_sources else f"{cell.title} ({', '.join(cell.sources)})",
                cell.seed,
                archive,
                data,
                predictions,
                checkpoint_choice(config, owners),
                validated_on(config, owners),
            )
        )

    def _name(self, cell: Cell) -> str:
        return f"{cell.title}-{plain(*cell.sources)}-{plain(self._request.target)}-{cell.seed}"

    def _add(self, step: Step) -> None:
        self._steps.setdefault(step.name, step)

    # Overrides

    def _student_overrides(self) -> Overrides:
        return {"dataset_reader.store": str(self._request.runs / "soft_labels")} | self._text("dataset_reader.reader")

    def _text(self, reader: str, path: str = "train_data_path") -> Overrides:
        """Overrides for a config that reads raw.txt with `reader`, if the target's text is a CoNLL file."""
        text = self._request.target_text
        if text.name == "raw.txt":
            return {}
        return {f"{reader}.type": "conll_ner", f"{reader}.labelled": False, path: str(text)}


def config_file(config: str) -> Path:
    return CONFIGS / f"{config}.jsonnet"


def mapped(reader: str, label_map: Dict[str, str]) -> Overrides:
    return {f"{reader}.label_map": label_map} if label_map else {}


def plain(*corpora: str) -> str:
    """Joins corpora, which may be subfolders, for a file name."""
    return "+".join(corpora).replace("/", "_")
