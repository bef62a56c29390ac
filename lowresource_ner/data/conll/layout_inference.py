"""Infers the layout of a CoNLL file from its first lines."""

import codecs
import dataclasses
import logging
import re
from typing import FrozenSet, List, Optional, Sequence, Union

from lowresource_ner.common.quoting import quoted
from lowresource_ner.data.conll.column_warnings import Line, warn_of_columns, warn_once
from lowresource_ner.data.conll.columns import Columns, find_columns, number_of_columns
from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.layout import FileLayout, is_boundary
from lowresource_ner.data.file_kinds import kind_by_first_lines
from lowresource_ner.data.text_lines import ConllError
from lowresource_ner.tagging import OUTSIDE, is_tag

logger = logging.getLogger(__name__)

_SOME_LANGUAGE = re.compile(r"[a-z]{2,3}:")
_ANY_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]+)*:")
_NAMES_OF_TOKEN_COLUMN = {"token", "tokens", "word", "words", "form", "text"}
_NAME_OF_TAG_COLUMN = re.compile(r"ne\b|ner|named|tag|label|entit|iob|bio|bmes|gold|class|type|misc|feats|annotation")


def infer_layout(path: str, head: Sequence[Line], conll_format: ConllFormat) -> FileLayout:
    """
    Infers the layout of a file.

    # Parameters

    path : `str`
        The file, for error messages.
    head : `Sequence[Line]`
        Its first lines, with their numbers.
    conll_format : `ConllFormat`
        What is known about its columns.

    # Raises

    `ConllError`
        If this is not a CoNLL file, or it does not have the columns that the format names.
    """
    lines = _token_lines(path, head, conll_format)
    columns = find_columns([text for _, text in lines], conll_format.delimiter)
    labelled = conll_format.reads_tags
    first = lines[0][0]
    if not (columns.by_tabs and columns.agree_with(lines[0][1]) and columns.number > 1):
        _check_other_kinds(path, lines, labelled)
    if columns.number == 1 and labelled:
        raise _single_column(path, lines[0], conll_format.delimiter)
    if 2 * columns.num_agreeing < len(lines):
        raise ConllError(
            path,
            first,
            "the lines differ in their number of columns, as in running text; give one token a line, "
            "or read running text with the raw_text reader",
        )
    layout = FileLayout(
        path=path,
        by_tabs=columns.by_tabs,
        num_columns=columns.number,
        min_columns=columns.least,
        token_index=_find_index(path, first, "token_column", conll_format.token_column, columns),
        tag_index=_find_index(path, first, "tag_column", conll_format.tag_column, columns) if labelled else None,
        comment_prefix=conll_format.comment_prefix,
        sentence_end_mark=conll_format.sentence_end_mark,
        likely_tag_index=_likely_tag_index(conll_format, columns),
    )
    if layout.token_index == layout.tag_index:
        raise ConllError(
            path,
            first,
            f'in {number_of_columns(columns.least)}, tokens and tags would be the same one; set "token_column" or "tag_column"',
        )
    _warn_of_wrong_encoding(path, [text for _, text in lines], conll_format.encoding)
    layout = _with_likely_tags(layout, lines)
    layout = _with_header(layout, lines, head, conll_format.header)
    rows = [line for line in lines if line[0] != layout.header_line]
    layout = _with_likely_tags(layout, rows)
    layout = dataclasses.replace(layout, expects_comments_in_columns=_are_comments_regular(layout, head))
    warn_of_columns(layout, rows, head)
    return _with_language(layout, head, conll_format.language_prefix)


def _token_lines(path: str, head: Sequence[Line], conll_format: ConllFormat) -> List[Line]:
    """
    The lines that neither separate sentences nor begin with the comment prefix. If all lines begin with it, they are token lines
    where tabs divide them into equally many columns.
    """
    if not head:
        raise ConllError(path, 0, "the file is empty; give a file with one token a line")
    lines = [line for line in head if not is_boundary(line[1])]
    prefix = conll_format.comment_prefix
    others = lines if prefix is None else [line for line in lines if not line[1].startswith(prefix)]
    if not others and min((text.count("\t") for _, text in lines), default=0) > 0:
        others = lines
    if not others:
        raise ConllError(
            path,
            0,
            "there is no sentence, only blank lines, document marks or comments; give a file with one token a line, "
            'or set "comment_prefix": null if the comments are tokens',
        )
    return others


def _likely_tag_index(conll_format: ConllFormat, columns: Columns) -> Optional[int]:
    """The column where tags are, or would be if they were read; `None` if there is no such column, or it is the token's."""
    index = columns.position_of(-1 if conll_format.tag_column is None else conll_format.tag_column)
    return None if index in (-1, columns.position_of(conll_format.token_column)) else index


def _cells(layout: FileLayout, lines: Sequence[Line], index: Optional[int]) -> List[str]:
    """The cells of a column, of the lines that have it."""
    if index is None:
        return []
    rows = (layout.split(text) for _, text in lines)
    return [row[index].strip(" ") for row in rows if len(row) > index]


