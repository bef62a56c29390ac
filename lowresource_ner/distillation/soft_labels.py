"""The soft labels of a sentence."""

from typing import NamedTuple

import numpy


class SoftLabels(NamedTuple):
    """
    The soft labels of a sentence's words.

    # Parameters

    probabilities : `numpy.ndarray`
        (num_words, num_labels) The weighted mean of the teachers' probabilities. Labels that tie for the most probable one up to
        rounding (`rounding.SINGLE`) have exactly the same probability.
    agreement : `numpy.ndarray`
        (num_words,) bool: whether all teachers have the same most probable label, the first one if labels tie. The mean then has
        it as well.
    """

    probabilities: numpy.ndarray
    agreement: numpy.ndarray
