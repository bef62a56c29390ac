"""A linear chain's sums, gradients and best sequence against the enumeration of all its tag sequences, and against each other."""

import itertools
import math
from typing import NamedTuple

import pytest
import torch

from lowresource_ner.modules import chain_sums as module
from lowresource_ner.modules.chain_sums import chain_sums, log_partition
from lowresource_ner.modules.linear_chain import (
    IMPOSSIBLE,
    best_sequences,
    chain_scores,
    sequence_scores,
)

NUM_TAGS = 3
LENGTHS = [4, 1, 3, 2]
MASK = torch.tensor([[word < length for word in range(max(LENGTHS))] for length in LENGTHS])


class Weights(NamedTuple):
    """What a chain is built from."""

    emissions: torch.Tensor
    transitions: torch.Tensor
    starts: torch.Tensor
    ends: torch.Tensor
    mask: torch.Tensor = MASK

    def score(self, row, path):
        """The score of the tags `path` at the first words of a row, added up one by one."""
        score = float(self.starts[path[0]] + self.emissions[row, 0, path[0]])
        return score + self.score_after(row, path, 0)

    def score_after(self, row, path, word):
        """The score of the tags `path` at a word and those that follow, but for what stands at the first of them."""
        score = sum(float(self.transitions[before, after]) for before, after in zip(path, path[1:]))
        score += sum(float(self.emissions[row, word + offset, tag]) for offset, tag in enumerate(path) if offset)
        is_last = word + len(path) == LENGTHS[row]
        return score + is_last * float(self.ends[path[-1]])

    def all_scores(self, row):
        return {path: self.score(row, path) for path in paths(LENGTHS[row])}


def random_weights(seed=0, width=2.0, forbidden=False):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return width * torch.randn(*shape, generator=generator, dtype=torch.float64)

    transitions, starts, ends = random(NUM_TAGS, NUM_TAGS), random(NUM_TAGS), random(NUM_TAGS)
    if forbidden:
        transitions[0, 2] = transitions[1, 1] = starts[2] = ends[0] = IMPOSSIBLE
    emissions = random(*MASK.shape, NUM_TAGS)
    emissions[~MASK] = math.nan  # what stands in the padding must not matter
    return Weights(emissions, transitions, starts, ends)


WEIGHTS = {
    "free": random_weights(),
    "forbidden": random_weights(seed=1, forbidden=True),
    "extreme": random_weights(seed=2, width=1e4),
    "extreme-forbidden": random_weights(seed=3, width=1e4, forbidden=True),
}
ROWS = pytest.mark.parametrize("row", range(len(LENGTHS)))


@pytest.fixture(params=WEIGHTS)
def weights(request):
    return WEIGHTS[request.param]


@pytest.fixture(params=["as-chosen", "logs"])
def way(request, monkeypatch):
    """Products where they are exact, or log sums whatever the scores."""
    if request.param == "logs":
        monkeypatch.setattr(module, "_WIDEST", -1.0)


def paths(num_words):
    return list(itertools.product(range(NUM_TAGS), repeat=num_words))


def log_sum(scores):
    highest = max(scores)
    return highest + math.log(sum(math.exp(score - highest) for score in scores))


def expect(actual, expected):
    """Equal, where what is impossible need only be far below everything else."""
    assert len(actual) == len(expected)
    for one, other in zip(actual.tolist(), expected):
        if other < IMPOSSIBLE / 2:
            assert one < IMPOSSIBLE / 2
        else:
            assert one == pytest.approx(other, abs=1e-9, rel=1e-13)


def test_products_are_taken_for_common_scores_and_log_sums_for_extreme_ones(monkeypatch):
    safe = {name: module._products_are_safe(chain_scores(*weights)) for name, weights in WEIGHTS.items()}
    assert safe == {"free": True, "forbidden": True, "extreme": False, "extreme-forbidden": False}
    monkeypatch.setattr(module, "scores_after", None)
    for sums in (chain_sums, log_partition):
        sums(chain_scores(*WEIGHTS["forbidden"]))
        with pytest.raises(TypeError, match="not callable"):
            sums(chain_scores(*WEIGHTS["extreme"]))


