"""What the user asks for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List

from transfer.systems import ONE_SOURCE, SEVERAL_SOURCES

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
        is_read = set(self.systems) - {"mt"}
        return [*of_sources, *([self.target_text] if is_read else []), self.scored_text]

    @property
    def scored_text(self) -> Path:
        return self.data / self.target / f"{self.split}.conll"
