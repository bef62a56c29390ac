"""What a word, an entity type and a line of text may be: one rule for every reader, writer and predictor."""

import re
import unicodedata
from typing import List, Optional

MAX_LINE_BYTES = 1 << 20
"""The longest line of text that is read, in UTF-8 (for other encodings: as it stands in the file)."""

MAX_BLANK_LINES = 1_000_000
"""So many blank lines in a row are no text any more, but a damaged or hostile file."""

MAX_TYPE_CHARACTERS = 1000
"""The longest name of an entity type."""

_LINE_CHARACTERS = {"\t": "a tab", "\n": "a line feed", "\r": "a carriage return", "\0": "a NUL"}
_LINE_CHARACTER = re.compile("[\t\n\r\0]")
_OUTSIDE = "O"


def split_words(text: str) -> List[str]:
    """
    The words of a line whose words are separated already. ASCII spaces and tabs separate them, and nothing else: a no-break space
    is part of a word ("10\\u00a0000"), and so is U+2028.
    """
    return [word for word in text.replace("\t", " ").split(" ") if word]


def word_fault(word: str) -> Optional[str]:
    """
    Why this cannot be a word ("holds a tab"), or `None` where it can: it has one character at least, none of them a tab, a line
    feed, a carriage return or a NUL, and UTF-8 can encode it. Spaces may stand in a word ("New York").
    """
    if not word:
        return "is empty"
    found = _LINE_CHARACTER.search(word)
    if found is not None:
        return f"holds {_LINE_CHARACTERS[found.group()]}"
    return surrogate_fault(word)


def surrogate_fault(text: str) -> Optional[str]:
    """Why UTF-8 cannot encode this text, or `None` where it can."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"holds half of a surrogate pair (a cut emoji, for instance) at character {error.start + 1}"
    return None


def type_fault(name: str) -> Optional[str]:
    """
    Why this cannot be an entity type ("begins or ends with a hyphen"), or `None` where it can: it has one character at least, is
    not "O", holds no white space and no control character, neither begins nor ends with a hyphen, and has at most
    `MAX_TYPE_CHARACTERS`. A tag made of it is read back by every tool (seqeval takes hyphens off both ends).
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
    """A type in place of one that cannot be: "work-of-art" for "work of art"; "O", which drops it, where nothing is left."""
    cleaned = "".join(" " if unicodedata.category(each) in ("Cc", "Cs") else each for each in name)
    return "-".join(cleaned.split()).strip("-")[:MAX_TYPE_CHARACTERS].strip("-") or _OUTSIDE