@ROWS
def test_sums_over_all_beginnings(weights, way, row):
    begun = chain_sums(chain_scores(*weights)).begun[row]
    for word in range(LENGTHS[row]):
        expected = [
            log_sum([weights.score(row, path) for path in paths(word + 1) if path[-1] == tag])
            for tag in range(NUM_TAGS)
        ]
        expect(begun[word], expected)


@ROWS
def test_sums_over_all_that_may_follow(weights, way, row):
    after = chain_sums(chain_scores(*weights)).after[row]
    last = LENGTHS[row] - 1
    for word in range(last):
        expected = [
            log_sum([weights.score_after(row, (tag, *path), word) for path in paths(last - word)])
            for tag in range(NUM_TAGS)
        ]
        expect(after[word], expected)
    assert after[last].tolist() == [0.0] * NUM_TAGS


def test_totals_over_all_sequences(weights, way):
    expected = [log_sum(list(weights.all_scores(row).values())) for row in range(len(LENGTHS))]
    expect(chain_sums(chain_scores(*weights)).total, expected)
    expect(log_partition(chain_scores(*weights)), expected)


@ROWS
def test_marginals_are_shares_of_the_whole_sum(weights, way, row):
    scores = weights.all_scores(row)
    total = log_sum(list(scores.values()))
    found = chain_sums(chain_scores(*weights)).marginals()[row]
    for word in range(LENGTHS[row]):
        expected = [
            sum(math.exp(score - total) for path, score in scores.items() if path[word] == tag)
            for tag in range(NUM_TAGS)
        ]
        assert found[word].tolist() == pytest.approx(expected, abs=1e-9)


def test_sequence_scores_add_up_every_single_sequence(weights):
    for path in paths(max(LENGTHS)):
        expected = [weights.score(row, path[:length]) for row, length in enumerate(LENGTHS)]
        expect(sequence_scores(chain_scores(*weights), torch.tensor([path] * len(LENGTHS))), expected)


def test_a_sequence_may_hold_anything_in_the_padding():
    chain = chain_scores(*WEIGHTS["free"])
    zeros = torch.zeros_like(MASK, dtype=torch.long)
    torch.testing.assert_close(sequence_scores(chain, zeros - 100 * ~MASK), sequence_scores(chain, zeros))


@ROWS
def test_the_best_sequence_is_the_highest_of_all(weights, row):
    scores = weights.all_scores(row)
    best = best_sequences(chain_scores(*weights))[row].tolist()
    assert best == [*max(scores, key=scores.get), *[0] * (max(LENGTHS) - LENGTHS[row])]


def test_of_best_sequences_that_tie_the_last_word_decides_for_the_lowest_tag():
    tied = Weights(*(torch.zeros_like(part) for part in WEIGHTS["free"][:4]))
    assert best_sequences(chain_scores(*tied)).tolist() == [[0] * max(LENGTHS)] * len(LENGTHS)
    tied.transitions[0, 0] = -1.0
    assert best_sequences(chain_scores(*tied)).tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_gradients_are_marginals_and_expected_transitions(name, way):
    weights = Weights(*(part.clone().requires_grad_() for part in WEIGHTS[name][:4]))
    row_weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    (log_partition(chain_scores(*weights)) * row_weights).sum().backward()
    expected = [torch.zeros_like(part) for part in weights[:4]]
    emissions, transitions, starts, ends = expected
    for row, row_weight in enumerate(row_weights.tolist()):
        scores = WEIGHTS[name].all_scores(row)
        total = log_sum(list(scores.values()))
        for path, score in scores.items():
            share = row_weight * math.exp(score - total)
            for word, tag in enumerate(path):
                emissions[row, word, tag] += share
            for before, after in zip(path, path[1:]):
                transitions[before, after] += share
            starts[path[0]] += share
            ends[path[-1]] += share
    for weight, gradient in zip(weights, expected):
        torch.testing.assert_close(weight.grad, gradient, atol=1e-9, rtol=0)


def test_gradients_by_finite_differences():
    weights = [part.clone().requires_grad_() for part in WEIGHTS["free"][:4]]
    weights[0].data[~MASK] = 0.0
    assert module._products_are_safe(chain_scores(*weights, MASK))
    assert torch.autograd.gradcheck(lambda *parts: log_partition(chain_scores(*parts, MASK)), weights)


