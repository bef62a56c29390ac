"""The paired bootstrap against cases that can be counted, and against seqeval on every possible resample."""

import itertools
from typing import List

import numpy
import pytest
from seqeval.metrics import f1_score

from lowresource_ner.experiments.report.bootstrap import p_values, resampled
from lowresource_ner.experiments.report.sentence_counts import count

GOLD = [["B-PER", "O"], ["B-LOC", "I-LOC"], ["O", "B-PER"], ["O", "O"]]
FIRST = [
    [["B-PER", "O"], ["B-LOC", "I-LOC"], ["O", "O"], ["O", "O"]],
    [["B-PER", "O"], ["B-LOC", "O"], ["O", "B-PER"], ["O", "B-LOC"]],
]
SECOND = [
    [["O", "O"], ["B-LOC", "I-LOC"], ["O", "B-PER"], ["O", "O"]],
    [["B-PER", "O"], ["O", "O"], ["O", "O"], ["B-PER", "O"]],
]


def counted(seeds: List[List[List[str]]]) -> numpy.ndarray:
    return numpy.array([count((["a", "b"], gold, tags) for gold, tags in zip(GOLD, seed)).totals for seed in seeds])


def all_resamples(num_sentences: int) -> numpy.ndarray:
    drawn = itertools.product(range(num_sentences), repeat=num_sentences)
    return numpy.array([numpy.bincount(draw, minlength=num_sentences) for draw in drawn])


def test_one_sentence_of_three_makes_the_difference() -> None:
    """
    The better system alone finds an entity, that of the first sentence: δ = 2 · 1 / (3 + 3) = 1/3. Of the 27 resamples those with
    k copies of the sentence have δ* = k / 3, and one of them, k = 3, has more than 2δ. Those with k = 2 have as much, not more.
    """
    better = numpy.array([[[1, 1, 1], [0, 1, 1], [0, 1, 1]]])
    worse = numpy.array([[[0, 1, 1], [0, 1, 1], [0, 1, 1]]])
    assert p_values({"better": better, "worse": worse}, "worse", [all_resamples(3)]) == {"better": 1 / 27}
    assert p_values({"better": better, "worse": worse}, "better", [all_resamples(3)]) == {"worse": 1 / 27}
    drawn = p_values({"better": better, "worse": worse}, "worse", resampled(3))
    assert drawn["better"] == pytest.approx(1 / 27, abs=4 * (1 / 27 / 10_000) ** 0.5)


def test_all_resamples_against_seqeval() -> None:
    def difference(places) -> float:
        gold = [GOLD[place] for place in places]
        means = [
            numpy.mean([f1_score(gold, [seed[place] for place in places], zero_division=0) for seed in seeds])
            for seeds in (FIRST, SECOND)
        ]
        return means[0] - means[1]

    found = difference(range(4))
    draws = list(itertools.product(range(4), repeat=4))
    expected = sum(difference(places) > 2 * found + 1e-9 for places in draws) / len(draws)
    assert found > 0 and 0 < expected < 1
    blocks = numpy.array_split(all_resamples(4), 3)
    told = p_values({"first": counted(FIRST), "second": counted(SECOND)}, "second", blocks)
    assert told == {"first": pytest.approx(expected)}


def test_equal_systems_do_not_differ() -> None:
    counts = counted(FIRST)
    assert p_values({"a": counts, "b": counts}, "a", resampled(4, 50)) == {"b": 1.0}


def test_resamples_are_of_the_sentences_and_repeatable() -> None:
    blocks = list(resampled(7, 450, seed=5))
    assert [block.shape for block in blocks] == [(200, 7), (200, 7), (50, 7)]
    assert all((block.sum(axis=1) == 7).all() for block in blocks)
    again = list(resampled(7, 450, seed=5))
    assert all((one == other).all() for one, other in zip(blocks, again))
    assert (next(resampled(7, 10, seed=5)) != next(resampled(7, 10, seed=6))).any()
    assert numpy.concatenate(blocks).mean(axis=0) == pytest.approx(1, abs=0.2)
