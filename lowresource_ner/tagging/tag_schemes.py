"""Tag schemes: entity spans written as one tag per token, and read back.

| scheme | also called            | first | inside | last | single | first, directly after an entity of the same type |
|--------|------------------------|-------|--------|------|--------|--------------------------------------------------|
| IOB1   | IOB                    | I     | I      | I    | I      | B                                                |
| IOB2   | BIO                    | B     | I      | I    | B      | B                                                |
| IOBES  | BIOES                  | B     | I      | E    | S      | B                                                |
| BILOU  | BIOUL                  | B     | I      | L    | U      | B                                                |

IOB1 is the scheme of Ramshaw and Marcus (1995) as CoNLL-2003 defines it: a *B-* where none is needed is an offence.
In every scheme a list of entities has exactly one valid tagging, so `TagScheme.check` accepts precisely the tags that
`TagScheme.tags` writes.

A tag is a prefix, a hyphen and an entity type; the first hyphen parts them, so types may hold hyphens.

Two more schemes are read and never written: IO, in which a tag is the bare type (or I- and the type), so that neighbouring words
of one type are one entity; and BMES, which is IOBES with M in place of I.
"""

import functools
import itertools
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from allennlp.common.checks import ConfigurationError

OUTSIDE = "O"
# The letters of all schemes, by what conlleval's startOfChunk and endOfChunk make of them.
_CONTINUING = frozenset("IEL")
_LEAVING_OPEN = frozenset("BI")
_LETTERS = frozenset("BIOESLU")
_MAX_CACHED_PAIRS = 1 << 16


class EntitySpan(NamedTuple):
    """An entity: token `start` up to and without token `end`, and its `type`."""

    start: int
    end: int
    type: str


class InvalidTagSequence(ConfigurationError):
    """A tag that a scheme does not allow where it stands.

    # Parameters

    position : `int`
        Which tag of the sequence, counted from 0.
    tag : `str`
        The tag as it came.
    reason : `str`
        What is wrong with it.
    sequence : `int`, optional (default = `None`)
        Which sequence, counted from 0, where several were read.
    repairable : `bool`, optional (default = whether the tag is one of some scheme)
        Whether the tag can be read at all, so that reading as conlleval does overcomes the offence.
    """

    def __init__(
        self,
        position: int,
        tag: str,
        reason: str,
        sequence: Optional[int] = None,
        repairable: Optional[bool] = None,
    ) -> None:
        where = f"tag {position}" if sequence is None else f"sequence {sequence}, tag {position}"
        super().__init__(f"{where}, {tag[:80]!r}: {reason}")
        self.position = position
        self.tag = tag
        self.reason = reason
        self.sequence = sequence
        self.repairable = _parse(tag).fault is None if repairable is None else repairable

    def __reduce__(self) -> Tuple:
        return type(self), (self.position, self.tag, self.reason, self.sequence, self.repairable)


class _Parsed(NamedTuple):
    letter: str
    type: Optional[str]
    fault: Optional[str]


def split_tag(tag: str) -> Tuple[str, Optional[str]]:
    """Splits a tag at its first hyphen into prefix and entity type; the type is `None` where there is none."""
    prefix, _, entity_type = tag.partition("-")
    return prefix, entity_type or None


@functools.lru_cache(maxsize=4096)
def _parse(tag: str) -> _Parsed:
    prefix, entity_type = split_tag(tag)
    fault = None
    if prefix not in _LETTERS:
        fault = 'a tag is "O", or one of B, I, E, S, L, U, a hyphen and an entity type'
    elif prefix == OUTSIDE and tag != OUTSIDE:
        fault = '"O" takes no entity type'
    elif prefix != OUTSIDE and entity_type is None:
        fault = f"the entity type is missing; expected {prefix}-TYPE"
    return _Parsed(prefix, entity_type, fault)


def is_tag(text: str) -> bool:
    """Whether this is "O", or a prefix of any scheme (BMES among them), a hyphen and an entity type."""
    return _parse(text).fault is None or _parse(_from_bmes(text)).fault is None


