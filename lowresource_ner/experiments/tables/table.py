"""The description of a table of systems × corpora × seeds."""

import re
from dataclasses import dataclass, field, fields
from typing import Any, Dict, List, Optional, Set

_NAME = re.compile(r"[\w.+][\w.+-]*")


@dataclass(frozen=True)
class Corpus:
    """
    The data that systems are trained and evaluated on, such as a pair of source and target.

    # Parameters

    variables : `Dict[str, str]`
        Variables for the configs, such as SOURCE, TARGET and VECTORS. In the file of the table they are keys of the corpus.
    overrides : `Dict[str, Any]`, optional (default = `{}`)
        Overrides of all trainings on this corpus.
    file : `str`, optional
        The file to evaluate on, if it is not $NER_DATA/$TARGET/test.conll.
    """

    variables: Dict[str, str]
    overrides: Dict[str, Any] = field(default_factory=dict)
    file: Optional[str] = None


@dataclass(frozen=True)
class System:
    """
    A config with the settings of its training, or the pretraining of an encoder that other systems start from.

    # Parameters

    config : `str`, optional
        The name of a config of this package, or a path.
    pretraining : `Dict[str, Any]`, optional
        In place of a config: the options of `allennlp pretrain-encoder`, with underscores in their names. `$NAME` in strings
        stands for a variable. The encoder is pretrained once for each seed, or once for all if the options contain a `seed`.
    overrides : `Dict[str, Any]`, optional (default = `{}`)
        Overrides of its training.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Variables for its config. `$NAME` stands for a variable of `after`, the corpus or the environment.
    after : `Dict[str, str]`, optional (default = `{}`)
        The systems that it starts from, by the variables that are set to their archives or, for pretrainings, to the folders of
        their encoders. Several archives make one variable with `variables`: {TEACHERS: 'uda=$UDA,source=$ONLY'}.
    evaluation_overrides : `Dict[str, Any]`, optional (default = `{}`)
        Overrides of the archive when it is evaluated.
    predictor : `str`, optional (default = `"ner"`)
        The predictor to evaluate with; "any_tagger" for models of other packages.
    corpora : `List[str]`, optional
        The corpora that it is a row of; all by default.
    seeds : `List[int]`, optional
        The seeds of the row, if they are not those of the table. The systems that it starts from are trained with the same seeds.
    """

    config: Optional[str] = None
    pretraining: Optional[Dict[str, Any]] = None
    overrides: Dict[str, Any] = field(default_factory=dict)
    variables: Dict[str, str] = field(default_factory=dict)
    after: Dict[str, str] = field(default_factory=dict)
    evaluation_overrides: Dict[str, Any] = field(default_factory=dict)
    predictor: str = "ner"
    corpora: Optional[List[str]] = None
    seeds: Optional[List[int]] = None


