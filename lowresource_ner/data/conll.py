"""CoNLL files, a token a line in columns and a blank line after each sentence: the one parser, the one writer.

Lines end at line feeds only, and columns at ASCII spaces and tabs only: no other white space, such as a no-break space
or U+2028, parts anything. Spaces around a column do not belong to it; a token of nothing but spaces between tabs stays.
"""

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from lowresource_ner.data.conll_format import ConllFormat
from lowresource_ner.data.conll_layout import DOCUMENT_MARK, FileLayout, is_boundary
from lowresource_ner.data.conll_lines import ConllError, numbered_lines
from lowresource_ner.data.conll_writer import write_conll
from lowresource_ner.data.layout_inference import infer_layout
from lowresource_ner.data.tag_schemes import EntitySpan, InvalidTagSequence, SchemeDetector, TagScheme, get_scheme

__all__ = [
    "ConllError",
    "ConllFormat",
    "ConllSentence",
    "ConllSummary",
    "read_conll",
    "sentence_spans",
    "survey_conll",
    "write_conll",
]

# How many lines are read before the layout of a file is settled.
LOOK_AHEAD = 1000

ANY_FORMAT = ConllFormat()

_Row = Tuple[int, str, Optional[str]]


@dataclass(frozen=True)
class ConllSentence:
    """A sentence of a CoNLL file.

    # Parameters

    tokens : `Tuple[str, ...]`
        Its tokens, at least one.
    tags : `Tuple[str, ...]`, optional
        The tag of each token as it stands in the file; `None` in unlabelled reading.
    path : `str`
        The file.
    lines : `Tuple[int, ...]`
        The line of each token, counted from 1.
    """

    tokens: Tuple[str, ...]
    tags: Optional[Tuple[str, ...]]
    path: str
    lines: Tuple[int, ...]


@dataclass
class ConllSummary:
    """What a CoNLL file holds.

    # Parameters

    sentences, tokens, entities : `int`
        How many.
    entities_by_type : `Dict[str, int]`
        How many of each type, in alphabetical order.
    scheme : `str`, optional (default = `None`)
        The name of its tag scheme; `None` for unlabelled reading.
    repaired : `int`, optional (default = `0`)
        How many tags would have to be others to be valid in that scheme.
    """

    sentences: int = 0
    tokens: int = 0
    entities: int = 0
    entities_by_type: Dict[str, int] = field(default_factory=dict)
    scheme: Optional[str] = None
    repaired: int = 0


def read_conll(path: Union[str, os.PathLike], format: ConllFormat = ANY_FORMAT) -> Iterator[ConllSentence]:
    """Yields the sentences of a file one by one, however large it is.

    Files whose name ends in .gz, .bz2 or .xz are unpacked on the way. Sentences end at blank lines, at lines that begin
    with -DOCSTART- or have it as their token, and at the end of the file. Tags are given as they stand.

    # Raises

    `ConllError`
        With the first sentence asked for, where the file or its first lines are not what they should be; later, at any
        line that breaks the layout of the first ones.
    """
    path = os.fspath(path)
    lines = numbered_lines(path, format.encoding)
    head = list(itertools.islice(lines, LOOK_AHEAD))
    layout = infer_layout(path, head, format)
    rows: List[_Row] = []
    num_sentences = 0
    for row in _read_rows(layout, itertools.chain(head, lines)):
        if row is not None:
            rows.append(row)
        elif rows:
            yield _make_sentence(path, rows)
            rows = []
            num_sentences += 1
    if not num_sentences:
        raise ConllError(path, 0, "there is no sentence, only document marks; give a file with one token a line")


def _read_rows(layout: FileLayout, lines: Iterable[Tuple[int, str]]) -> Iterator[Optional[_Row]]:
    """Line, token and tag of each token line; `None` at each boundary of sentences and at the end."""
    inside = False
    for number, text in lines:
        if is_boundary(text):
            inside = False
            yield None
        elif layout.is_comment(text):
            if inside and len(text.split()) == 1:
                raise _doubtful_comment(layout, number, text)
        else:
            token, tag = layout.cells(number, text)
            inside = token != DOCUMENT_MARK
            yield (number, layout.without_language(number, token), tag) if inside else None
    yield None


