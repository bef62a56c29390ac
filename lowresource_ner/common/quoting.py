"""What a message quotes of a text or a value that may be anything: printable, and no longer than a message may be."""

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
    """A text in quotation marks, or another value as Python writes it; what is long or nested deep is cut."""
    return _repr.repr(value)


def printable(text: str) -> str:
    """A text of our own in which another is quoted that may be anything: escaped where it must be, and cut where it is long."""
    cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


def listed(names: Collection[str]) -> str:
    """Names with commas between them, "none" where there are none; quoted only where they could not be read otherwise."""
    first = ", ".join(name if _is_plain(name) else quoted(name) for name in itertools.islice(names, _MOST))
    left_out = len(names) - _MOST
    return f"{first} and {left_out} more" if left_out > 0 else first or "none"


def as_json(names: Mapping[str, str]) -> str:
    """A map of names as it is written in a config; a very long one is cut."""
    text = json.dumps(names, ensure_ascii=False)
    text = json.dumps(names) if surrogate_fault(text) else text
    return text if len(text) <= _LONGEST_JSON else f"{text[:_LONGEST_JSON]}..."


def _is_plain(name: str) -> bool:
    return 0 < len(name) <= _LONGEST and name.isprintable() and name == name.strip()
