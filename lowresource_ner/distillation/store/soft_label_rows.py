"""A teacher's distributions as they are stored: checked, and in half precision."""

from itertools import accumulate
from typing import List, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

ROW_TYPE = numpy.dtype("<f2")
_SUM_TOLERANCE = 1e-2


def checked_rows(
    sentences: Sequence[Sequence[str]], distributions: Sequence[numpy.ndarray], num_labels: int
) -> Tuple[List[int], numpy.ndarray]:
    """
    The distributions of several sentences in one array.

    # Parameters

    sentences : `Sequence[Sequence[str]]`
        The words of each sentence.
    distributions : `Sequence[numpy.ndarray]`
        For each sentence (num_words, num_labels).
    num_labels : `int`
        The number of labels that there must be.

    # Returns

    `Tuple[List[int], numpy.ndarray]`
        The first row of each sentence, and at last the number of all rows; and the rows as float16, (num_rows, num_labels).

    # Raises

    `ConfigurationError`
        Where a shape is wrong, or a row is no distribution.
    """
    if len(sentences) != len(distributions):
        raise ConfigurationError(
            f"There are {len(sentences)} sentences, but {len(distributions)} arrays of distributions. Give one for each sentence."
        )
    for words, distribution in zip(sentences, distributions):
        if numpy.shape(distribution) != (len(words), num_labels):
            raise ConfigurationError(
                f"The distributions of {_shown(words)} have the shape {tuple(numpy.shape(distribution))}, expected was "
                f"{(len(words), num_labels)}: words, labels. Give one row a word, and the labels that the store was opened with."
            )
    starts = list(accumulate(map(len, sentences), initial=0))
    with numpy.errstate(over="ignore"):  # what overflows is found below
        rows = numpy.concatenate([numpy.empty((0, num_labels), ROW_TYPE), *distributions], dtype=ROW_TYPE)
    is_right = _are_distributions(rows)
    if not is_right.all():
        row = int(is_right.argmin())
        sentence = int(numpy.searchsorted(starts, row, side="right")) - 1
        raise ConfigurationError(
            f"Word {row - starts[sentence]} of {_shown(sentences[sentence])} has the distribution "
            f"{numpy.array2string(rows[row], threshold=12)}. Probabilities are finite, from 0 to 1, and their sum is 1: give the "
            "teacher's probabilities, not its logits, and look whether it works at all where there are infinities or NaN."
        )
    return starts, rows


def read_only_copy(rows: numpy.ndarray) -> numpy.ndarray:
    """A copy that nobody can write to, and that keeps no greater array alive."""
    copy = rows.copy()
    copy.flags.writeable = False
    return copy


def _are_distributions(rows: numpy.ndarray) -> numpy.ndarray:
    """(num_rows, num_labels) -> (num_rows,), judged as stored: what exceeds 1 by less than half precision shows is 1."""
    wide = rows.astype(numpy.float32)
    with numpy.errstate(invalid="ignore"):  # infinity less infinity; comparisons with NaN are false
        return (wide >= 0).all(1) & (wide <= 1).all(1) & (abs(wide.sum(1) - 1) <= _SUM_TOLERANCE)


def _shown(words: Sequence[str]) -> str:
    return f"the sentence '{' '.join(words[:8])}{' ...' if len(words) > 8 else ''}'"
