"""CoNLL files, a token a line in columns and a blank line after each sentence: the one parser.

Lines end at line feeds only, and columns at ASCII spaces and tabs only: no other white space, such as a no-break space
or U+2028, parts anything. Spaces around a column do not belong to it; a token of nothing but spaces between tabs stays.
"""

import itertools
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from lowresource_ner.common.text_rules import MAX_LINE_BYTES, split_words, suggested_type, type_fault
from lowresource_ner.data.conll.column_warnings import warn_once
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.layout import DOCUMENT_MARK, FileLayout, is_boundary, shown
from lowresource_ner.data.conll.layout_inference import infer_layout
from lowresource_ner.data.text_lines import ConllError, numbered_lines
from lowresource_ner.tagging import (
    EntitySpan,
    InvalidTagSequence,
    SchemeDetector,
    TagScheme,
    get_file_scheme,
    split_tag,
)

__all__ = [
    "ConllError",
    "ConllFormat",
    "ConllSentence",
    "ConllSummary",
    "read_conll",
    "sentence_spans",
    "survey_conll",
]

# How many lines, and of how many characters in all, are read before the layout of a file is settled.
LOOK_AHEAD = 1000
LOOK_AHEAD_CHARACTERS = 1 << 22

# No sentence is as long, so that memory stays flat whatever a file holds.
MAX_SENTENCE_WORDS = 1_000_000
MAX_SENTENCE_CHARACTERS = 16 * MAX_LINE_BYTES

ANY_FORMAT = ConllFormat()

_MOST_IN_A_REMEDY = 50

OTHER_TYPES = "*"
"""In a map of types, all that are not named."""

NO_MAP: Mapping[str, str] = {}

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
        line that breaks the layout of the first ones, and at a sentence of over `MAX_SENTENCE_WORDS` or
        `MAX_SENTENCE_CHARACTERS`.
    """
    path = os.fspath(path)
    lines = numbered_lines(path, format.encoding)
    head = _first_lines(lines)
    layout = infer_layout(path, head, format)
    rows: List[_Row] = []
    num_sentences = num_characters = 0
    for row in _read_rows(layout, itertools.chain(head, lines)):
        if row is not None:
            rows.append(row)
            num_characters += len(row[1])
            if num_characters > MAX_SENTENCE_CHARACTERS or len(rows) > MAX_SENTENCE_WORDS:
                raise _endless_sentence(path, rows)
        elif rows:
            yield _make_sentence(path, rows)
            rows = []
            num_sentences += 1
            num_characters = 0
    if not num_sentences:
        raise ConllError(path, 0, "there is no sentence, only document marks; give a file with one token a line")


def _endless_sentence(path: str, rows: Sequence[_Row]) -> ConllError:
    return ConllError(
        path,
        rows[0][0],
        f"the sentence that begins here has over {MAX_SENTENCE_WORDS} words or {MAX_SENTENCE_CHARACTERS} characters up to line "
        f"{rows[-1][0]}; put a blank line after each sentence, or, if a column says where sentences end, set "
        '"sentence_end_mark"',
    )


def _first_lines(lines: Iterator[Tuple[int, str]]) -> List[Tuple[int, str]]:
    """The lines that a file's layout is found in."""
    head = []
    num_characters = 0
    for line in itertools.islice(lines, LOOK_AHEAD):
        head.append(line)
        num_characters += len(line[1])
        if num_characters > LOOK_AHEAD_CHARACTERS:
            break
    return head


def _read_rows(layout: FileLayout, lines: Iterable[Tuple[int, str]]) -> Iterator[Optional[_Row]]:
    """Line, token and tag of each token line; `None` at each boundary of sentences and at the end."""
    inside = False
    for number, text in lines:
        if is_boundary(text):
            inside = False
            yield None
        elif layout.is_comment(text, inside):
            _check_comment(layout, number, text, inside)
        elif number != layout.header_line:
            token, tag = layout.cells(number, text)
            inside = token != DOCUMENT_MARK
            yield (number, layout.without_language(number, token), tag) if inside else None
            if inside and layout.sentence_end_mark is not None and layout.ends_sentence(text):
                inside = False
                yield None
    yield None


def _check_comment(layout: FileLayout, number: int, text: str, inside: bool) -> None:
    if inside and len(split_words(text)) == 1:
        raise _doubtful_comment(layout, number, text)
    if layout.num_columns == 1 or not layout.is_comment_in_columns(text):
        return
    if layout.may_be_word(text):
        raise ConllError(
            layout.path,
            number,
            f"{shown(text)} may be a comment, or a word with a label that the first lines lack; set "
            '"comment_prefix" to all that comments begin with, or to null if there are none',
        )
    if not layout.expects_comments_in_columns:
        warn_once(
            layout.path,
            "comments",
            f"{layout.path}: lines such as {shown(text)} (line {number}) are read as comments, since what stands in the tag "
            'column is no tag; set "comment_prefix": null if they are words',
        )


