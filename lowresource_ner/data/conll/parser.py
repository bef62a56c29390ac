"""
Reads CoNLL files: one token a line, in columns, and a blank line after each sentence.

Lines end only at line feeds, and only ASCII spaces and tabs separate columns: other white space, such as a no-break space or
U+2028, is part of a token. Spaces around a column do not belong to it, but a token of nothing but spaces between tabs is kept.
"""

import itertools
import os
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Tuple, Union

from lowresource_ner.common.quoting import quoted
from lowresource_ner.common.text_rules import MAX_LINE_BYTES, split_words
from lowresource_ner.data.conll.column_warnings import Line, warn_once
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.layout import DOCUMENT_MARK, FileLayout, is_boundary
from lowresource_ner.data.conll.layout_inference import infer_layout
from lowresource_ner.data.text_lines import ConllError, numbered_lines

# The layout of a file is inferred from at most this many lines and characters.
LOOK_AHEAD = 1000
LOOK_AHEAD_CHARACTERS = 1 << 22

# Limits of a sentence, so that memory stays flat whatever a file contains.
MAX_SENTENCE_WORDS = 1_000_000
MAX_SENTENCE_CHARACTERS = 16 * MAX_LINE_BYTES

ANY_FORMAT = ConllFormat()

_Row = Tuple[int, str, Optional[str]]
"""The number, the token and the tag of a token line."""


@dataclass(frozen=True)
class ConllSentence:
    """
    A sentence of a CoNLL file.

    # Parameters

    tokens : `Tuple[str, ...]`
        Its tokens, at least one.
    tags : `Tuple[str, ...]`, optional
        The tag of each token as written in the file; `None` in unlabelled reading.
    path : `str`
        The file.
    lines : `Tuple[int, ...]`
        The line of each token, counted from 1.
    """

    tokens: Tuple[str, ...]
    tags: Optional[Tuple[str, ...]]
    path: str
    lines: Tuple[int, ...]


def read_conll(path: Union[str, os.PathLike], format: ConllFormat = ANY_FORMAT) -> Iterator[ConllSentence]:
    """
    Yields the sentences of a file one by one, in flat memory however large the file is. Files whose names end in .gz, .bz2 or .xz
    are decompressed. A sentence ends at a blank line, at a line that begins with -DOCSTART- or has it as its token, and where the
    file ends. Tags are given as written.

    # Raises

    `ConllError`
        Before the first sentence, if this is not a CoNLL file; later, for any line that breaks the layout of the first ones, and
        for a sentence of over `MAX_SENTENCE_WORDS` or `MAX_SENTENCE_CHARACTERS`.
    """
    path = os.fspath(path)
    lines = numbered_lines(path, format.encoding)
    head = _first_lines(lines)
    layout = infer_layout(path, head, format)
    is_empty = True
    for rows in _read_sentences(layout, itertools.chain(head, lines)):
        numbers, tokens, tags = zip(*rows)
        yield ConllSentence(tokens, None if tags[0] is None else tags, path, numbers)
        is_empty = False
    if is_empty:
        raise ConllError(path, 0, "there is no sentence, only document marks; give a file with one token a line")


def _first_lines(lines: Iterator[Line]) -> List[Line]:
    head = []
    num_characters = 0
    for line in itertools.islice(lines, LOOK_AHEAD):
        head.append(line)
        num_characters += len(line[1])
        if num_characters > LOOK_AHEAD_CHARACTERS:
            break
    return head


def _read_sentences(layout: FileLayout, lines: Iterable[Line]) -> Iterator[List[_Row]]:
    rows: List[_Row] = []
    num_characters = 0
    for number, text in lines:
        is_end = is_boundary(text)
        if not is_end and layout.is_comment(text, bool(rows)):
            _check_comment(layout, number, text, bool(rows))
        elif not is_end and number != layout.header_line:
            token, tag = layout.cells(number, text)
            is_end = token == DOCUMENT_MARK
            if not is_end:
                token = token if layout.language is None else layout.without_language(number, token)
                rows.append((number, token, tag))
                num_characters += len(token)
                if num_characters > MAX_SENTENCE_CHARACTERS or len(rows) > MAX_SENTENCE_WORDS:
                    raise _endless_sentence(layout.path, rows)
                is_end = layout.sentence_end_mark is not None and layout.ends_sentence(text)
        if is_end and rows:
            yield rows
            rows, num_characters = [], 0
    if rows:
        yield rows


def _endless_sentence(path: str, rows: List[_Row]) -> ConllError:
    return ConllError(
        path,
        rows[0][0],
        f"the sentence that begins here has over {MAX_SENTENCE_WORDS} words or {MAX_SENTENCE_CHARACTERS} characters up to line "
        f"{rows[-1][0]}; put a blank line after each sentence, or, if a column says where sentences end, set "
        '"sentence_end_mark"',
    )


def _check_comment(layout: FileLayout, number: int, text: str, inside: bool) -> None:
    """Raises an error for a comment that may be a token line, and warns of one that has columns."""
    if inside and len(split_words(text)) == 1:
        raise ConllError(
            layout.path,
            number,
            f"{quoted(text)} within a sentence may be a comment, or a token without the other columns; "
            'fix the line, move it before the sentence, or set "comment_prefix"',
        )
    if layout.num_columns == 1 or not layout.is_comment_in_columns(text):
        return
    if layout.may_be_word(text):
        raise ConllError(
            layout.path,
            number,
            f"{quoted(text)} may be a comment, or a word with a label that the first lines lack; set "
            '"comment_prefix" to all that comments begin with, or to null if there are none',
        )
    if not layout.expects_comments_in_columns:
        warn_once(
            layout.path,
            "comments",
            f"{layout.path}: lines such as {quoted(text)} (line {number}) are read as comments, since the tag "
            'column does not contain a tag; set "comment_prefix": null if they are words',
        )
