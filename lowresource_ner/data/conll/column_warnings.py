"""Warns of columns that may have been chosen wrongly, and of sentences that do not end."""

import itertools
import logging
import re
from typing import Iterable, Sequence, Set, Tuple

from lowresource_ner.data.conll.layout import FileLayout, is_boundary

logger = logging.getLogger(__name__)

Line = Tuple[int, str]
"""The number of a line, from 1, and its text."""

# "7", and "7-8" and "7.1" of CoNLL-U.
_NUMBER = re.compile(r"\d+(?:[-.]\d+)?")
_FEWEST_NUMBERS = 5
_LONG_SENTENCE = 500
_KNOWN_END_MARK = "EndOfSentence"

_warned: Set[Tuple[str, str]] = set()


def warn_of_columns(layout: FileLayout, rows: Sequence[Line], head: Sequence[Line]) -> None:
    """
    Warns of a token column of numbers, and of a file in which sentences do not end.

    # Parameters

    layout : `FileLayout`
    rows : `Sequence[Line]`
        The token lines among the file's first lines.
    head : `Sequence[Line]`
        All of its first lines.
    """
    _warn_of_numbers(layout, rows)
    _warn_of_endless_sentence(layout, rows, head)


def warn_once(path: str, topic: str, message: str) -> None:
    """Logs a warning about a file, once in a process for each topic: a file is read several times."""
    if (path, topic) not in _warned:
        _warned.add((path, topic))
        logger.warning("%s", message)


def _warn_of_numbers(layout: FileLayout, rows: Sequence[Line]) -> None:
    if layout.num_columns == 1:
        return
    numbers = [(line, layout.split(text)[layout.token_index : layout.token_index + 1]) for line, text in rows]
    cells = [(line, found[0].strip(" ")) for line, found in numbers if found]
    if cells and not _NUMBER.fullmatch(cells[0][1]):
        cells = cells[1:]  # a header that was not recognised
    if not all(_NUMBER.fullmatch(cell) for _, cell in cells):
        return
    if len(cells) >= _FEWEST_NUMBERS or _count_up(cells):
        others = [index for index in range(layout.num_columns) if index not in (layout.token_index, layout.tag_index)]
        proposal = f'set "token_column" to that of the words{f", perhaps {others[0]}" if others else ""}'
        warn_once(
            layout.path,
            "numbers",
            f"{layout.path}:{cells[0][0]}: the token column (column {layout.token_index}, counted from 0) holds nothing but "
            f"numbers; if they count the words, {proposal}.",
        )


def _count_up(cells: Sequence[Tuple[int, str]]) -> bool:
    """Whether the numbers of neighbouring lines count 1, 2, 3."""
    neighbours = itertools.groupby(enumerate(cells), key=lambda each: each[1][0] - each[0])
    runs = [[cell for _, (_, cell) in run] for _, run in neighbours]
    return any(len(run) > 1 for run in runs) and all(
        run == [str(number) for number in range(1, len(run) + 1)] for run in runs
    )


def _warn_of_endless_sentence(layout: FileLayout, rows: Sequence[Line], head: Sequence[Line]) -> None:
    mark = layout.sentence_end_mark
    if not rows or any(mark == cell for _, text in rows for cell in _other_cells(layout, text)):
        return
    place = f"{layout.path}:{rows[0][0]}"
    if any(cell == _KNOWN_END_MARK for _, text in rows for cell in _other_cells(layout, text)):
        warn_once(
            layout.path,
            "sentences",
            f'{place}: "{_KNOWN_END_MARK}" occurs in a column; set "sentence_end_mark": "{_KNOWN_END_MARK}" to end sentences '
            "there, and not at blank lines alone.",
        )
    elif mark is not None:
        warn_once(
            layout.path,
            "sentences",
            f'{place}: "sentence_end_mark" is "{mark}", which occurs in no column of the first {len(rows)} words; check it.',
        )
    elif len(rows) >= _LONG_SENTENCE and not any(is_boundary(text) for number, text in head if number > rows[0][0]):
        warn_once(
            layout.path,
            "sentences",
            f"{place}: the first {len(rows)} words are one sentence; put a blank line after each sentence, or, if a column says "
            'where sentences end, set "sentence_end_mark".',
        )


def _other_cells(layout: FileLayout, text: str) -> Iterable[str]:
    for index, cell in enumerate(layout.split(text)):
        if index != layout.token_index:
            yield from cell.split("|")