def _closed_set(cells: Sequence[str]) -> Optional[FrozenSet[str]]:
    """The cells as a set where all are tags, or one is "O", or they repeat so often that they may be labels; else `None`."""
    found = frozenset(cells)
    if cells and (all(map(is_tag, found)) or OUTSIDE in found or 2 * len(found) <= len(cells)):
        return found
    return None


def _with_likely_tags(layout: FileLayout, rows: Sequence[Line]) -> FileLayout:
    return dataclasses.replace(layout, likely_tags=_closed_set(_cells(layout, rows, layout.likely_tag_index)))


def _with_header(
    layout: FileLayout, lines: Sequence[Line], head: Sequence[Line], header: Union[bool, str]
) -> FileLayout:
    """The layout with the line that names the columns, if there is one."""
    first = next(
        (line for line in head if not is_boundary(line[1]) and not layout.is_comment(line[1], False)), lines[0]
    )
    number, text = first
    others = [line for line in lines if line[0] != number]
    if header is False or (header == "auto" and not _is_header(layout, first, others)):
        return layout
    if not others:
        raise ConllError(
            layout.path, number, 'there is no token line but the header; give a file with tokens, or set "header"'
        )
    logger.info("%s:%d: %s is taken for a header", layout.path, number, quoted(text))
    return dataclasses.replace(layout, header_line=number)


def _is_header(layout: FileLayout, line: Line, others: Sequence[Line]) -> bool:
    names = {cell.strip(" ").casefold() for cell in layout.split(line[1])}
    tags = _cells(layout, [line], layout.likely_tag_index)
    if (
        not others
        or not tags
        or not names & _NAMES_OF_TOKEN_COLUMN
        or not _NAME_OF_TAG_COLUMN.match(tags[0].casefold())
    ):
        return False
    return not is_tag(tags[0]) and tags[0] not in _cells(layout, others, layout.likely_tag_index)


def _are_comments_regular(layout: FileLayout, head: Sequence[Line]) -> bool:
    """Whether at least half of the sentences come after a comment that has columns."""
    num_sentences = num_comments = 0
    inside = commented = False
    for number, text in head:
        if is_boundary(text):
            inside = commented = False
        elif not layout.is_comment(text, inside):
            num_sentences += not inside
            inside = number != layout.header_line
        elif not commented and not inside and layout.is_comment_in_columns(text):
            num_comments += 1
            commented = True
    return 2 * num_comments >= num_sentences


def _check_other_kinds(path: str, lines: Sequence[Line], labelled: bool) -> None:
    kind = kind_by_first_lines([text for _, text in lines], labelled)
    if kind is not None:
        raise ConllError(path, lines[0][0], f"this is {kind[0]}, not a CoNLL file; {kind[1]}")


def _single_column(path: str, line: Line, delimiter: str) -> ConllError:
    number, text = line
    remedy = (
        "give a file with tokens and tags, or, for tokens alone, read it unlabelled "
        '("labelled": false in the reader\'s config)'
    )
    if delimiter == "tab" and " " in text.strip(" "):
        remedy = 'its lines contain no tabs: set "delimiter": "auto"'
    elif "," in text or ";" in text:
        remedy += "; columns are separated by tabs or spaces, not by commas or semicolons"
    return ConllError(
        path, number, f"there is a single column where tokens and tags are expected: {quoted(text)}; {remedy}"
    )


def _find_index(path: str, number: int, name: str, column: Optional[int], columns: Columns) -> int:
    assert column is not None
    index = columns.position_of(column)
    if index < 0:
        raise ConllError(
            path,
            number,
            f"{number_of_columns(columns.number)}, but {name!r} is {column}; "
            f"set it to a number from 0 to {columns.number - 1}, or from -1 for the last",
        )
    return index


def _warn_of_wrong_encoding(path: str, texts: Sequence[str], encoding: str) -> None:
    """Warns of UTF-8 that is read in an encoding in which all bytes are valid, such as Latin-1."""
    foreign = "".join(text for text in texts if not text.isascii())
    if not foreign or codecs.lookup(encoding).name == "utf-8":
        return
    try:
        foreign.encode(encoding).decode("utf-8")
    except UnicodeError:
        return
    warn_once(path, "encoding", f'{path} is read as {encoding}, but looks like UTF-8; leave out "encoding" if it is.')


def _with_language(layout: FileLayout, head: Sequence[Line], prefix: Union[bool, str]) -> FileLayout:
    if prefix is False:
        return layout
    if prefix is True:
        return dataclasses.replace(layout, language=_ANY_LANGUAGE)
    if prefix == "auto":
        prefix = _shared_language(layout, head)
        if not prefix:
            return layout
    return dataclasses.replace(layout, language=re.compile(re.escape(str(prefix).rstrip(":") + ":")))


def _shared_language(layout: FileLayout, head: Sequence[Line]) -> str:
    """The language prefix that all tokens of these lines have; empty where there is none."""
    languages = set()
    inside = False
    for number, text in head:
        if is_boundary(text):
            inside = False
        elif number != layout.header_line and not layout.is_comment(text, inside):
            inside = True
            match = _SOME_LANGUAGE.match(layout.cells(number, text)[0])
            languages.add(match.group() if match else "")
            if len(languages) > 1:
                return ""
    return next(iter(languages), "")
