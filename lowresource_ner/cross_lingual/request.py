"""What the user asks for."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

from lowresource_ner.cross_lingual.entity_types import mapped_types, types_of
from lowresource_ner.cross_lingual.systems import ONE_SOURCE, SEVERAL_SOURCES

CONFIGS = Path("training_configs/cross_lingual")


@dataclass(frozen=True)
class Request:
    """`scripts/cross_lingual.py --help` says what each means."""

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
    config_overrides: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    device: int = -1
    encoder_size: str = "auto"

    @property
    def target_text(self) -> Path:
        """Raw text of the target or, where there is none, its training file, of which the words are read and never the tags."""
        folder = self.data / self.target
        return folder / "raw.txt" if (folder / "raw.txt").is_file() else folder / "train.conll"

    def check(self) -> None:
        """
        # Raises

        `ValueError`
            For what can be known to go wrong before the long work begins.
        """
        for fault in self._faults():
            raise ValueError(fault)

    def _faults(self) -> Iterator[str]:
        if not CONFIGS.is_dir():
            yield f"There is no {CONFIGS} here. Call the command in the folder of the repository."
        unknown = [system for system in self.systems if system not in (*ONE_SOURCE, *SEVERAL_SOURCES)]
        if unknown:
            yield f"Unknown systems: {', '.join(unknown)}. Known are {', '.join((*ONE_SOURCE, *SEVERAL_SOURCES))}."
        joint = [system for system in self.systems if system in SEVERAL_SOURCES]
        if joint and len(self.sources) < 2:
            yield f"{', '.join(joint)}: several sources are needed, and --source names one: {', '.join(self.sources)}."
        if self.rounds < 1:
            yield f"--rounds is {self.rounds}; 1 is one student, 2 one more that learns from the first."
        if self.rounds > 1 and "ts" not in self.systems:
            yield f"--rounds is {self.rounds}, and 'ts', which it is of, is none of the systems: {', '.join(self.systems)}."
        strangers = [name for name in self.config_overrides if not (CONFIGS / f"{name}.jsonnet").is_file()]
        if strangers:
            yield f"--config-overrides names {', '.join(strangers)}, which is no config in {CONFIGS}."
        for name, values in (("--source", self.sources), ("--seeds", self.seeds), ("--systems", self.systems)):
            if len(set(values)) < len(values):
                yield f"{name} names something twice: {', '.join(map(str, values))}."
        if any(mark in source for source in self.sources for mark in ",="):
            yield f"A source's name must have no comma and no '=': {' '.join(self.sources)}. Rename the folder."
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
        of_sources = [self.data / source / f"{split}.conll" for source in self.sources for split in ("train", "dev")]
        text = [self.target_text] if set(self.systems) - {"mt"} else []
        # Text alone is what most languages have: then there are taggers and no scores.
        scored = [] if text and self.target_text.is_file() else [self.scored_text]
        return [*of_sources, *text, *scored]

    def _foreign_types(self) -> Iterator[str]:
        """Entity types that would stop the work when the first tagger is trained."""
        of_sources = {source: self._types(self.data / source / "train.conll") for source in self.sources}
        sides = {str(self.scored_text): self._types(self.scored_text)} if self.is_scored else {}
        if set(self.systems) & set(SEVERAL_SOURCES):
            sides |= of_sources
        for source, known in of_sources.items():
            for name, types in sides.items():
                if known and types - known:
                    proposal = json.dumps(self.label_map | dict.fromkeys(sorted(types - known), "O"))
                    yield (
                        f"{name} has entities of type {', '.join(sorted(types - known))}, which '{source}' has not: it has "
                        f"{', '.join(sorted(known))}. Rename them, or drop them: --label-map '{proposal}'."
                    )

    def _types(self, path: Path) -> Set[str]:
        return mapped_types(types_of(path), self.label_map)

    @property
    def scored_text(self) -> Path:
        return self.data / self.target / f"{self.split}.conll"

    @property
    def is_scored(self) -> bool:
        """Whether there is labelled text of the target to evaluate on."""
        return self.scored_text.is_file()