def _doubtful_comment(layout: FileLayout, number: int, text: str) -> ConllError:
    return ConllError(
        layout.path,
        number,
        f"{text!r} within a sentence may be a comment, or a token without the other columns; "
        'mend the line, move it before the sentence, or set "comment_prefix"',
    )


def _make_sentence(path: str, rows: Sequence[_Row]) -> ConllSentence:
    lines, tokens, tags = zip(*rows)
    return ConllSentence(tokens, None if tags[0] is None else tags, path, lines)


def sentence_spans(sentence: ConllSentence, scheme: TagScheme, repair: bool = False) -> List[EntitySpan]:
    """Reads the entities of a labelled sentence; see `TagScheme.spans`.

    # Raises

    `ConllError`
        Where a tag is not valid, with its line.
    """
    if sentence.tags is None:
        raise ValueError(f"{sentence.path}:{sentence.lines[0]}: the sentence was read as unlabelled, without tags.")
    try:
        return scheme.spans(sentence.tags, repair)
    except InvalidTagSequence as offence:
        raise _invalid_tag(sentence, offence) from None


def _invalid_tag(sentence: ConllSentence, offence: InvalidTagSequence) -> ConllError:
    remedy = (
        'mend the tag, set "repair": true in the reader\'s config to read it as conlleval does, '
        'or name the scheme of the file ("file_tag_scheme")'
    )
    if not offence.repairable:
        remedy = 'mend the tag, or set "tag_column" to the column of the entity tags'
    return ConllError(
        sentence.path, sentence.lines[offence.position], f"invalid tag {offence.tag!r}: {offence.reason}; {remedy}"
    )


def survey_conll(
    path: Union[str, os.PathLike],
    format: ConllFormat = ANY_FORMAT,
    tag_scheme: Optional[str] = None,
    repair: bool = False,
) -> ConllSummary:
    """Reads a whole file and checks every line and tag of it, in flat memory.

    # Parameters

    path : `Union[str, PathLike]`
        The file.
    format : `ConllFormat`, optional
        Its columns.
    tag_scheme : `str`, optional (default = `None`)
        Its tag scheme; `None` to detect it, in a pass of its own. With `repair`, the scheme that the fewest sentences
        break is taken.
    repair : `bool`, optional (default = `False`)
        Whether invalid tags are read as conlleval reads them, instead of being an error.

    # Raises

    `ConllError`
        Where a line or a tag is not what it should be.
    """
    labelled = format.tag_column is not None
    scheme = None
    if labelled:
        scheme = _detect_scheme(path, format, repair) if tag_scheme is None else get_scheme(tag_scheme)
    summary = ConllSummary(scheme=scheme.name if scheme else None)
    by_type: Counter[str] = Counter()
    for sentence in read_conll(path, format):
        summary.sentences += 1
        summary.tokens += len(sentence.tokens)
        if scheme is not None and sentence.tags is not None:
            spans = sentence_spans(sentence, scheme, repair)
            by_type.update(span.type for span in spans)
            summary.repaired += _count_repaired(sentence.tags, spans, scheme) if repair else 0
    summary.entities = sum(by_type.values())
    summary.entities_by_type = dict(sorted(by_type.items()))
    return summary


def _detect_scheme(path: Union[str, os.PathLike], format: ConllFormat, repair: bool) -> TagScheme:
    detector = SchemeDetector()
    for sentence in read_conll(path, format):
        detector.add(sentence.tags or ())
    if repair:
        return detector.best()
    try:
        return detector.result()
    except InvalidTagSequence as offence:
        sentence = next(itertools.islice(read_conll(path, format), offence.sequence, None))
        raise _invalid_tag(sentence, offence) from None


def _count_repaired(tags: Sequence[str], spans: Sequence[EntitySpan], scheme: TagScheme) -> int:
    return sum(tag != valid for tag, valid in zip(tags, scheme.tags(spans, len(tags))))
