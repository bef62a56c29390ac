"""What a table of systems × corpora × seeds consists of, as its file says."""

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union, get_args, get_origin

from allennlp.common import Params

_NAME = re.compile(r"[\w.+][\w.+-]*")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True)
class Corpus:
    """
    A pair of a source and a target, or whatever else the configs read.

    # Parameters

    variables : `Dict[str, str]`
        In the file they stand beside the other keys, in capitals: SOURCE, TARGET, VECTORS.
    overrides : `Dict[str, Any]`, optional (default = `{}`)
        Of every system on this corpus.
    file : `str`, optional
        What is evaluated; $NER_DATA/$TARGET/test.conll without it.
    """

    variables: Dict[str, str]
    overrides: Dict[str, Any] = field(default_factory=dict)
    file: Optional[str] = None


@dataclass(frozen=True)
class System:
    """
    A config, and what is particular about its training.

    # Parameters

    config : `str`
        The name of a config that comes with the package, or the path of another one.
    overrides : `Dict[str, Any]`, optional (default = `{}`)
        Of its training.
    variables : `Dict[str, str]`, optional (default = `{}`)
        Variables for its config. `$NAME` stands for what the corpus or the environment says.
    after : `Dict[str, str]`, optional (default = `{}`)
        The systems whose archives its config reads, by the variables that name these.
    evaluation_overrides : `Dict[str, Any]`, optional (default = `{}`)
        Of the archive, when it tags the evaluated file.
    predictor : `str`, optional (default = `"ner"`)
        "any_tagger" for models of other packages.
    corpora : `List[str]`, optional
        Where it is a row; on all corpora without it.
    """

    config: str
    overrides: Dict[str, Any] = field(default_factory=dict)
    variables: Dict[str, str] = field(default_factory=dict)
    after: Dict[str, str] = field(default_factory=dict)
    evaluation_overrides: Dict[str, Any] = field(default_factory=dict)
    predictor: str = "ner"
    corpora: Optional[List[str]] = None


