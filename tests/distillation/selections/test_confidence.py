"""Words and sentences that are kept by their greatest probabilities, on numbers that can be checked by eye."""

import numpy
import pytest
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation import Confidence, Selection

SENTENCES = [["Oslo", "is", "far"], ["Yes"], ["and", "so"]]
OF_WORDS = [
    numpy.array([[0.1, 0.9], [0.5, 0.5], [0.75, 0.25]], numpy.float32),
    numpy.array([[0.6, 0.4]], numpy.float32),
    numpy.array([[1.0, 0.0], [0.0, 1.0]], numpy.float32),
]
# Means of the greatest: (1 + 1/2 + 3/4) / 3 = 3/4, 5/8, 1.
OF_SENTENCES = [
    numpy.array([[0.0, 1.0], [0.5, 0.5], [0.75, 0.25]], numpy.float16),
    numpy.array([[0.625, 0.375]], numpy.float32),
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
    probabilities = [each.astype(stored) for each in OF_WORDS]
    assert as_lists(Confidence(threshold, "word").word_weights(SENTENCES, probabilities)) == expected


@pytest.mark.parametrize(
    "threshold, kept",
    [(0.6, [True, True, True]), (0.7, [True, False, True]), (0.75, [True, False, True]), (0.76, [False, False, True])],
)
def test_a_sentence_is_kept_whole_or_not_at_all(threshold, kept) -> None:
    weights = as_lists(Confidence(threshold, "sentence").word_weights(SENTENCES, OF_SENTENCES))
    assert weights == [[1.0] * len(words) if keep else None for words, keep in zip(SENTENCES, kept)]


@pytest.mark.parametrize("threshold", [0.6, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("type_", [numpy.float16, numpy.float32, numpy.float64])
def test_a_store_in_half_precision_makes_no_difference(threshold, type_) -> None:
    """No type but the last holds these numbers exactly."""
    rows = numpy.array([[threshold, 1 - threshold], [threshold - 0.002, 1.002 - threshold]]).astype(type_)
    assert as_lists(Confidence(threshold, "word").word_weights([["yes", "no"]], [rows])) == [[1, 0]]
    assert Confidence(threshold, "word").word_weights([["no"]], [rows[1:]]) == [None]
    thrice = [numpy.repeat(rows[:1], 3, axis=0), numpy.repeat(rows[1:], 3, axis=0)]
    weights = Confidence(threshold, "sentence").word_weights([["yes"] * 3, ["no"] * 3], thrice)
    assert as_lists(weights) == [[1, 1, 1], None]


@pytest.mark.parametrize("name", ["word_confidence", "sentence_confidence"])
@pytest.mark.parametrize("threshold", [0, -0.1, 1.1, float("nan")])
def test_thresholds_that_are_no_probability(name, threshold) -> None:
    with pytest.raises(ConfigurationError, match=f"'threshold' of {name}.*above 0 and at most 1"):
        Selection.by_name(name)(threshold=threshold)


@pytest.mark.parametrize(
    "name, expected", [("word_confidence", [1, 0, 1]), ("sentence_confidence", [1, 1, 1])], ids=["word", "sentence"]
)
def test_the_registered_name_says_what_is_kept(name, expected) -> None:
    selection = Selection.from_params(Params({"type": name, "threshold": 0.7}))
    assert isinstance(selection, Confidence) and selection.prepare(lambda: SENTENCES, None) == {}
    assert as_lists(selection.word_weights(SENTENCES[:1], OF_WORDS[:1])) == [expected]
    with pytest.raises(ConfigurationError, match="unit"):
        Selection.from_params(Params({"type": name, "threshold": 0.7, "unit": "word"}))
