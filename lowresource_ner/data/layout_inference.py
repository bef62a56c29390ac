"""The layout of a CoNLL file, found in its first lines."""

import codecs
import dataclasses
import logging
import re
from collections import Counter
from typing import List, Sequence, Tuple, Union

from lowresource_ner.data.conll_format import ConllFormat
from lowresource_ner.data.conll_layout import BLANKS, FileLayout, is_boundary, number_of_columns
from lowresource_ner.data.conll_lines import ConllError
from lowresource_ner.data.other_kinds import kind_by_first_lines

logger = logging.getLogger(__name__)

Line = Tuple[int, str]

_SOME_LANGUAGE = re.compile(r"[a-z]{2,3}:")
_ANY_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]+)*:")
# With so many lines that all hold the same number of spaces, these part columns; in tokens they would vary.
_NUM_LINES_THAT_PROVE_SPACES = 5


def infer_layout(path: str, head: Sequence[Line], conll_format: ConllFormat) -> FileLayout:
    """Finds the layout in a file's first lines, given with their numbers; raises where they are of another kind."""
    labelled = conll_format.tag_column is not None
    lines = _token_lines(path, head, conll_format)
    texts = [text for _, text in lines]
    by_tabs, num_columns, num_agreeing = _find_columns(texts, conll_format.delimiter, labelled)
    if not (by_tabs and _count_between_tabs(texts[0], labelled) == num_columns > 1):
        _check_other_kinds(path, lines, labelled)
    first = lines[0][0]
    if num_columns == 1 and labelled:
        raise _single_column(path, lines[0], conll_format.delimiter)
    if 2 * num_agreeing < len(lines):
        raise ConllError(
            path,
            first,
            "the lines differ in their number of columns, as in running text; give one token a line, "
            "or read running text with the raw_text reader",
        )
    token_index = _find_index(path, first, "token_column", conll_format.token_column, num_columns)
    tag_index = None
    if conll_format.tag_column is not None:
        tag_index = _find_index(path, first, "tag_column", conll_format.tag_column, num_columns)
    layout = FileLayout(
        path=path,
        by_tabs=by_tabs,
        num_columns=num_columns,
        token_index=token_index,
        tag_index=tag_index,
        comment_prefix=conll_format.comment_prefix,
    )
    if layout.token_index == layout.tag_index:
        raise ConllError(
            path,
            first,
            f"in {number_of_columns(num_columns)}, tokens and tags would be the same one; "
            'set "token_column" or "tag_column"',
        )
    _warn_of_wrong_encoding(path, texts, conll_format.encoding)
    return _with_language(layout, head, conll_format.language_prefix)


def _token_lines(path: str, head: Sequence[Line], conll_format: ConllFormat) -> List[Line]:
    """The lines that are neither boundaries nor begin as comments do.

    A file whose lines all begin as comments do holds tokens if tabs part them into equally many columns.
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


def _find_columns(texts: Sequence[str], delimiter: str, labelled: bool) -> Tuple[bool, int, int]:
    """Whether tabs part the columns, how many columns most lines have, and how many lines have so many."""
    num_by_tabs, agree_by_tabs = _most_common([_count_between_tabs(text, labelled) for text in texts])
    num_by_blanks, agree_by_blanks = _most_common([_count_words(text) for text in texts])
    by_tabs = delimiter == "tab"
    if delimiter == "auto" and num_by_tabs > 1:
        by_tabs = agree_by_tabs > agree_by_blanks or (
            agree_by_tabs == agree_by_blanks
            and (num_by_tabs == num_by_blanks or not _spaces_part_columns(texts, agree_by_blanks))
        )
    return (True, num_by_tabs, agree_by_tabs) if by_tabs else (False, num_by_blanks, agree_by_blanks)


def _spaces_part_columns(texts: Sequence[str], num_agreeing: int) -> bool:
    if num_agreeing >= _NUM_LINES_THAT_PROVE_SPACES:
        return True
    return any(" " in text.rstrip(BLANKS).rpartition("\t")[2].strip(" ") for text in texts)


def _most_common(counts: Sequence[int]) -> Tuple[int, int]:
    return Counter(counts).most_common(1)[0]


def _count_between_tabs(text: str, labelled: bool) -> int:
    """The columns of a line. Empty ones at its end count in unlabelled reading, where tags may have been taken out."""
    return len((text.rstrip(BLANKS) if labelled else text).split("\t"))


def _count_words(text: str) -> int:
    return len([word for word in text.replace("\t", " ").split(" ") if word])


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
        remedy = 'its lines hold no tabs: set "delimiter": "auto"'
    elif "," in text or ";" in text:
        remedy += "; columns are parted by tabs or spaces, not by commas or semicolons"
    return ConllError(
        path, number, f"there is a single column where tokens and tags are wanted: {text[:80]!r}; {remedy}"
    )


def _find_index(path: str, number: int, name: str, column: int, num_columns: int) -> int:
    if not -num_columns <= column < num_columns:
        raise ConllError(
            path,
            number,
            f"{number_of_columns(num_columns)}, but {name!r} is {column}; "
            f"set it to a number from 0 to {num_columns - 1}, or from -1 for the last",
        )
    return column % num_columns


def _warn_of_wrong_encoding(path: str, texts: Sequence[str], encoding: str) -> None:
    """Warns of UTF-8 that was read in an encoding that takes any bytes, such as Latin-1."""
    foreign = "".join(text for text in texts if not text.isascii())
    if not foreign or codecs.lookup(encoding).name == "utf-8":
        return
    try:
        foreign.encode(encoding).decode("utf-8")
    except UnicodeError:
        return
    logger.warning('%s is read as %s, but looks like UTF-8; leave out "encoding" if it is.', path, encoding)


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
    """The language prefix that all tokens of these lines carry, or nothing."""
    languages = set()
    for number, text in head:
        if not is_boundary(text) and not layout.is_comment(text):
            match = _SOME_LANGUAGE.match(layout.cells(number, text)[0])
            languages.add(match.group() if match else "")
            if len(languages) > 1:
                return ""
    return next(iter(languages), "")
