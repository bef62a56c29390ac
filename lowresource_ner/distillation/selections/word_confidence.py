"""Words that the teachers are sure of."""

from typing import List, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.rounding import HALF
from lowresource_ner.distillation.selections.selection import Selection


@Selection.register("word_confidence")
class WordConfidence(Selection):
    """
    Keeps the words to which the teachers, mixed, give some label with at least so great a probability: max_c p̃(c) ≥ threshold.
    The others have weight 0, and a sentence without any such word is left out. What half precision cannot tell from the threshold
    (`rounding.HALF`) is kept, so that it makes no difference whether the answers come from a store.

    So BOND (Liang et al., KDD 2020) chooses the words of its self-training, and FixMatch (Sohn et al., NeurIPS 2020, equation 4,
    at 0.95) its images. Wu et al. (2020) keep every word.

    Registered as a `Selection` with name "word_confidence".

    # Parameters

    threshold : `float`
        Above 0, up to 1.

    # Raises

    `ConfigurationError`
        For another threshold.
    """

    def __init__(self, threshold: float) -> None:
        self._least = checked_threshold("word_confidence", threshold) - HALF

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """As `Selection`: 1 for a word that is kept, 0 for another."""
        kept = [greatest_probabilities(each) >= self._least for each in probabilities]
        return [each.astype(numpy.float32) if each.any() else None for each in kept]


def checked_threshold(name: str, threshold: float) -> float:
    """A selection's threshold, where it is one; otherwise a `ConfigurationError`."""
    if not 0 < threshold <= 1:
        raise ConfigurationError(
            f"'threshold' of {name} is {threshold}; it is a probability, above 0 and up to 1. To keep everything, leave the "
            "selection out."
        )
    return threshold


def greatest_probabilities(probabilities: numpy.ndarray) -> numpy.ndarray:
    """(num_words, num_labels), float16 or float32 -> (num_words,) float64, in which thresholds are compared."""
    return probabilities.max(axis=1).astype(numpy.float64)
