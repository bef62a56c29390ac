"""Recognises files that are not CoNLL files by how they begin, with a remedy for each kind."""

import json
import re
from typing import Optional, Sequence, Tuple

Kind = Tuple[str, str]
"""What a file is, and what to do with it."""

_UTF_16 = ("UTF-16 text", "convert it, for example with `iconv -f UTF-16 -t UTF-8`")
_KINDS_BY_FIRST_BYTES = (
    (re.compile(rb"\x1f\x8b"), ("gzip data", "end its name in .gz, or unpack it")),
    (re.compile(rb"BZh[1-9]1AY&SY"), ("bzip2 data", "end its name in .bz2, or unpack it")),
    (re.compile(rb"\xfd7zXZ\x00"), ("xz data", "end its name in .xz, or unpack it")),
    (re.compile(rb"PK\x03\x04"), ("a zip archive or an office document", "unpack it, or export its text")),
    (re.compile(rb"%PDF-"), ("a PDF document", "export its text")),
    (re.compile(rb"\xff\xfe|\xfe\xff"), _UTF_16),
)
_JSON = ("JSON", "write its tokens and tags as columns, one token a line")
_XML = ("XML or HTML", "write its tokens and tags as columns, one token a line")
_JSON_START = re.compile(r'[\[\s]*(\{\s*"[^"\n]*"\s*:|"[^"\n]*"\s*[,\]])')
_XML_START = re.compile(r"\s*<(\?xml|!doctype|!--|html\b)", re.IGNORECASE)
_XML_LINE = re.compile(r"\s*<[^<>]+>\s*")


def kind_by_first_bytes(raw: bytes) -> Optional[Kind]:
    """The kind of a file that begins with these bytes; `None` if it may be text."""
    return next((kind for pattern, kind in _KINDS_BY_FIRST_BYTES if pattern.match(raw)), None)


def kind_by_first_lines(lines: Sequence[str], labelled: bool) -> Optional[Kind]:
    """
    The kind of a text file that begins with these lines; `None` if it may have columns. A line that is one tag in angle
    brackets is taken for XML only if token lines must have a second column (`labelled`); otherwise it may be a token.
    """
    first = lines[0].rstrip()
    if first.endswith(">") and (_XML_START.match(first) or (labelled and _XML_LINE.fullmatch(first))):
        return _XML
    text = "\n".join(lines)
    if _JSON_START.match(text) and _is_json_beyond_first_line(text):
        return _JSON
    return None


def _is_json_beyond_first_line(text: str) -> bool:
    try:
        json.JSONDecoder().raw_decode(text.lstrip())
    except json.JSONDecodeError as error:
        return error.lineno > 1
    except (ValueError, RecursionError):
        return False  # a number of thousands of digits, or thousands of nested brackets: it may be anything
    return True
