"""Tags: "O", or the letter of a tag scheme, a hyphen and an entity type, such as "B-PER"."""

import functools
from typing import Callable, Iterable, List, Mapping, NamedTuple, Optional, Tuple

OUTSIDE = "O"
# The letters of all schemes, as conlleval's startOfChunk and endOfChunk treat them.
_CONTINUING = frozenset("IEL")
_LEAVING_OPEN = frozenset("BI")
LETTERS = frozenset("BIOESLU")


class EntitySpan(NamedTuple):
    """An entity: words `start` to `end` (exclusive), and its `type`."""

    start: int
    end: int
    type: str


class ParsedTag(NamedTuple):
    """The parts of a tag, and what is wrong with it, if anything."""

    letter: str
    type: Optional[str]
    fault: Optional[str]


@functools.lru_cache(maxsize=4096)
def parse_tag(tag: str) -> ParsedTag:
    """Splits a tag into letter and entity type, and checks that it is a tag of some scheme."""
    letter, entity_type = split_tag(tag)
    fault = None
    if letter not in LETTERS:
        fault = 'a tag is "O", or one of B, I, E, S, L, U, a hyphen and an entity type'
    elif letter == OUTSIDE and tag != OUTSIDE:
        fault = '"O" takes no entity type'
    elif letter != OUTSIDE and entity_type is None:
        fault = f"the entity type is missing; expected {letter}-TYPE"
    return ParsedTag(letter, entity_type, fault)


def split_tag(tag: str) -> Tuple[str, Optional[str]]:
    """Splits a tag at its first hyphen into letter and entity type; the type is `None` if there is none."""
    letter, _, entity_type = tag.partition("-")
    return letter, entity_type or None


def is_tag(text: str) -> bool:
    """Whether this is "O", or a letter of any scheme (including BMES), a hyphen and an entity type."""
    return parse_tag(text).fault is None or (text.startswith("M-") and split_tag(text)[1] is not None)


def types_of(tags: Iterable[str]) -> List[str]:
    """The entity types of tags, sorted, each once."""
    return sorted({entity_type for _, entity_type in map(split_tag, tags) if entity_type is not None})


def continues(before: ParsedTag, now: ParsedTag) -> bool:
    """Whether a word belongs to the same entity as the word before it, as conlleval reads their tags."""
    return now.letter in _CONTINUING and before.letter in _LEAVING_OPEN and now.type == before.type


def rewritten(tag: str, rename: Callable[[str], Optional[str]], letters: Mapping[str, str]) -> str:
    """
    Replaces the type and the letter of a tag.

    # Parameters

    tag : `str`
    rename : `Callable[[str], Optional[str]]`
        Returns the new name of an entity type, or `None` to make the tag "O".
    letters : `Mapping[str, str]`
        The letters to replace; others stay. See `TagScheme.letters_in`.
    """
    letter, entity_type = split_tag(tag)
    new_type = None if entity_type is None else rename(entity_type)
    return OUTSIDE if new_type is None else f"{letters.get(letter, letter)}-{new_type}"
