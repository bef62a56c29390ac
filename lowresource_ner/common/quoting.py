"""Quotes arbitrary values in messages, so that messages stay printable and short."""

import itertools
import json
import reprlib
from typing import Any, Collection, Mapping

from lowresource_ner.common.text_rules import surrogate_fault

_LONGEST = 80
_LONGEST_TEXT = 400
_LONGEST_JSON = 10_000
_MOST = 30

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxlong = _repr.maxother = _LONGEST
_repr.maxlist = _repr.maxdict = 8
_repr.maxlevel = 3


def quoted(value: Any) -> str:
    """The `repr` of a value, cut if it is long or deeply nested."""
    return _repr.repr(value)


def printable(text: str) -> str:
    """Returns a message, escaped if it is not printable and cut if it is long."""
    cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


def listed(names: Collection[str]) -> str:
    """Names separated by commas, or "none". Names that are long or hard to read are quoted, and at most 30 are listed."""
    first = ", ".join(name if _is_plain(name) else quoted(name) for name in itertools.islice(names, _MOST))
    left_out = len(names) - _MOST
    return f"{first} and {left_out} more" if left_out > 0 else first or "none"


def as_json(names: Mapping[str, str]) -> str:
    """A mapping of names as JSON for a config, cut if it is very long."""
    text = json.dumps(names, ensure_ascii=False)
    text = json.dumps(names) if surrogate_fault(text) else text
    return text if len(text) <= _LONGEST_JSON else f"{text[:_LONGEST_JSON]}..."


def _is_plain(name: str) -> bool:
    return 0 < len(name) <= _LONGEST and name.isprintable() and name == name.strip()
