"""The options of `allennlp cross-lingual`, and their checks."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

from lowresource_ner.common.options import option
from lowresource_ner.configs import configs_folder
from lowresource_ner.experiments.cross_lingual.entity_types import mapped_types, types_of
from lowresource_ner.experiments.cross_lingual.systems import ONE_SOURCE, SEVERAL_SOURCES, default_systems

CONFIGS = configs_folder() / "cross_lingual"
CORPUS = "CORPUS"


@dataclass(frozen=True)
class Request:
    """The options of `allennlp cross-lingual`."""

    data: Path = option(help="the folder of the corpora (NER_DATA)", variable="NER_DATA")
    sources: List[str] = option(help="labelled languages, folders of --data", flag="--source", metavar=CORPUS)
    target: str = option(help="the language to tag, a folder of --data", metavar=CORPUS)
    runs: Path = option(Path("runs/cross_lingual"), "the folder of all outputs")
    systems: List[str] = option(list, "see above; for one source by default mt hl ts selected", metavar="SYSTEM")
    encoder: str = option("multilingual-mini", "a name, folder or archive (ENCODER)", variable="ENCODER")
    seeds: List[int] = option(lambda: [13, 14, 15], metavar="SEED")
    split: str = option("test", "split of the target to evaluate on", choices=["dev", "test"])
    label_map: Dict[str, str] = option(dict, 'types renamed or dropped: \'{"MISC": "O"}\'', metavar="JSON")
    rounds: int = option(1, "rounds of ts: the student of ts teaches ts-2, and so on")
    rank_sources: bool = option(False, "rank the sources by similarity to the target, beside the scores of each")
    overrides: Dict[str, Any] = option(dict, "overrides of the training of every teacher and student", metavar="JSON")
    config_overrides: Dict[str, Dict[str, Any]] = option(
        dict, 'overrides of single configs by name: \'{"similarity": {"trainer.num_epochs": 5}}\'', metavar="JSON"
    )
    device: int = option(-1, "-1 for the CPU, or the number of a GPU (DEVICE)", variable="DEVICE")
    encoder_size: str = option(
        "auto",
        "the settings for the encoder; auto: small for multilingual-mini, otherwise large (ENCODER_SIZE)",
        variable="ENCODER_SIZE",
        choices=["small", "large", "auto"],
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "systems", self.systems or default_systems(len(self.sources)))

    @property
    def target_text(self) -> Path:
        """The target's raw text or, if there is none, its training file, of which only the words are read."""
        folder = self.data / self.target
        return folder / "raw.txt" if (folder / "raw.txt").is_file() else folder / "train.conll"

    def check(self) -> None:
        """
        Checks the options and the files.

        # Raises

        `ValueError`
            If something would fail later. The message says what to do.
        """
        for fault in self._faults():
            raise ValueError(fault)

    def _faults(self) -> Iterator[str]:
        unknown = [system for system in self.systems if system not in (*ONE_SOURCE, *SEVERAL_SOURCES)]
        if unknown:
            yield f"Unknown systems: {', '.join(unknown)}. Known are {', '.join((*ONE_SOURCE, *SEVERAL_SOURCES))}."
        joint = [system for system in self.systems if system in SEVERAL_SOURCES]
        if joint and len(self.sources) < 2:
            yield f"{', '.join(joint)}: several sources are needed, and --source names one: {', '.join(self.sources)}."
        if self.rounds < 1:
            yield f"--rounds is {self.rounds}; 1 is one student, 2 one more that learns from the first."
        if self.rounds > 1 and "ts" not in self.systems:
            yield f"--rounds is {self.rounds}, which needs 'ts' among the systems: {', '.join(self.systems)}."
        if self.rank_sources and len(self.sources) < 2:
            yield f"--rank-sources needs several sources, and --source names one: {', '.join(self.sources)}."
        unknown_configs = [name for name in self.config_overrides if not (CONFIGS / f"{name}.jsonnet").is_file()]
        if unknown_configs:
            yield f"--config-overrides names {', '.join(unknown_configs)}, which is not a config in {CONFIGS}."
        for name, values in (("--source", self.sources), ("--seeds", self.seeds), ("--systems", self.systems)):
            if len(set(values)) < len(values):
                yield f"{name} names something twice: {', '.join(map(str, values))}."
        if any(mark in source for source in self.sources for mark in ",="):
            yield f"The name of a source must have no comma and no '=': {' '.join(self.sources)}. Rename the folder."
        if self.target in self.sources:
            yield f"'{self.target}' is the target and a source."
        yield from self._missing_files()
        yield from self._foreign_types()

    def _missing_files(self) -> Iterator[str]:
        missing = [path for path in self._corpora() if not path.is_file()]
        if missing:
            files = "\n  - ".join(map(str, missing))
            yield (
                f"Files are missing:\n  - {files}\n--data (NER_DATA) is the folder of the corpora, and --source and --target "
                "name folders in it, each with train.conll, dev.conll and test.conll. A target's text is raw.txt or else the "
                "words of train.conll."
            )

    def _corpora(self) -> List[Path]:
        labelled = [self.data / source / f"{split}.conll" for source in self.sources for split in ("train", "dev")]
        text = [self.target_text] if self.rank_sources or set(self.systems) - {"mt", "mt-rdrop"} else []
        # Without labelled text of the target, there are taggers and no scores.
        scored = [] if text and self.target_text.is_file() else [self.scored_text]
        return [*labelled, *text, *scored]

    def _foreign_types(self) -> Iterator[str]:
        """Yields an error for entity types that a source does not have, which would otherwise appear after the first training."""
        source_types = {source: self._types(self.data / source / "train.conll") for source in self.sources}
        sides = {str(self.scored_text): self._types(self.scored_text)} if self.is_scored else {}
        if set(self.systems) & set(SEVERAL_SOURCES):
            sides |= source_types
        for source, known in source_types.items():
            for name, types in sides.items():
                if known and types - known:
                    proposal = json.dumps(self.label_map | dict.fromkeys(sorted(types - known), "O"))
                    yield (
                        f"{name} has entities of type {', '.join(sorted(types - known))}, which '{source}' does not have: it has "
                        f"{', '.join(sorted(known))}. Rename them, or drop them: --label-map '{proposal}'."
                    )

    def _types(self, path: Path) -> Set[str]:
        return mapped_types(types_of(path), self.label_map)

    @property
    def systems_of_one_source(self) -> List[str]:
        return [system for system in self.systems if system in ONE_SOURCE]

    @property
    def title(self) -> str:
        return f"{', '.join(self.sources)} → {self.target}"

    @property
    def settings(self) -> Dict[str, Any]:
        """The options that the report records."""
        names = ("sources", "target", "split", "encoder", "label_map", "overrides", "config_overrides")
        return {name: getattr(self, name) for name in names}

    @property
    def scored_text(self) -> Path:
        return self.data / self.target / f"{self.split}.conll"

    @property
    def is_scored(self) -> bool:
        """Whether there is labelled text of the target to evaluate on."""
        return self.scored_text.is_file()
