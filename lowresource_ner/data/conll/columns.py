"""Divides the lines of a CoNLL file into columns."""

from collections import Counter
from typing import List, NamedTuple, Sequence

from lowresource_ner.common.text_rules import BLANKS, split_words

# If this many lines all contain the same number of spaces, these separate columns; spaces within tokens would vary.
_NUM_LINES_THAT_PROVE_SPACES = 5


class Columns(NamedTuple):
    """
    The columns of some lines.

    `by_tabs` : whether tabs separate the columns, rather than runs of spaces and tabs; `number` : how many columns most lines
    have; `least` : that number without the last columns that are empty in all lines; `num_agreeing` : how many lines have `least`
    to `number` columns.
    """

    by_tabs: bool
    number: int
    least: int
    num_agreeing: int

    def agree_with(self, text: str) -> bool:
        """Whether the line has `least` to `number` columns."""
        return self.least <= len(split_columns(text, self.by_tabs, self.number)) <= self.number

    def position_of(self, column: int) -> int:
        """The index of a column that may be counted from the end; -1 if there is no such column."""
        if not -self.least <= column < self.number:
            return -1
        return column if column >= 0 else column + self.least


def find_columns(texts: Sequence[str], delimiter: str) -> Columns:
    """
    The columns of a file's first lines.

    # Parameters

    texts : `Sequence[str]`
        The lines, at least one.
    delimiter : `str`
        As in `ConllFormat`.
    """
    by_tabs, by_blanks = columns_by_tabs(texts), _columns_by_blanks(texts)
    if delimiter != "auto":
        return by_tabs if delimiter == "tab" else by_blanks
    if by_tabs.number == 1 or by_tabs.num_agreeing < by_blanks.num_agreeing:
        return by_blanks
    if by_tabs.num_agreeing > by_blanks.num_agreeing or by_tabs.least == by_blanks.number:
        return by_tabs
    return by_blanks if _spaces_separate_columns(texts, by_blanks.num_agreeing) else by_tabs


def split_columns(text: str, by_tabs: bool, num_columns: int) -> List[str]:
    """The columns of a line. Between tabs, empty columns after the first `num_columns` are dropped."""
    if not by_tabs:
        return split_words(text)
    columns = text.split("\t")
    while len(columns) > num_columns and not columns[-1].strip(" "):
        columns.pop()
    return columns


def number_of_columns(number: int) -> str:
    """The number with its noun, for a message."""
    return f"{number} column{'' if number == 1 else 's'}"


def columns_by_tabs(texts: Sequence[str]) -> Columns:
    """The columns between tabs."""
    number = _most_common([len(text.split("\t")) for text in texts])
    rows = [split_columns(text, True, number) for text in texts]
    # Of two columns the second one counts even if it is empty: tags may have been removed from it.
    least = min(number, max(2, *map(last_filled_column, rows)))
    return Columns(True, number, least, sum(least <= len(row) <= number for row in rows))


def last_filled_column(columns: Sequence[str]) -> int:
    """The number of the last column that is not empty, from 1; 0 where all are empty."""
    return next((index for index in range(len(columns), 0, -1) if columns[index - 1].strip(" ")), 0)


def _columns_by_blanks(texts: Sequence[str]) -> Columns:
    counts = [len(split_words(text)) for text in texts]
    number = _most_common(counts)
    return Columns(False, number, number, counts.count(number))


def _spaces_separate_columns(texts: Sequence[str], num_agreeing: int) -> bool:
    if num_agreeing >= _NUM_LINES_THAT_PROVE_SPACES:
        return True
    return any(" " in text.rstrip(BLANKS).rpartition("\t")[2].strip(" ") for text in texts)


def _most_common(counts: Sequence[int]) -> int:
    return Counter(counts).most_common(1)[0][0]