class TagScheme:
    """One way to write entity spans as tags. Get one from `get_scheme`.

    # Parameters

    name : `str`
        The name of the scheme: IOB1, IOB2, IOBES or BILOU.
    first, inside, last, single : `str`
        The letter of an entity's first token, of those between, of its last, and of an entity of one token.
    adjacent : `str`, optional (default = `None`)
        The letter of a first token that directly follows an entity of the same type, where it is another one.
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
        letters = [adjacent] if adjacent else []
        self._letters = list(dict.fromkeys([*letters, first, inside, last, single]))
        self._verdicts: Dict[Tuple[str, str], Optional[Tuple[bool, str]]] = {}

    def __repr__(self) -> str:
        return f"TagScheme({self.name})"

    def __reduce__(self) -> Tuple:
        return get_file_scheme, (self.name,)

    def check(self, tags: Sequence[str]) -> None:
        """Raises `InvalidTagSequence` at the first tag that the scheme does not allow."""
        offence = self.first_offence(tags)
        if offence is not None:
            raise offence

    def first_offence(self, tags: Sequence[str]) -> Optional[InvalidTagSequence]:
        """Returns what `check` would raise, or `None` where all is well."""
        previous = OUTSIDE
        for position, tag in enumerate(itertools.chain(tags, [OUTSIDE])):
            verdict = self._verdict(previous, tag)
            if verdict is not None:
                blames_previous, reason = verdict
                return InvalidTagSequence(position - blames_previous, previous if blames_previous else tag, reason)
            previous = tag
        return None

    def spans(self, tags: Sequence[str], repair: bool = False) -> List[EntitySpan]:
        """Reads the entities of one sentence.

        With `repair`, tags that break the scheme are read as conlleval reads them: an entity begins at B, S, U, at a
        change of type, and at I, E, L after O or after an entity that was closed; it ends before the next that begins,
        before O and after E, S, L, U. The letters of all schemes are read then. conlleval.pl itself knows no S, L, U
        and runs *E-X B-X* together as one entity; here they are read as in seqeval, and L, U as E, S.
        """
        if not repair:
            self.check(tags)
        return _read_as_conlleval(tags)

    def tags(self, spans: Iterable[EntitySpan], length: int) -> List[str]:
        """Writes the entities, in any order, as the tags of a sentence of `length` tokens."""
        tags = [OUTSIDE] * length
        previous = EntitySpan(0, 0, "")
        for span in sorted(spans):
            _check_span(span, previous, length)
            start, end, entity_type = span
            touches = start == previous.end and entity_type == previous.type
            tags[start:end] = [f"{letter}-{entity_type}" for letter in self._spell(end - start, touches)]
            previous = EntitySpan(start, end, entity_type)
        return tags

    def count_repaired(self, tags: Sequence[str], spans: Iterable[EntitySpan]) -> int:
        """How many of these tags would have to be others to be valid, where the entities that they are read as are `spans`."""
        return sum(tag != valid for tag, valid in zip(tags, self.tags(spans, len(tags))))

    def tag_set(self, types: Iterable[str]) -> List[str]:
        """All tags of the scheme for these entity types: "O", then by type in alphabetical order."""
        return [OUTSIDE] + [f"{letter}-{entity_type}" for entity_type in sorted(set(types)) for letter in self._letters]

    def _spell(self, num_tokens: int, touches: bool) -> List[str]:
        letters = [self._single]
        if num_tokens > 1:
            letters = [self._first] + [self._inside] * (num_tokens - 2) + [self._last]
        if touches and self._adjacent:
            letters[0] = self._adjacent
        return letters

    def _verdict(self, previous: str, tag: str) -> Optional[Tuple[bool, str]]:
        """Whether `tag` may follow `previous`: `None`, or whether `previous` is to blame, and the reason."""
        pair = (previous, tag)
        if pair not in self._verdicts:
            if len(self._verdicts) >= _MAX_CACHED_PAIRS:
                self._verdicts.clear()
            self._verdicts[pair] = self._judge(_parse(previous), _parse(tag))
        return self._verdicts[pair]

    def _judge(self, before: _Parsed, now: _Parsed) -> Optional[Tuple[bool, str]]:
        if now.fault is not None:
            return False, now.fault
        if now.letter not in self._letters and now.letter != OUTSIDE:
            return False, f"{self.name} has no prefix {now.letter!r}, only {', '.join(self._letters)} and O"
        same_type = now.type == before.type
        if self._adjacent:
            if now.letter == self._adjacent and not same_type:
                return False, (
                    f"{self.name} writes {self._adjacent}- only directly after an entity of the same type, "
                    f"and {self._first}- elsewhere"
                )
            return None
        is_open = before.letter in (self._first, self._inside)
        if now.letter in (self._inside, self._last):
            return self._judge_continuation(before, now, is_open)
        if is_open and self._last != self._inside:
            return True, f"the entity is never closed; {self.name} expects {self._last}-{before.type} at its end"
        return None

    def _judge_continuation(self, before: _Parsed, now: _Parsed, is_open: bool) -> Optional[Tuple[bool, str]]:
        if not is_open:
            return False, f"no entity is open before it; {self.name} begins one with {self._first}-{now.type}"
        if now.type != before.type:
            return False, f"the type changes from {before.type} to {now.type} inside an entity"
        return None


class ReadOnlyScheme(TagScheme):
    """A scheme of files that are read and never written: its tags are rewritten to those of another one.

    # Parameters

    name : `str`
        IO or BMES.
    written : `TagScheme`
        The scheme that they are rewritten to.
    rewrite : `Callable[[str], str]`
        Gives what a tag is there; a tag that the scheme does not know as it is.
    letters : `str`
        The prefixes that it knows.
    """

    def __init__(self, *, name: str, written: TagScheme, rewrite: Callable[[str], str], letters: str) -> None:
        self.name = name
        self._written = written
        self._rewrite = rewrite
        self._known = frozenset(letters)
        self._expected = ", ".join(letters)

    def first_offence(self, tags: Sequence[str]) -> Optional[InvalidTagSequence]:
        for position, tag in enumerate(tags):
            fault = self._fault(tag)
            if fault is not None:
                return InvalidTagSequence(position, tag, fault)
        offence = self._written.first_offence([self._rewrite(tag) for tag in tags])
        if offence is None:
            return None
        return InvalidTagSequence(offence.position, tags[offence.position], offence.reason, repairable=True)

    def spans(self, tags: Sequence[str], repair: bool = False) -> List[EntitySpan]:
        if not repair:
            self.check(tags)
        try:
            return _read_as_conlleval([self._rewrite(tag) for tag in tags])
        except InvalidTagSequence as offence:
            tag = tags[offence.position]
            raise InvalidTagSequence(offence.position, tag, self._fault(tag) or offence.reason) from None

    def count_repaired(self, tags: Sequence[str], spans: Iterable[EntitySpan]) -> int:
        return self._written.count_repaired([self._rewrite(tag) for tag in tags], spans)

    def tags(self, spans: Iterable[EntitySpan], length: int) -> List[str]:
        raise ConfigurationError(f"Tags are not written in {self.name}; take one of {', '.join(_SCHEMES)}.")

    def tag_set(self, types: Iterable[str]) -> List[str]:
        return self.tags([], 0)

    def _fault(self, tag: str) -> Optional[str]:
        parsed = _parse(self._rewrite(tag))
        if parsed.fault is not None:
            return parsed.fault
        prefix, entity_type = split_tag(tag)
        if entity_type is not None and prefix in {*_LETTERS, "M"} - self._known:
            return f"{self.name} has no prefix {prefix!r}, only {self._expected} and O"
        return None


def _from_io(tag: str) -> str:
    """Bare types become I-TYPE. What has the prefix of another scheme stays."""
    prefix, entity_type = split_tag(tag)
    is_bare = tag not in ("", OUTSIDE) and not (prefix in _LETTERS and entity_type is not None)
    return f"I-{tag}" if is_bare else tag


def _from_bmes(tag: str) -> str:
    return f"I{tag[1:]}" if tag.startswith("M-") else tag


def _read_as_conlleval(tags: Sequence[str]) -> List[EntitySpan]:
    spans: List[EntitySpan] = []
    before, start = _parse(OUTSIDE), 0
    for position, tag in enumerate(itertools.chain(tags, [OUTSIDE])):
        now = _parse(tag)
        if now.fault is not None:
            raise InvalidTagSequence(position, tag, now.fault)
        if now.letter in _CONTINUING and before.letter in _LEAVING_OPEN and now.type == before.type:
            before = now
            continue
        if before.type is not None:
            spans.append(EntitySpan(start, position, before.type))
        before, start = now, position
    return spans


def _check_span(span: EntitySpan, previous: EntitySpan, length: int) -> None:
    start, end, entity_type = span
    if not 0 <= start < end <= length:
        raise ValueError(f"Entity span {tuple(span)} is out of range: expected 0 <= start < end <= {length}.")
    if start < previous.end:
        raise ValueError(f"Entity spans {tuple(previous)} and {tuple(span)} overlap; tags hold flat entities only.")
    if not entity_type:
        raise ValueError(f"Entity span {tuple(span)} has no type.")


# In the order in which `SchemeDetector` prefers them.
_SCHEMES = {
    scheme.name: scheme
    for scheme in (
        TagScheme(name="IOB2", first="B", inside="I", last="I", single="B"),
        TagScheme(name="IOB1", first="I", inside="I", last="I", single="I", adjacent="B"),
        TagScheme(name="IOBES", first="B", inside="I", last="E", single="S"),
        TagScheme(name="BILOU", first="B", inside="I", last="L", single="U"),
    )
}
_ALIASES = {"IOB": "IOB1", "BIO": "IOB2", "BIO2": "IOB2", "BIOES": "IOBES", "BIOUL": "BILOU", "BIOLU": "BILOU"}


def get_scheme(name: str) -> TagScheme:
    """Returns the scheme of this name or alias, in upper or lower case."""
    key = str(name).upper()
    scheme = _SCHEMES.get(_ALIASES.get(key, key))
    if scheme is None:
        aliases = ", ".join(f"{alias} = {target}" for alias, target in _ALIASES.items())
        raise ConfigurationError(f"Unknown tag scheme {name!r}; use one of {', '.join(_SCHEMES)} ({aliases}).")
    return scheme


# Schemes that files may be said to be in, beside those that are found out.
_READ_ONLY = {
    scheme.name: scheme
    for scheme in (
        ReadOnlyScheme(name="IO", written=_SCHEMES["IOB1"], rewrite=_from_io, letters="I"),
        ReadOnlyScheme(
            name="BMES",
            written=TagScheme(name="BMES", first="B", inside="I", last="E", single="S"),
            rewrite=_from_bmes,
            letters="BMES",
        ),
    )
}


def get_file_scheme(name: str) -> TagScheme:
    """Returns the scheme of this name or alias that a file is to be read in: as `get_scheme`, and IO and BMES."""
    scheme = _READ_ONLY.get(str(name).upper())
    if scheme is not None:
        return scheme
    try:
        return get_scheme(name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} Files may also be read in IO (bare types) and BMES.") from None


def convert(
    tags: Sequence[str], source: Union[str, TagScheme], target: Union[str, TagScheme], repair: bool = False
) -> List[str]:
    """Rewrites the tags of one sentence from one scheme to another."""
    source = source if isinstance(source, TagScheme) else get_scheme(source)
    target = target if isinstance(target, TagScheme) else get_scheme(target)
    return target.tags(source.spans(tags, repair), len(tags))


class SchemeDetector:
    """Finds the scheme that all sequences satisfy, from one pass and in constant memory.

    Where several do, IOB2 comes before IOB1, IOBES and BILOU: sequences of nothing but O, or no sequence at all, are
    IOB2, and so are entities of one token that all begin with B-. Entities that all begin with I- are IOB1.
    """

    def __init__(self) -> None:
        self._num_sequences = 0
        self._num_offending = {name: 0 for name in _SCHEMES}
        self._first_offences: Dict[str, InvalidTagSequence] = {}

    def add(self, tags: Sequence[str]) -> None:
        """Takes the tags of one more sentence into account."""
        for name, scheme in _SCHEMES.items():
            offence = scheme.first_offence(tags)
            if offence is not None:
                self._num_offending[name] += 1
                offence.sequence = self._num_sequences
                self._first_offences.setdefault(name, offence)
        self._num_sequences += 1

    def best(self) -> TagScheme:
        """The scheme that the fewest sequences break."""
        return _SCHEMES[min(self._num_offending, key=lambda name: self._num_offending[name])]

    def result(self) -> TagScheme:
        """The scheme that all sequences satisfy; raises `InvalidTagSequence`, `sequence` set, where there is none."""
        best = self.best()
        offence = self._first_offences.get(best.name)
        if offence is None:
            return best
        broken = f"{self._num_offending[best.name]} of {self._num_sequences} sequences"
        reason = f"no tag scheme fits all sequences; {best.name} comes closest, which {broken} break: {offence.reason}"
        raise InvalidTagSequence(offence.position, offence.tag, reason, offence.sequence)


def detect_scheme(sequences: Iterable[Sequence[str]]) -> TagScheme:
    """Returns the scheme that all sequences satisfy. See `SchemeDetector`."""
    detector = SchemeDetector()
    for tags in sequences:
        detector.add(tags)
    return detector.result()
