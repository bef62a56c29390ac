"""Sentences that the teachers are sure of."""

from typing import List, Optional, Sequence

import numpy

from lowresource_ner.common.rounding import HALF
from lowresource_ner.distillation.selections.selection import Selection
from lowresource_ner.distillation.selections.word_confidence import checked_threshold, greatest_probabilities


@Selection.register("sentence_confidence")
class SentenceConfidence(Selection):
    """
    Keeps the sentences whose words have, in the mean, at least so great a probability of their most probable label: (1/L) Σ_i
    max_c p̃_i(c) ≥ threshold. What half precision cannot tell from the threshold (`rounding.HALF`) is kept. It is
    `word_confidence` for whole sentences, which keeps each word's neighbours; the rule is no paper's. (AdvPicker's released code
    compares, by the same mean, but of logits, what several seeds say of a sentence.)

    Registered as a `Selection` with name "sentence_confidence".

    # Parameters

    threshold : `float`
        Above 0, up to 1.

    # Raises

    `ConfigurationError`
        For another threshold.
    """

    def __init__(self, threshold: float) -> None:
        self._least = checked_threshold("sentence_confidence", threshold) - HALF

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """As `Selection`: ones for a sentence that is kept."""
        means = [greatest_probabilities(each).mean() for each in probabilities]
        return [
            numpy.ones(len(words), numpy.float32) if mean >= self._least else None
            for words, mean in zip(sentences, means)
        ]
