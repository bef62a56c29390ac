"""What a student learns of a sentence from its teachers."""

from typing import NamedTuple

import numpy


class SoftLabels(NamedTuple):
    """
    The soft labels of a sentence's words.

    # Parameters

    probabilities : `numpy.ndarray`
        (num_words, num_labels) The weighted mean of the teachers' probabilities. Labels that tie for the most probable but for
        rounding (`rounding.SINGLE`), as in a vote, have the very same probability.
    agreement : `numpy.ndarray`
        (num_words,) bool: whether the most probable label of a word, of several the first, is the same for all teachers. Then it
        is the most probable one of the mean as well.
    """

    probabilities: numpy.ndarray
    agreement: numpy.ndarray
