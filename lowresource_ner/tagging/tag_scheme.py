"""Tag schemes: entity spans written as one tag per word, and read back.

| scheme | also called            | first | inside | last | single | first, directly after an entity of the same type |
|--------|------------------------|-------|--------|------|--------|--------------------------------------------------|
| IOB1   | IOB                    | I     | I      | I    | I      | B                                                |
| IOB2   | BIO                    | B     | I      | I    | B      | B                                                |
| IOBES  | BIOES                  | B     | I      | E    | S      | B                                                |
| BILOU  | BIOUL                  | B     | I      | L    | U      | B                                                |

IOB1 is the scheme of Ramshaw and Marcus (1995, https://aclanthology.org/W95-0107) as CoNLL-2003 defines it: a *B-* where none is
needed is invalid. In every scheme a list of entities has exactly one valid tagging, so `TagScheme.check` accepts precisely the
tags that `TagScheme.tags` writes.
"""

import itertools
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.tagging.invalid_tag_sequence import InvalidTagSequence
from lowresource_ner.tagging.tags import OUTSIDE, EntitySpan, ParsedTag, continues, parse_tag

_MAX_CACHED_PAIRS = 1 << 16


class TagScheme:
    """A way to write entity spans as tags. Get one from `get_scheme`.

    # Parameters

    name : `str`
        The name of the scheme: IOB1, IOB2, IOBES or BILOU.
    first, inside, last, single : `str`
        The letters of an entity's first, middle and last words, and of an entity of one word.
    adjacent : `str`, optional (default = `None`)
        The letter of a first word that directly follows an entity of the same type, if it differs from `first`.
    """

    def __init__(
        self, *, name: str, first: str, inside: str, last: str, single: str, adjacent: Optional[str] = None
    ) -> None:
        self.name = name
        self._first = first
        self._inside = inside
        self._last = last
        self._single = single
        self._adjacent = adjacent
        adjacent_letters = [adjacent] if adjacent else []
        self.letters = list(dict.fromkeys([*adjacent_letters, first, inside, last, single]))
        """All letters but O."""
        self._violations: Dict[Tuple[str, str], Optional[Tuple[bool, str]]] = {}

    def __repr__(self) -> str:
        return f"TagScheme({self.name})"

    def __reduce__(self) -> Tuple:
        return get_scheme, (self.name,)

    def check(self, tags: Sequence[str]) -> None:
        """Raises `InvalidTagSequence` at the first tag that the scheme does not allow."""
        error = self.first_error(tags)
        if error is not None:
            raise error

    def first_error(self, tags: Sequence[str]) -> Optional[InvalidTagSequence]:
        """Returns what `check` would raise, or `None` if the tags are valid."""
        previous = OUTSIDE
        for position, tag in enumerate(itertools.chain(tags, [OUTSIDE])):
            violation = self._violation(previous, tag)
            if violation is not None:
                is_previous, reason = violation
                return InvalidTagSequence(position - is_previous, previous if is_previous else tag, reason)
            previous = tag
        return None

    def allows(self, tag: str, following: str) -> bool:
        """Whether `following` may come directly after `tag`. `OUTSIDE` stands for the boundaries of a sentence."""
        return self._violation(tag, following) is None

    def spans(self, tags: Sequence[str], repair: bool = False) -> List[EntitySpan]:
        """Reads the entities of one sentence.

        With `repair`, tags that break the scheme are read as conlleval reads them: an entity begins at B, S, U, at a change of
        type, and at I, E, L after O or after an entity that was closed; it ends before the next that begins, before O and after
        E, S, L, U. The letters of all schemes are read then. conlleval.pl itself does not know S, L, U, and merges *E-X B-X* into
        one entity; here they are read as in seqeval, and L, U as E, S.
        """
        if not repair:
            self.check(tags)
        return read_as_conlleval(tags)

    def tags(self, spans: Iterable[EntitySpan], length: int) -> List[str]:
        """Writes the entities, in any order, as the tags of a sentence of `length` words."""
        tags = [OUTSIDE] * length
        previous = EntitySpan(0, 0, "")
        for span in sorted(spans):
            _check_span(span, previous, length)
            start, end, entity_type = span
            touches = start == previous.end and entity_type == previous.type
            tags[start:end] = [f"{letter}-{entity_type}" for letter in self._letters_of(end - start, touches)]
            previous = EntitySpan(start, end, entity_type)
        return tags

    def count_repaired(self, tags: Sequence[str], spans: Iterable[EntitySpan]) -> int:
        """How many of these tags would have to change to be valid tags of `spans`, the entities that they are read as."""
        return sum(tag != valid for tag, valid in zip(tags, self.tags(spans, len(tags))))

    def tag_set(self, types: Iterable[str]) -> List[str]:
        """All tags of the scheme for these entity types: "O", then by type in alphabetical order."""
        return [OUTSIDE] + [f"{letter}-{entity_type}" for entity_type in sorted(set(types)) for letter in self.letters]

    def letters_in(self, target: "TagScheme") -> Optional[Dict[str, str]]:
        """
        Maps each letter to that of another scheme. `None` if this depends on the neighbouring words, so that neither a tag nor
        its probability can be converted on its own.
        """
        if target is self:
            return {letter: letter for letter in self.letters}
        letters = [self._first, self._inside, self._last, self._single]
        if len(set(letters)) < len(letters) or target._adjacent:
            return None
        return dict(zip(letters, [target._first, target._inside, target._last, target._single]))

    def _letters_of(self, num_words: int, touches: bool) -> List[str]:
        """The letters of an entity; `touches`: it directly follows one of the same type."""
        letters = [self._single]
        if num_words > 1:
            letters = [self._first] + [self._inside] * (num_words - 2) + [self._last]
        if touches and self._adjacent:
            letters[0] = self._adjacent
        return letters

    def _violation(self, previous: str, tag: str) -> Optional[Tuple[bool, str]]:
        """Why `tag` may not follow `previous`: whether `previous` is the wrong one, and the reason; `None` if it may."""
        pair = (previous, tag)
        if pair not in self._violations:
            if len(self._violations) >= _MAX_CACHED_PAIRS:
                self._violations.clear()
            self._violations[pair] = self._find_violation(parse_tag(previous), parse_tag(tag))
        return self._violations[pair]

    def _find_violation(self, before: ParsedTag, now: ParsedTag) -> Optional[Tuple[bool, str]]:
        if now.fault is not None:
            return False, now.fault
        if now.letter not in self.letters and now.letter != OUTSIDE:
            return False, f"{self.name} has no prefix {now.letter!r}, only {', '.join(self.letters)} and O"
        if self._adjacent:
            if now.letter == self._adjacent and now.type != before.type:
                return False, (
                    f"{self.name} writes {self._adjacent}- only directly after an entity of the same type, "
                    f"and {self._first}- elsewhere"
                )
            return None
        is_open = before.letter in (self._first, self._inside)
        if now.letter in (self._inside, self._last):
            if not is_open:
                return False, f"no entity is open before it; {self.name} begins one with {self._first}-{now.type}"
            if now.type != before.type:
                return False, f"the type changes from {before.type} to {now.type} inside an entity"
            return None
        if is_open and self._last != self._inside:
            return True, f"the entity is never closed; {self.name} expects {self._last}-{before.type} at its end"
        return None


