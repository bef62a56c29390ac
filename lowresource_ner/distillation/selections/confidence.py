"""Selection of words or sentences by the confidence of the teachers."""

from typing import List, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.rounding import HALF
from lowresource_ner.distillation.selections.selection import Selection


@Selection.register("word_confidence", constructor="of_words")
@Selection.register("sentence_confidence", constructor="of_sentences")
class Confidence(Selection):
    """
    Keeps words or sentences whose confidence, the probability p̃ of the most probable label, reaches a threshold. The threshold
    is lowered by the rounding error of half precision (`rounding.HALF`), so that probabilities from a store give the same result.

    "word_confidence" keeps the words with max_c p̃(c) ≥ threshold. All other words have weight 0, and a sentence without any kept
    word is dropped. BOND (Liang et al. 2020, arXiv:2006.15509) selects words for self-training in this way, and FixMatch (Sohn
    et al. 2020, arXiv:2001.07685, equation 4) selects images, with threshold 0.95.

    "sentence_confidence" keeps the sentences with mean confidence (1/L) Σ_i max_c p̃_i(c) ≥ threshold, where L is the number of
    words. This rule is not from a paper.

    Registered as a `Selection` with names "word_confidence" and "sentence_confidence".

    # Parameters

    threshold : `float`
        The minimum confidence, above 0 and at most 1.
    unit : `str`
        "word" or "sentence"; in a config, determined by the registered name.

    # Raises

    `ConfigurationError`
        If the threshold is out of range.
    """

    def __init__(self, threshold: float, unit: str) -> None:
        if not 0 < threshold <= 1:
            raise ConfigurationError(
                f"'threshold' of {unit}_confidence is {threshold}; it must be above 0 and at most 1. To keep everything, "
                "remove the selection."
            )
        self._min_confidence = threshold - HALF
        self._unit = unit

    @classmethod
    def of_words(cls, threshold: float) -> "Confidence":
        return cls(threshold, "word")

    @classmethod
    def of_sentences(cls, threshold: float) -> "Confidence":
        return cls(threshold, "sentence")

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """Returns 1 for words that are kept and 0 for others; `None` for sentences without kept words. See `Selection`."""
        confidences = [each.max(axis=1).astype(numpy.float64) for each in probabilities]
        if self._unit == "sentence":
            confidences = [numpy.full(len(each), each.mean()) for each in confidences]
        kept = [each >= self._min_confidence for each in confidences]
        return [each.astype(numpy.float32) if each.any() else None for each in kept]
