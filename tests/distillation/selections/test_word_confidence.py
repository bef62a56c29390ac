"""Words that are kept by their greatest probability, on numbers that can be checked by eye."""

import numpy
import pytest
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation import Selection, WordConfidence

SENTENCES = [["Oslo", "is", "far"], ["Yes"], ["and", "so"]]
PROBABILITIES = [
    numpy.array([[0.1, 0.9], [0.5, 0.5], [0.75, 0.25]], numpy.float32),
    numpy.array([[0.6, 0.4]], numpy.float32),
    numpy.array([[1.0, 0.0], [0.0, 1.0]], numpy.float32),
]


def as_lists(weights: list) -> list:
    assert all(each is None or each.dtype == numpy.float32 for each in weights)
    return [None if each is None else each.tolist() for each in weights]


@pytest.mark.parametrize(
    "threshold, expected",
    [
        (0.5, [[1, 1, 1], [1], [1, 1]]),
        (0.7, [[1, 0, 1], None, [1, 1]]),
        (0.75, [[1, 0, 1], None, [1, 1]]),
        (0.76, [[1, 0, 0], None, [1, 1]]),
        (1.0, [None, None, [1, 1]]),
    ],
)
@pytest.mark.parametrize("stored", [numpy.float16, numpy.float32])
def test_words_below_the_threshold_count_for_nothing(threshold, expected, stored) -> None:
    probabilities = [each.astype(stored) for each in PROBABILITIES]
    assert as_lists(WordConfidence(threshold).word_weights(SENTENCES, probabilities)) == expected


@pytest.mark.parametrize("threshold", [0.6, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("type_", [numpy.float16, numpy.float32, numpy.float64])
def test_a_store_in_half_precision_makes_no_difference(threshold, type_) -> None:
    """No type but the last holds these numbers exactly."""
    rows = numpy.array([[threshold, 1 - threshold], [threshold - 0.002, 1.002 - threshold]]).astype(type_)
    assert as_lists(WordConfidence(threshold).word_weights([["yes", "no"]], [rows])) == [[1, 0]]
    assert WordConfidence(threshold).word_weights([["no"]], [rows[1:]]) == [None]


@pytest.mark.parametrize("threshold", [0, -0.1, 1.1, float("nan")])
def test_a_threshold_that_is_none(threshold) -> None:
    with pytest.raises(ConfigurationError, match="'threshold' of word_confidence.*above 0 and up to 1"):
        WordConfidence(threshold)


def test_it_is_registered_and_has_nothing_to_find_out() -> None:
    selection = Selection.by_name("word_confidence")(threshold=0.9)
    assert isinstance(selection, WordConfidence) and selection.summary() == {}
