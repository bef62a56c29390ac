"""Reads the file of a table, and says what is wrong in it."""

import dataclasses
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Union, get_args, get_origin

from allennlp.common import Params

from lowresource_ner.experiments.tables.table import Corpus, System, Table

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


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
