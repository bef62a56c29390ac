"""The rules for words, entity types and lines of text, which every reader, writer and predictor follows."""

import re
import unicodedata
from typing import List, Optional

MAX_LINE_BYTES = 1 << 20
"""The longest line of text that is read, in bytes."""

MAX_BLANK_LINES = 1_000_000
"""The most blank lines in a row; more indicate a damaged or hostile file."""

MAX_TYPE_CHARACTERS = 1000
"""The longest name of an entity type."""

BLANKS = " \t"
"""The characters that separate words in tokenised text."""

_LINE_CHARACTERS = {"\t": "a tab", "\n": "a line feed", "\r": "a carriage return", "\0": "a NUL"}
_LINE_CHARACTER = re.compile("[\t\n\r\0]")
_OUTSIDE = "O"


def split_words(text: str) -> List[str]:
    """
    The words of a line in which words are separated by ASCII spaces and tabs. No other character separates them: a no-break
    space is part of a word ("10\\u00a0000"), and so is U+2028.
    """
    return [word for word in text.replace("\t", " ").split(" ") if word]


def word_fault(word: str) -> Optional[str]:
    """
    Why this cannot be a word ("holds a tab"), or `None` if it can. A word has at least one character, no tab, line feed,
    carriage return or NUL, and can be encoded in UTF-8. It may contain spaces ("New York").
    """
    if not word:
        return "is empty"
    found = _LINE_CHARACTER.search(word)
    if found is not None:
        return f"holds {_LINE_CHARACTERS[found.group()]}"
    return surrogate_fault(word)


def surrogate_fault(text: str) -> Optional[str]:
    """Why UTF-8 cannot encode this text, or `None` if it can."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"holds half of a surrogate pair (a cut emoji, for instance) at character {error.start + 1}"
    return None


def type_fault(name: str) -> Optional[str]:
    """
    Why this cannot be an entity type ("begins or ends with a hyphen"), or `None` if it can. A type has at least one character
    and at most `MAX_TYPE_CHARACTERS`, is not "O", contains neither white space nor control characters, and does not begin or end
    with a hyphen. Every tool reads tags of such types as they were written (seqeval strips hyphens at both ends).
    """
    if not name:
        return "is empty"
    if name == _OUTSIDE:
        return 'is "O", which marks words outside of entities'
    if any(character.isspace() for character in name):
        return "holds white space"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "holds a control character"
    if name.startswith("-") or name.endswith("-"):
        return "begins or ends with a hyphen"
    if len(name) > MAX_TYPE_CHARACTERS:
        return f"has over {MAX_TYPE_CHARACTERS} characters"
    return None


def suggested_type(name: str) -> str:
    """A valid replacement for an invalid type: "work-of-art" for "work of art", or "O", which drops it, if nothing is left."""
    cleaned = "".join(" " if unicodedata.category(each) in ("Cc", "Cs") else each for each in name)
    return "-".join(cleaned.split()).strip("-")[:MAX_TYPE_CHARACTERS].strip("-") or _OUTSIDE