def read_as_conlleval(tags: Sequence[str]) -> List[EntitySpan]:
    """The entities of one sentence, valid or not, in the letters of any scheme; see `TagScheme.spans`."""
    spans: List[EntitySpan] = []
    before, start = parse_tag(OUTSIDE), 0
    for position, tag in enumerate(itertools.chain(tags, [OUTSIDE])):
        now = parse_tag(tag)
        if now.fault is not None:
            raise InvalidTagSequence(position, tag, now.fault)
        if now.type is None or not continues(before, now):
            if before.type is not None:
                spans.append(EntitySpan(start, position, before.type))
            start = position
        before = now
    return spans


def _check_span(span: EntitySpan, previous: EntitySpan, length: int) -> None:
    start, end, entity_type = span
    if not 0 <= start < end <= length:
        raise ValueError(f"Entity span {tuple(span)} is out of range: expected 0 <= start < end <= {length}.")
    if start < previous.end:
        raise ValueError(f"Entity spans {tuple(previous)} and {tuple(span)} overlap; tags hold flat entities only.")
    if not entity_type:
        raise ValueError(f"Entity span {tuple(span)} has no type.")


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        TagScheme(name="IOB2", first="B", inside="I", last="I", single="B"),
        TagScheme(name="IOB1", first="I", inside="I", last="I", single="I", adjacent="B"),
        TagScheme(name="IOBES", first="B", inside="I", last="E", single="S"),
        TagScheme(name="BILOU", first="B", inside="I", last="L", single="U"),
    )
}
"""By name. If several fit, the first is chosen."""

_ALIASES = {"IOB": "IOB1", "BIO": "IOB2", "BIO2": "IOB2", "BIOES": "IOBES", "BIOUL": "BILOU", "BIOLU": "BILOU"}


def get_scheme(name: str) -> TagScheme:
    """
    Returns the scheme with this name or alias, in upper or lower case.

    # Raises

    `ConfigurationError`
        If there is none.
    """
    key = str(name).upper()
    scheme = SCHEMES.get(_ALIASES.get(key, key))
    if scheme is None:
        aliases = ", ".join(f"{alias} = {target}" for alias, target in _ALIASES.items())
        raise ConfigurationError(f"Unknown tag scheme {name!r}; use one of {', '.join(SCHEMES)} ({aliases}).")
    return scheme
