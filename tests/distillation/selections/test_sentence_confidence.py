"""Sentences that are kept by the mean of their words' greatest probabilities."""

import numpy
import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation import Selection, SentenceConfidence

SENTENCES = [["Oslo", "is", "far"], ["Yes"], ["and", "so"]]
# Means of the greatest: (1 + 1/2 + 3/4) / 3 = 3/4, 5/8, 1.
PROBABILITIES = [
    numpy.array([[0.0, 1.0], [0.5, 0.5], [0.75, 0.25]], numpy.float16),
    numpy.array([[0.625, 0.375]], numpy.float32),
    numpy.array([[1.0, 0.0], [0.0, 1.0]], numpy.float32),
]


@pytest.mark.parametrize(
    "threshold, kept",
    [(0.6, [True, True, True]), (0.7, [True, False, True]), (0.75, [True, False, True]), (0.76, [False, False, True])],
)
def test_a_sentence_is_kept_whole_or_not_at_all(threshold, kept) -> None:
    weights = SentenceConfidence(threshold).word_weights(SENTENCES, PROBABILITIES)
    assert [each is not None for each in weights] == kept
    for words, each in zip(SENTENCES, weights):
        assert each is None or (each.dtype == numpy.float32 and each.tolist() == [1.0] * len(words))


@pytest.mark.parametrize("threshold", [0.6, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("type_", [numpy.float16, numpy.float32, numpy.float64])
def test_a_store_in_half_precision_makes_no_difference(threshold, type_) -> None:
    rows = [numpy.array([[each, 1 - each]] * 3).astype(type_) for each in (threshold, threshold - 0.002)]
    weights = SentenceConfidence(threshold).word_weights([["yes", "yes", "yes"], ["no", "no", "no"]], rows)
    assert [each is not None for each in weights] == [True, False]


@pytest.mark.parametrize("threshold", [0, -0.1, 1.1, float("nan")])
def test_a_threshold_that_is_none(threshold) -> None:
    with pytest.raises(ConfigurationError, match="'threshold' of sentence_confidence.*above 0 and up to 1"):
        SentenceConfidence(threshold)


def test_it_is_registered() -> None:
    assert isinstance(Selection.by_name("sentence_confidence")(threshold=0.9), SentenceConfidence)
