"""Probabilities as a store keeps them: checked, and in half precision."""

from itertools import accumulate
from typing import List, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

STORED_TYPE = numpy.dtype("<f2")
_SUM_TOLERANCE = 1e-2


def checked_probabilities(
    sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray], num_labels: int
) -> Tuple[List[int], numpy.ndarray]:
    """
    Joins the probabilities of several sentences.

    # Parameters

    sentences : `Sequence[Sequence[str]]`
        The words of each sentence.
    probabilities : `Sequence[numpy.ndarray]`
        For each sentence (num_words, num_labels).
    num_labels : `int`
        The number of labels that there must be.

    # Returns

    `Tuple[List[int], numpy.ndarray]`
        The first row of each sentence, followed by the number of all rows; and the rows as float16, (num_rows, num_labels).

    # Raises

    `ConfigurationError`
        Where a shape is wrong, or the numbers of a word are no probability distribution.
    """
    if len(sentences) != len(probabilities):
        raise ConfigurationError(
            f"There are {len(sentences)} sentences, but {len(probabilities)} arrays of probabilities. Give one for each sentence."
        )
    for words, of_sentence in zip(sentences, probabilities):
        if numpy.shape(of_sentence) != (len(words), num_labels):
            raise ConfigurationError(
                f"The probabilities of {_shown(words)} have the shape {tuple(numpy.shape(of_sentence))}, expected was "
                f"{(len(words), num_labels)}: words, labels. Give one row a word, and the labels that the store was opened with."
            )
    starts = list(accumulate(map(len, sentences), initial=0))
    with numpy.errstate(over="ignore"):  # what overflows is found below
        joined = numpy.concatenate([numpy.empty((0, num_labels), STORED_TYPE), *probabilities], dtype=STORED_TYPE)
    is_right = _are_distributions(joined)
    if not is_right.all():
        row = int(is_right.argmin())
        sentence = int(numpy.searchsorted(starts, row, side="right")) - 1
        raise ConfigurationError(
            f"Word {row - starts[sentence]} of {_shown(sentences[sentence])} has the probabilities "
            f"{numpy.array2string(joined[row], threshold=12)}. Probabilities are finite, from 0 to 1, and their sum is 1: give "
            "the teacher's probabilities, not its logits, and see whether it works at all where there are infinities or NaN."
        )
    return starts, joined


def _are_distributions(probabilities: numpy.ndarray) -> numpy.ndarray:
    """(num_rows, num_labels) -> (num_rows,), judged as stored: what exceeds 1 by less than half precision shows is 1."""
    wide = probabilities.astype(numpy.float32)
    with numpy.errstate(invalid="ignore"):  # infinity less infinity; comparisons with NaN are false
        return (wide >= 0).all(1) & (wide <= 1).all(1) & (abs(wide.sum(1) - 1) <= _SUM_TOLERANCE)


def _shown(words: Sequence[str]) -> str:
    return f"the sentence '{' '.join(words[:8])}{' ...' if len(words) > 8 else ''}'"
