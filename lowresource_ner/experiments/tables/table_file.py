"""Reads and checks the file of a table."""

import dataclasses
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Union, get_args, get_origin

from allennlp.common import Params

from lowresource_ner.experiments.tables.table import Corpus, System, Table
from lowresource_ner.pretraining.options import PretrainingOptions

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def read_table(path: Union[str, Path]) -> Table:
    """
    Reads the file of a table, in Jsonnet or JSON. `std.extVar` returns environment variables.

    # Raises

    `ValueError`
        If there is no such file, or it is not a valid table.
    """
    if not Path(path).is_file():
        raise ValueError(f"There is no file '{path}'. training_configs/tables/ has an example.")
    try:
        return table_from(Params.from_file(path).as_dict(quiet=True))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path}: {str(error).removeprefix('RUNTIME ERROR: ')}") from error


def table_from(content: Mapping[str, Any]) -> Table:
    """Builds a table from the content of its file; see `read_table`."""
    _check_object("the table", content)
    values = dict(content)
    for key, build in (("corpora", _corpus), ("systems", _system)):
        if key in values:
            _check_object(f"'{key}'", values[key])
            values[key] = {name: build(name, each) for name, each in values[key].items()}
    values["variables"] = _variables("the table", values.get("variables", {}))
    return _build(Table, "the table", values)


def _corpus(name: str, content: Any) -> Corpus:
    _check_object(f"the corpus '{name}'", content)
    others = {key: value for key, value in content.items() if key in ("overrides", "file")}
    variables = {key: value for key, value in content.items() if key not in others}
    return _build(
        Corpus, f"the corpus '{name}'", {"variables": _variables(f"the corpus '{name}'", variables), **others}
    )


def _system(name: str, content: Any) -> System:
    owner = f"the system '{name}'"
    values: Any = {"config": content} if isinstance(content, str) else content
    _check_object(owner, values)
    options = values.get("pretraining")
    if isinstance(options, dict):
        _check_fields(PretrainingOptions, f"'pretraining' of {owner}", options)
    return _build(System, owner, {**values, "variables": _variables(owner, values.get("variables", {}))})


def _build(kind: Any, owner: str, content: Mapping[str, Any]) -> Any:
    """Builds an object of a dataclass, after checking the keys and the types of their values."""
    _check_fields(kind, owner, content)
    return kind(**content)


def _check_fields(kind: Any, owner: str, content: Mapping[str, Any]) -> None:
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
            raise ValueError(f"'{key}' of {owner} is {value!r}, and should be {_described(fields[key].type)}.")


def _fits(value: Any, hint: Any) -> bool:
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Union:
        return any(_fits(value, each) for each in arguments)
    if kind is list:
        return isinstance(value, list) and all(_fits(each, arguments[0]) for each in value)
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind  # not isinstance, since True is an int


def _described(hint: Any) -> str:
    """Describes a type in the terms of Jsonnet."""
    kind = get_origin(hint) or hint
    if kind is Union:
        return _described(get_args(hint)[0])
    if kind is list:
        return f"a list of elements that are each {_described(get_args(hint)[0])}"
    names = {dict: "an object", int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
    return names[kind]


def _check_object(owner: str, content: Any) -> None:
    if not isinstance(content, Mapping):
        raise ValueError(f"{owner} is {content!r}; it must be an object, {{...}}.")


def _variables(owner: str, content: Any) -> Dict[str, str]:
    """Checks variables, and converts numbers to strings."""
    _check_object(f"'variables' of {owner}", content)
    for name, value in content.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{owner} has the unknown key '{name}'; variables are written in capitals.")
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise ValueError(f"The variable {name} of {owner} is {value!r}; it must be a string.")
    return {name: str(value) for name, value in content.items()}