def _doubtful_comment(layout: FileLayout, number: int, text: str) -> ConllError:
    return ConllError(
        layout.path,
        number,
        f"{shown(text)} within a sentence may be a comment, or a token without the other columns; "
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
        raise _invalid_tag(sentence, offence, scheme.name) from None


def _invalid_tag(
    sentence: ConllSentence, offence: InvalidTagSequence, given_scheme: Optional[str], is_first: bool = False
) -> ConllError:
    """`given_scheme` is the one that the file is read in, if it was not to be found out; `is_first`: of the file's sentences."""
    if offence.repairable:
        remedy = (
            'mend the tag, set "repair": true in the reader\'s config to read it as conlleval does, '
            'or name the scheme of the file ("file_tag_scheme")'
        )
    else:
        remedies = ["mend the tag", 'set "tag_column" to the column of the entity tags']
        if split_tag(offence.tag)[0] == "M" and given_scheme != "BMES":
            remedies.append('set "file_tag_scheme": "BMES" if the tags are B-, M-, E- and S-')
        elif given_scheme != "IO" and type_fault(offence.tag) is None:
            remedies.append('set "file_tag_scheme": "IO" if tags are types without a prefix')
        if is_first and offence.position == 0:
            remedies.append('set "header": true if the line names the columns')
        remedy = f"{', '.join(remedies[:-1])}, or {remedies[-1]}"
    return ConllError(
        sentence.path, sentence.lines[offence.position], f"invalid tag {shown(offence.tag)}: {offence.reason}; {remedy}"
    )


def survey_conll(
    path: Union[str, os.PathLike],
    format: ConllFormat = ANY_FORMAT,
    tag_scheme: Optional[str] = None,
    repair: bool = False,
    label_map: Mapping[str, str] = NO_MAP,
) -> ConllSummary:
    """Reads a whole file and checks every line and tag of it, in flat memory.

    # Parameters

    path : `Union[str, PathLike]`
        The file.
    format : `ConllFormat`, optional
        Its columns.
    tag_scheme : `str`, optional (default = `None`)
        Its tag scheme, IO and BMES included; `None` to detect one of the others, in a pass of its own. With `repair`, the
        scheme that the fewest sentences break is taken.
    repair : `bool`, optional (default = `False`)
        Whether invalid tags are read as conlleval reads them, instead of being an error.
    label_map : `Mapping[str, str]`, optional
        What entity types become; those that it names, or all with "*", may be such as a type cannot be.

    # Raises

    `ConllError`
        Where a line, a tag or an entity type is not what it should be.
    """
    scheme = None
    if format.reads_tags:
        scheme = _detect_scheme(path, format, repair) if tag_scheme is None else get_file_scheme(tag_scheme)
    summary = ConllSummary(scheme=scheme.name if scheme else None)
    by_type: Counter[str] = Counter()
    lines_of_types: Dict[str, int] = {}
    for sentence in read_conll(path, format):
        summary.sentences += 1
        summary.tokens += len(sentence.tokens)
        if scheme is not None and sentence.tags is not None:
            spans = sentence_spans(sentence, scheme, repair)
            for span in spans:
                if span.type not in by_type:
                    lines_of_types[span.type] = sentence.lines[span.start]
                by_type[span.type] += 1
            summary.repaired += scheme.count_repaired(sentence.tags, spans) if repair else 0
    _check_types(os.fspath(path), lines_of_types, label_map)
    summary.entities = sum(by_type.values())
    summary.entities_by_type = dict(sorted(by_type.items()))
    return summary


def _check_types(path: str, lines_of_types: Mapping[str, int], label_map: Mapping[str, str]) -> None:
    """Raises an error for the first type that cannot be one and is not renamed; its remedy names all of them."""
    if OTHER_TYPES in label_map:
        return
    wrong = [name for name in lines_of_types if name not in label_map and type_fault(name) is not None]
    if wrong:
        complete = {**label_map, **{name: suggested_type(name) for name in wrong[:_MOST_IN_A_REMEDY]}}
        raise ConllError(
            path,
            lines_of_types[wrong[0]],
            f"the entity type {shown(wrong[0])} {type_fault(wrong[0])}; rename it, for instance with "
            f'"label_map": {json.dumps(complete, ensure_ascii=False)}',
        )


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
        raise _invalid_tag(sentence, offence, None, is_first=offence.sequence == 0) from None