def test_marginals_can_be_differentiated():
    weights = [part.clone().requires_grad_() for part in WEIGHTS["free"][:4]]
    weights[0].data[~MASK] = 0.0
    marginals = chain_sums(chain_scores(*weights, MASK)).marginals()
    torch.testing.assert_close(marginals[MASK], chain_sums(chain_scores(*WEIGHTS["free"])).marginals()[MASK])
    assert torch.autograd.gradcheck(lambda *parts: chain_sums(chain_scores(*parts, MASK)).marginals()[MASK], weights)


def steps_between(num_tags, successors):
    """The fewest steps after which walks that go from tag to tag by `successors` may be anywhere, from wherever they came."""
    possible = torch.tensor([[other in successors(tag) for other in range(num_tags)] for tag in range(num_tags)])
    return module._steps_to_any(possible)


def test_steps_from_any_tag_to_any_other():
    assert steps_between(5, lambda tag: range(5)) == 1
    assert steps_between(5, lambda tag: {tag, (tag + 1) % 5}) == 4
    assert steps_between(5, lambda tag: {0} if tag else range(5)) == 2
    assert steps_between(5, lambda tag: {(tag + 1) % 5}) == math.inf  # every tag is reached, but never all at once
    assert steps_between(5, lambda tag: range(4)) == math.inf
    assert steps_between(5, lambda tag: range(5) if tag else ()) == math.inf


def extremes(seed, steps):
    """
    Emissions, transitions, starts, ends and mask, with no score but the highest and the lowest that products may meet. With
    `steps` 4 a tag leads to itself and to the next of five alone, and one tag alone begins and ends all sequences.
    """
    generator = torch.Generator().manual_seed(seed)
    num_tags, lengths = 5, [14, 1, 2, 3, 6, 13, 9, 14]
    mask = torch.tensor([[word < length for word in range(max(lengths))] for length in lengths])
    width = 0.999 * module._WIDEST / steps
    share = seed % 5 / 4  # of the width, the emissions'; the rest is the transitions'
    emissions = -share * width * torch.randint(2, (*mask.shape, num_tags), generator=generator).double()
    transitions = -(1 - share) * width * torch.randint(2, (num_tags, num_tags), generator=generator).double()
    starts, ends = torch.zeros(2, num_tags, dtype=torch.float64)
    if steps == 4:
        ring = torch.eye(num_tags, dtype=torch.bool)
        transitions[~(ring | ring.roll(1, dims=1))] = IMPOSSIBLE
        starts[torch.arange(num_tags) != seed // num_tags % num_tags] = IMPOSSIBLE
        ends = starts.clone()
    return emissions, transitions, starts, ends, mask


@pytest.mark.parametrize("steps", [1, 4])
def test_products_are_log_sums_where_scores_lie_as_far_apart_as_they_may(steps, monkeypatch):
    widest = module._WIDEST
    for seed in range(40):
        *parts, mask = extremes(seed, steps)
        found = []
        for limit in (widest, -1.0):
            monkeypatch.setattr(module, "_WIDEST", widest)
            weights = [part.clone().requires_grad_() for part in parts]
            chain = chain_scores(*weights, mask)
            assert module._products_are_safe(chain)
            monkeypatch.setattr(module, "_WIDEST", limit)
            total = log_partition(chain)
            gradients = torch.autograd.grad(total.sum(), weights)
            with torch.no_grad():
                begun, after, _ = chain_sums(chain)
            assert begun.isfinite().all() and after.isfinite().all()
            # The mask leaves out the padding, the clamp makes all that is impossible one.
            found.append((total, *gradients, begun[mask].clamp(min=-1e6), after[mask].clamp(min=-1e6)))
        torch.testing.assert_close(*found, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("steps", [1, 4])
def test_scores_that_lie_further_apart_are_left_to_log_sums(steps):
    for seed in range(5):
        emissions, transitions, *rest = extremes(seed, steps)
        assert module._products_are_safe(chain_scores(emissions, transitions, *rest))
        assert not module._products_are_safe(chain_scores(1.01 * emissions, 1.01 * transitions, *rest))
