"""Keeps the words or the sentences whose labels the teachers are sure of."""

from typing import List, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.rounding import HALF
from lowresource_ner.distillation.selections.selection import Selection


@Selection.register("word_confidence", constructor="of_words")
@Selection.register("sentence_confidence", constructor="of_sentences")
class Confidence(Selection):
    """
    Keeps words or sentences by the probability p̃ of their most probable label. What half precision cannot tell from the
    threshold (`rounding.HALF`) is kept, so that it makes no difference whether probabilities come from a store.

    As "word_confidence" it keeps the words with max_c p̃(c) ≥ threshold. The others have weight 0, and a sentence without any such
    word is left out. So BOND (Liang et al. 2020, arXiv:2006.15509) chooses the words of its self-training, and FixMatch (Sohn et
    al. 2020, arXiv:2001.07685, equation 4, at 0.95) its images. Wu et al. (2020, arXiv:2004.12440) keep every word.

    As "sentence_confidence" it keeps, whole, the sentences with (1/L) Σ_i max_c p̃_i(c) ≥ threshold, and with them the neighbours
    of each word. This rule is no paper's. (The released code of AdvPicker, Chen et al. 2021, arXiv:2106.02300, compares by the
    same mean, but of logits, what several seeds say of a sentence.)

    Registered as a `Selection` with names "word_confidence" and "sentence_confidence".

    # Parameters

    threshold : `float`
        Above 0, up to 1.
    unit : `str`
        What is kept or not, "word" or "sentence". The registered name says it in a config.

    # Raises

    `ConfigurationError`
        For another threshold.
    """

    def __init__(self, threshold: float, unit: str) -> None:
        if not 0 < threshold <= 1:
            raise ConfigurationError(
                f"'threshold' of {unit}_confidence is {threshold}; it is a probability, above 0 and up to 1. To keep everything, "
                "leave the selection out."
            )
        self._least = threshold - HALF
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
        """As `Selection`: 1 for a word that is kept, 0 for another; ones for a sentence that is kept whole."""
        greatest = [each.max(axis=1).astype(numpy.float64) for each in probabilities]
        if self._unit == "sentence":
            greatest = [numpy.full(len(each), each.mean()) for each in greatest]
        kept = [each >= self._least for each in greatest]
        return [each.astype(numpy.float32) if each.any() else None for each in kept]
