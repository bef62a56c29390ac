"""Checks probabilities and converts them to half precision for a store."""

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
    Concatenates the probabilities of several sentences.

    # Parameters

    sentences : `Sequence[Sequence[str]]`
        The words of each sentence.
    probabilities : `Sequence[numpy.ndarray]`
        For each sentence (num_words, num_labels).
    num_labels : `int`

    # Returns

    `Tuple[List[int], numpy.ndarray]`
        The first row of each sentence, followed by the number of all rows; and the rows as float16, (num_rows, num_labels).

    # Raises

    `ConfigurationError`
        If a shape is wrong, or a row is not a probability distribution.
    """
    if len(sentences) != len(probabilities):
        raise ConfigurationError(
            f"There are {len(sentences)} sentences, but {len(probabilities)} arrays of probabilities. Give one per sentence."
        )
    for words, of_sentence in zip(sentences, probabilities):
        if numpy.shape(of_sentence) != (len(words), num_labels):
            raise ConfigurationError(
                f"The probabilities of {_shown(words)} have shape {tuple(numpy.shape(of_sentence))} instead of (words, labels), "
                f"{(len(words), num_labels)}. Give one row per word, with the labels of the store."
            )
    starts = list(accumulate(map(len, sentences), initial=0))
    with numpy.errstate(over="ignore"):  # overflows are found below
        joined = numpy.concatenate([numpy.empty((0, num_labels), STORED_TYPE), *probabilities], dtype=STORED_TYPE)
    is_right = _are_distributions(joined)
    if not is_right.all():
        row = int(is_right.argmin())
        sentence = int(numpy.searchsorted(starts, row, side="right")) - 1
        raise ConfigurationError(
            f"Word {row - starts[sentence]} of {_shown(sentences[sentence])} has the probabilities "
            f"{numpy.array2string(joined[row], threshold=12)}. Probabilities are finite, from 0 to 1, and sum to 1: give the "
            "teacher's probabilities, not its logits. Infinity or NaN are signs of a broken teacher."
        )
    return starts, joined


def _are_distributions(probabilities: numpy.ndarray) -> numpy.ndarray:
    """(num_rows,) bool, for rows that are already rounded to half precision, (num_rows, num_labels)."""
    wide = probabilities.astype(numpy.float32)
    with numpy.errstate(invalid="ignore"):  # infinity minus infinity; comparisons with NaN are false
        return (wide >= 0).all(1) & (wide <= 1).all(1) & (abs(wide.sum(1) - 1) <= _SUM_TOLERANCE)


def _shown(words: Sequence[str]) -> str:
    return f"the sentence '{' '.join(words[:8])}{' ...' if len(words) > 8 else ''}'"
