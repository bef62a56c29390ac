"""Options of commands that are declared as the fields of a dataclass."""

import argparse
from dataclasses import dataclass
from typing import Dict, List, Optional

import pytest

from lowresource_ner.common.options import add_options, as_arguments, option, options_from


@dataclass(frozen=True, kw_only=True)
class Options:
    name: str = option(help="of it")
    shares: List[float] = option(list, metavar="SHARE")
    passes: float = option(3.0, group="length")
    steps: Optional[int] = option(None, group="length")
    is_short: bool = option(False, flag="--short")
    size: int = option(2, variable="SIZE_OF_TEST", choices=[2, 4])
    labels: Dict[str, str] = option(dict)


def parsed(*arguments: str) -> Options:
    parser = argparse.ArgumentParser()
    add_options(parser, Options)
    return options_from(parser.parse_args(arguments), Options)


def test_defaults_are_those_of_the_fields() -> None:
    assert parsed("--name", "a") == Options(name="a") != Options(name="a", size=4)
    assert Options(name="a").shares == []


def test_values_have_the_types_of_the_fields() -> None:
    given = [
        "--shares",
        "1",
        "0.5",
        "--steps",
        "7",
        "--short",
        "--size",
        "4",
        "--labels",
        '{"MISC": "O"}',
        "--name",
        "1",
    ]
    expected = Options(name="1", shares=[1.0, 0.5], steps=7, is_short=True, size=4, labels={"MISC": "O"})
    assert parsed(*given) == expected and isinstance(parsed(*given).shares[0], float)


def test_an_environment_variable_takes_the_place_of_a_default(monkeypatch) -> None:
    monkeypatch.setenv("SIZE_OF_TEST", "4")
    assert parsed("--name", "a").size == 4 and parsed("--name", "a", "--size", "2").size == 2
    monkeypatch.setenv("SIZE_OF_TEST", "")
    assert parsed("--name", "a").size == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: --name"),
        (["--name", "a", "--steps", "1", "--passes", "2"], "--passes: not allowed with argument --steps"),
        (["--name", "a", "--size", "3"], r"--size: invalid choice: 3"),
        (["--name", "a", "--steps", "half"], "--steps: invalid int value: 'half'"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: List[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit):
        parsed(*arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        Options(name="a"),
        Options(name="a b", shares=[0.25, 1e-05], passes=2.5, is_short=True, size=4, labels={"MISC": "O"}),
        Options(name="a", passes=3.0, steps=7),
    ],
)
def test_arguments_of_options_are_parsed_to_the_same_options(options: Options, monkeypatch) -> None:
    monkeypatch.setenv("SIZE_OF_TEST", "2" if options.size == 4 else "4")
    assert parsed(*as_arguments(options)) == options