@dataclass(frozen=True)
class Table:
    """
    The systems to train and compare, as described by the file of a table; see `read_table`.

    # Parameters

    corpora : `Dict[str, Corpus]`
    systems : `Dict[str, System]`
    rows : `List[str]`, optional
        The systems to show, in this order; by default all but pretrainings, in alphabetical order, as Jsonnet sorts them. Other
        systems are only trained if one of these starts from them.
    seeds : `List[int]`, optional (default = `[13, 14, 15]`)
    variables : `Dict[str, str]`, optional (default = `{}`)
        Variables for all configs, which take precedence over those of the environment.
    overrides : `Dict[str, Any]`, optional (default = `{}`)
        Overrides of all trainings. Those of a corpus, and then those of a system, take precedence.
    split : `str`, optional (default = `"test"`)
        The split to evaluate on, "test" or "dev".
    baseline : `str`, optional
        The system that the others are compared with; by default the best one on each corpus.
    select_on_target : `bool`, optional (default = `False`)
        Whether labels of the target may select checkpoints. If not, configs that use them for this keep the last epoch.

    # Raises

    `ValueError`
        If a name is unknown or cannot be part of a folder's name, if seeds or rows are missing or repeated, or if systems start
        from each other in a circle.
    """

    corpora: Dict[str, Corpus]
    systems: Dict[str, System]
    rows: Optional[List[str]] = None
    seeds: List[int] = field(default_factory=lambda: [13, 14, 15])
    variables: Dict[str, str] = field(default_factory=dict)
    overrides: Dict[str, Any] = field(default_factory=dict)
    split: str = "test"
    baseline: Optional[str] = None
    select_on_target: bool = False

    def __post_init__(self) -> None:
        self._check_names("corpora", self.corpora)
        self._check_names("systems", self.systems)
        _check_seeds("'seeds'", self.seeds)
        if self.split not in ("dev", "test"):
            raise ValueError(f"'split' is '{self.split}'; it is 'dev' or 'test'.")
        if not self.shown or set(self.shown) - set(self.systems) or len(set(self.shown)) < len(self.shown):
            known = ", ".join(self.systems)
            raise ValueError(f"'rows' is {self.rows}; it must name some of the systems, each once: {known}.")
        for name in self.shown:
            if self.systems[name].pretraining is not None:
                raise ValueError(
                    f"'rows' contains '{name}', which pretrains an encoder. Name a system that starts from it."
                )
        if self.baseline is not None and self.baseline not in self.shown:
            raise ValueError(f"The baseline '{self.baseline}' is not a row of the table: {', '.join(self.shown)}.")
        for name, system in self.systems.items():
            _check_system(f"the system '{name}'", system)
            self._check_after(name, system)
            unknown = [corpus for corpus in system.corpora or [] if corpus not in self.corpora]
            if unknown:
                known = ", ".join(self.corpora)
                raise ValueError(f"'{name}' is for '{unknown[0]}', which is not one of the corpora: {known}.")

    @property
    def shown(self) -> List[str]:
        """The systems that are rows of the table, in order."""
        taggers = [name for name, system in self.systems.items() if system.pretraining is None]
        return taggers if self.rows is None else self.rows

    def systems_of(self, corpus: str) -> List[str]:
        """Returns the rows on a corpus, in order."""
        return [name for name in self.shown if corpus in (self.systems[name].corpora or [corpus])]

    def seeds_of(self, system: str) -> List[int]:
        """Returns the seeds of a row."""
        return self.systems[system].seeds or self.seeds

    def _check_names(self, kind: str, names: Dict[str, Any]) -> None:
        if not names:
            raise ValueError(f"The table has no {kind}.")
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"'{name}' in '{kind}' is part of a folder's name: use letters, digits, and _ . + -")

    def _check_after(self, name: str, system: System) -> None:
        for needed in system.after.values():
            if needed not in self.systems:
                raise ValueError(
                    f"'{name}' comes after '{needed}', which is not one of the systems: {', '.join(self.systems)}. Add it to the "
                    "systems; it need not be a row."
                )
        if name in self._before(name, found=set()):
            raise ValueError(f"'{name}' comes after itself, by way of {', '.join(system.after.values())}.")

    def _before(self, name: str, found: Set[str]) -> Set[str]:
        """Returns the systems that another one starts from, directly or indirectly."""
        for needed in set(self.systems[name].after.values()) - found:
            found.add(needed)
            self._before(needed, found)
        return found


def _check_system(owner: str, system: System) -> None:
    if system.pretraining is None:
        if system.config is None:
            raise ValueError(f"{owner} has no 'config', and no 'pretraining' in its place.")
        if system.seeds is not None:
            _check_seeds(f"'seeds' of {owner}", system.seeds)
        return
    allowed = System(pretraining=system.pretraining, variables=system.variables, after=system.after)
    others = [each.name for each in fields(system) if getattr(system, each.name) != getattr(allowed, each.name)]
    if others:
        raise ValueError(f"{owner} has both 'pretraining' and '{others[0]}'. Remove one of them.")
    if {"epochs", "steps"} <= system.pretraining.keys():
        raise ValueError(f"'pretraining' of {owner} has both 'epochs' and 'steps'. Remove one of them.")


def _check_seeds(owner: str, seeds: List[int]) -> None:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"{owner} is {seeds}; give whole numbers, each once.")