@dataclass(frozen=True)
class Table:
    """
    # Parameters

    corpora : `Dict[str, Corpus]`
    systems : `Dict[str, System]`
    rows : `List[str]`, optional
        The systems that are shown, in this order. Others are trained where one of these begins from them. Without it, all in
        alphabetical order, in which Jsonnet gives them.
    seeds : `List[int]`, optional (default = `[13, 14, 15]`)
    variables : `Dict[str, str]`, optional (default = `{}`)
        For all configs, before those of the environment.
    overrides : `Dict[str, Any]`, optional (default = `{}`)
        Of all trainings. Those of a corpus and of a system come after them.
    split : `str`, optional (default = `"test"`)
        "dev" to evaluate on $NER_DATA/$TARGET/dev.conll.
    baseline : `str`, optional
        The system that the others are compared with; without it, on each corpus the best.
    select_on_target : `bool`, optional (default = `False`)
        Whether labels of the target may choose the checkpoint where a config says so. If not, the last epoch is kept there.
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
        for kind, names in (("corpora", self.corpora), ("systems", self.systems)):
            if not names:
                raise ValueError(f"The table has no {kind}.")
            for name in names:
                if not _NAME.fullmatch(name):
                    raise ValueError(
                        f"'{name}' in '{kind}' is part of a folder's name: use letters, digits, and _ . + -"
                    )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"'seeds' is {self.seeds}; give whole numbers, each once.")
        if self.split not in ("dev", "test"):
            raise ValueError(f"'split' is '{self.split}'; it is 'dev' or 'test'.")
        strange = [name for name in self.shown if name not in self.systems]
        if strange or not self.shown:
            raise ValueError(f"'rows' is {self.rows}; it must name some of the systems: {', '.join(self.systems)}.")
        if self.baseline is not None and self.baseline not in self.shown:
            raise ValueError(f"The baseline '{self.baseline}' is no row of the table: {', '.join(self.shown)}.")
        for name, system in self.systems.items():
            self._check_after(name, system)
            strange = [corpus for corpus in system.corpora or [] if corpus not in self.corpora]
            if strange:
                raise ValueError(
                    f"'{name}' is for '{strange[0]}', which is none of the corpora: {', '.join(self.corpora)}."
                )

    @property
    def shown(self) -> List[str]:
        """The systems that are rows of the table, in order."""
        return list(self.systems) if self.rows is None else self.rows

    def systems_of(self, corpus: str) -> List[str]:
        """The rows on a corpus, in order."""
        return [name for name in self.shown if corpus in (self.systems[name].corpora or [corpus])]

    def _check_after(self, name: str, system: System) -> None:
        for needed in system.after.values():
            if needed not in self.systems:
                raise ValueError(
                    f"'{name}' comes after '{needed}', which is none of the systems: {', '.join(self.systems)}. Add it; what "
                    "'rows' does not name is trained and not shown."
                )
        if name in self._before(name, set()):
            raise ValueError(f"'{name}' comes after itself, by way of {', '.join(system.after.values())}.")

    def _before(self, name: str, found: set) -> set:
        """The systems that come before another one."""
        for needed in set(self.systems[name].after.values()) - found:
            found.add(needed)
            self._before(needed, found)
        return found


def read_table(path: Union[str, Path]) -> Table:
    """
    Reads the file of a table: Jsonnet, or JSON. `std.extVar` gives variables of the environment.

    # Raises

    `ValueError`
        Where there is no such file, or something in it is wrong. The message says what.
    """
    if not Path(path).is_file():
        raise ValueError(f"There is no file '{path}'. training_configs/tables/ has an example.")
    try:
        content = Params.from_file(path).as_dict(quiet=True)
        return table_from(content)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path}: {str(error).removeprefix('RUNTIME ERROR: ')}") from error


def table_from(content: Mapping[str, Any]) -> Table:
    """A table from what stands in its file; see `read_table`."""
    _check_object("the table", content)
    made = dict(content)
    for key, make in (("corpora", _corpus), ("systems", _system)):
        if key in made:
            _check_object(f"'{key}'", made[key])
            made[key] = {name: make(name, each) for name, each in made[key].items()}
    made["variables"] = _variables("'variables'", made.get("variables", {}))
    return _build(Table, "the table", made)


def _corpus(name: str, content: Any) -> Corpus:
    _check_object(f"the corpus '{name}'", content)
    others = {key: value for key, value in content.items() if key in ("overrides", "file")}
    variables = {key: value for key, value in content.items() if key not in others}
    return _build(
        Corpus, f"the corpus '{name}'", {"variables": _variables(f"the corpus '{name}'", variables), **others}
    )


def _system(name: str, content: Any) -> System:
    owner = f"the system '{name}'"
    made = {"config": content} if isinstance(content, str) else content
    _check_object(owner, made)
    return _build(System, owner, {**made, "variables": _variables(owner, made.get("variables", {}))})


def _build(kind: Any, owner: str, content: Mapping[str, Any]) -> Any:
    """The object of a dataclass, after its keys and the kinds of their values have been checked."""
    fields = {each.name: each for each in dataclasses.fields(kind)}
    unknown = [key for key in content if key not in fields]
    if unknown:
        raise ValueError(f"{owner} has the unknown key '{unknown[0]}'; known are {', '.join(fields)}.")
    missing = [
        name
        for name, each in fields.items()
        if name not in content and each.default is each.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{owner} has no '{missing[0]}'.")
    for key, value in content.items():
        if not _fits(value, fields[key].type):
            raise ValueError(f"'{key}' of {owner} is {value!r}, and should be {_said(fields[key].type)}.")
    return kind(**content)


def _fits(value: Any, hint: Any) -> bool:
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Union:
        return any(_fits(value, each) for each in arguments)
    if kind is list:
        return isinstance(value, list) and all(_fits(each, arguments[0]) for each in value)
    return type(value) is kind  # true is no number


def _said(hint: Any) -> str:
    """A type as people who write Jsonnet call it."""
    kind = get_origin(hint) or hint
    if kind is Union:
        return _said(get_args(hint)[0])
    if kind is list:
        return f"a list, each {_said(get_args(hint)[0])}"
    return {dict: "an object", int: "a whole number", str: "a string", bool: "true or false"}[kind]


def _check_object(owner: str, content: Any) -> None:
    if not isinstance(content, Mapping):
        raise ValueError(f"{owner} is {content!r}; it must be an object, {{...}}.")


def _variables(owner: str, content: Any) -> Dict[str, str]:
    """Numbers are written as variables are."""
    _check_object(f"'variables' of {owner}", content)
    for name, value in content.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{owner} has the unknown key '{name}'; variables are written in capitals.")
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise ValueError(f"The variable {name} of {owner} is {value!r}; it must be a string.")
    return {name: str(value) for name, value in content.items()}
