"""Tag schemes of files, including IO and BMES, which are read but not written.

IO: a tag is the bare type (or I- and the type), so that neighbouring words of one type are one entity. BMES: IOBES with M in
place of I.
"""

from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.tagging.invalid_tag_sequence import InvalidTagSequence
from lowresource_ner.tagging.tag_scheme import SCHEMES, TagScheme, get_scheme, read_as_conlleval
from lowresource_ner.tagging.tags import LETTERS, OUTSIDE, EntitySpan, parse_tag, split_tag


class ReadOnlyScheme(TagScheme):
    """A tag scheme that is read but not written. Tags are converted to another scheme.

    # Parameters

    name : `str`
        IO or BMES.
    written : `TagScheme`
        The scheme that tags are converted to.
    rewrite : `Callable[[str], str]`
        Converts a tag to that scheme; an unknown tag is returned unchanged.
    letters : `str`
        The letters of the scheme.
    """

    def __init__(self, *, name: str, written: TagScheme, rewrite: Callable[[str], str], letters: str) -> None:
        self.name = name
        self.letters = list(letters)
        self._written = written
        self._rewrite = rewrite

    def __reduce__(self) -> Tuple:
        return get_file_scheme, (self.name,)

    def first_error(self, tags: Sequence[str]) -> Optional[InvalidTagSequence]:
        for position, tag in enumerate(tags):
            fault = self._fault(tag)
            if fault is not None:
                return InvalidTagSequence(position, tag, fault)
        error = self._written.first_error([self._rewrite(tag) for tag in tags])
        if error is None:
            return None
        return InvalidTagSequence(error.position, tags[error.position], error.reason, repairable=True)

    def spans(self, tags: Sequence[str], repair: bool = False) -> List[EntitySpan]:
        if not repair:
            self.check(tags)
        try:
            return read_as_conlleval([self._rewrite(tag) for tag in tags])
        except InvalidTagSequence as error:
            tag = tags[error.position]
            raise InvalidTagSequence(error.position, tag, self._fault(tag) or error.reason) from None

    def count_repaired(self, tags: Sequence[str], spans: Iterable[EntitySpan]) -> int:
        return self._written.count_repaired([self._rewrite(tag) for tag in tags], spans)

    def tags(self, spans: Iterable[EntitySpan], length: int) -> List[str]:
        raise ConfigurationError(f"Tags are not written in {self.name}; take one of {', '.join(SCHEMES)}.")

    def tag_set(self, types: Iterable[str]) -> List[str]:
        return self.tags([], 0)

    def _fault(self, tag: str) -> Optional[str]:
        fault = parse_tag(self._rewrite(tag)).fault
        if fault is not None:
            return fault
        letter, entity_type = split_tag(tag)
        if entity_type is not None and letter in {*LETTERS, "M"} - {*self.letters}:
            return f"{self.name} has no prefix {letter!r}, only {', '.join(self.letters)} and O"
        return None


def _from_io(tag: str) -> str:
    """Bare types become I-TYPE. Tags with the letter of another scheme stay."""
    letter, entity_type = split_tag(tag)
    is_bare = tag not in ("", OUTSIDE) and not (letter in LETTERS and entity_type is not None)
    return f"I-{tag}" if is_bare else tag


def _from_bmes(tag: str) -> str:
    return f"I{tag[1:]}" if tag.startswith("M-") else tag


_READ_ONLY = {
    scheme.name: scheme
    for scheme in (
        ReadOnlyScheme(name="IO", written=SCHEMES["IOB1"], rewrite=_from_io, letters="I"),
        ReadOnlyScheme(
            name="BMES",
            written=TagScheme(name="BMES", first="B", inside="I", last="E", single="S"),
            rewrite=_from_bmes,
            letters="BMES",
        ),
    )
}


def get_file_scheme(name: str) -> TagScheme:
    """
    Returns the scheme with this name or alias: those of `get_scheme`, IO or BMES.

    # Raises

    `ConfigurationError`
        If there is none.
    """
    scheme = _READ_ONLY.get(str(name).upper())
    if scheme is not None:
        return scheme
    try:
        return get_scheme(name)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} Files may also be read in IO (bare types) and BMES.") from None
