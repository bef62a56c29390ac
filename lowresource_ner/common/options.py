"""Declares the options of commands as fields of dataclasses."""

import argparse
import json
import os
from dataclasses import MISSING, field, fields
from typing import Any, Callable, Dict, List, TypeVar, Union, get_args, get_origin, get_type_hints

Options = TypeVar("Options")


def option(default: Any = MISSING, help: str = "", **settings: Any) -> Any:
    """
    Declares a field of a dataclass as an option of a command.

    # Parameters

    default : `Any`, optional
        A value, or a function that returns one. An option without a default is required.
    settings : `Any`
        Arguments of `add_argument`, and "flag", a name other than the field's; "variable", an environment variable that overrides
        the default; and "group": options of the same group exclude each other.
    """
    made = {"default_factory" if callable(default) else "default": default}
    return field(**made, metadata={"help": help, **settings})


def add_options(parser: argparse.ArgumentParser, options: Any) -> None:
    """Adds the fields of a dataclass to a parser. Dicts are given as JSON."""
    hints = get_type_hints(options)
    groups: Dict[str, Any] = {}
    for each in fields(options):
        settings = {**each.metadata, **_parsing(hints[each.name])}
        settings.pop("flag", None)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        default = os.environ.get(settings.pop("variable", "")) or default
        group = settings.pop("group", None)
        if group and group not in groups:
            groups[group] = parser.add_mutually_exclusive_group()
        presence = {"required": True} if default is MISSING else {"default": default}
        groups.get(group, parser).add_argument(_flag(each), dest=each.name, **presence, **settings)


def options_from(args: argparse.Namespace, options: Callable[..., Options]) -> Options:
    """Builds the dataclass from the parsed arguments of a command."""
    return options(**{each.name: getattr(args, each.name) for each in fields(options)})  # type: ignore[arg-type]


def as_arguments(options: Any) -> List[str]:
    """Returns the arguments that are parsed to these options. Defaults are left out, unless the environment may change them."""
    arguments: List[str] = []
    for each in fields(options):
        value = getattr(options, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if value == default and "variable" not in each.metadata:
            continue
        arguments.append(_flag(each))
        if isinstance(value, list):
            arguments += map(str, value)
        elif value is not True:
            arguments.append(json.dumps(value) if isinstance(value, dict) else str(value))
    return arguments


def _flag(field: Any) -> str:
    return str(field.metadata.get("flag", "--" + field.name.replace("_", "-")))


def _parsing(hint: Any) -> Dict[str, Any]:
    if get_origin(hint) is Union:  # Optional
        hint = get_args(hint)[0]
    if hint is bool:
        return {"action": "store_true"}
    if get_origin(hint) is list:
        return {"nargs": "+", "type": get_args(hint)[0]}
    return {"type": json.loads if get_origin(hint) is dict else hint}
