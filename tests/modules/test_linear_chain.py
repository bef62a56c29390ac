"""Sums over a linear chain against the enumeration of all its tag sequences."""

import itertools
import math

import pytest
import torch

from lowresource_ner.modules.linear_chain import (
    IMPOSSIBLE,
    ChainScores,
    backward_scores,
    forward_scores,
    log_partition,
    marginals,
    sequence_scores,
)

NUM_TAGS = 3
LENGTHS = [4, 1, 3, 2]


def random_chain(forbidden=False, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)

    transitions, starts, ends = random(NUM_TAGS, NUM_TAGS), random(NUM_TAGS), random(NUM_TAGS)
    if forbidden:
        transitions[0, 2] = transitions[1, 1] = starts[2] = ends[0] = IMPOSSIBLE
    mask = torch.tensor([[word < length for word in range(max(LENGTHS))] for length in LENGTHS])
    emissions = random(len(LENGTHS), max(LENGTHS), NUM_TAGS)
    emissions[~mask] = 50.0  # what stands in the padding must not matter
    return ChainScores(emissions, transitions, starts, ends, mask)


CHAINS = pytest.mark.parametrize("chain", [random_chain(), random_chain(True, seed=1)], ids=["free", "forbidden"])
ROWS = pytest.mark.parametrize("row", range(len(LENGTHS)))


def paths(num_words):
    return list(itertools.product(range(NUM_TAGS), repeat=num_words))


def path_score(chain, row, path, first=0, with_start=True, with_end=True):
    """The score of the tags `path` at the words from `first` on, added up one by one."""
    score = sum(float(chain.emissions[row, first + word, tag]) for word, tag in enumerate(path))
    score += sum(float(chain.transitions[before, after]) for before, after in zip(path, path[1:]))
    return (
        score + (float(chain.starts[path[0]]) if with_start else 0) + (float(chain.ends[path[-1]]) if with_end else 0)
    )


def log_sum(scores):
    highest = max(scores)
    return highest + math.log(sum(math.exp(score - highest) for score in scores))


def expect(actual, expected):
    """Equal, where what is impossible need only be far below everything else."""
    for one, other in zip(actual.reshape(-1).tolist(), expected):
        if other < IMPOSSIBLE / 2:
            assert one < IMPOSSIBLE / 2
        else:
            assert one == pytest.approx(other, abs=1e-9)


@CHAINS
@ROWS
def test_forward_scores_sum_over_all_beginnings(chain, row):
    scores = forward_scores(chain)[row]
    for word in range(max(LENGTHS)):
        until = min(word, LENGTHS[row] - 1)
        expected = [
            log_sum([path_score(chain, row, path, with_end=False) for path in paths(until + 1) if path[-1] == tag])
            for tag in range(NUM_TAGS)
        ]
        expect(scores[word], expected)


@CHAINS
@ROWS
def test_backward_scores_sum_over_all_continuations(chain, row):
    scores = backward_scores(chain)[row]
    for word in range(max(LENGTHS)):
        if word >= LENGTHS[row]:
            expect(scores[word], chain.ends.tolist())
            continue
        expected = [
            log_sum(
                [
                    path_score(chain, row, (tag, *path), word, with_start=False)
                    - float(chain.emissions[row, word, tag])
                    for path in paths(LENGTHS[row] - word - 1)
                ]
            )
            for tag in range(NUM_TAGS)
        ]
        expect(scores[word], expected)


@CHAINS
def test_log_partition_sums_over_all_sequences(chain):
    expected = [log_sum([path_score(chain, row, path) for path in paths(length)]) for row, length in enumerate(LENGTHS)]
    assert log_partition(chain).tolist() == pytest.approx(expected, abs=1e-9)


@CHAINS
@ROWS
def test_marginals_are_shares_of_the_whole_sum(chain, row):
    scores = {path: path_score(chain, row, path) for path in paths(LENGTHS[row])}
    total = log_sum(list(scores.values()))
    for word in range(LENGTHS[row]):
        expected = [
            sum(math.exp(score - total) for path, score in scores.items() if path[word] == tag)
            for tag in range(NUM_TAGS)
        ]
        assert marginals(chain)[row, word].tolist() == pytest.approx(expected, abs=1e-9)


@CHAINS
def test_sequence_scores_add_up_every_single_sequence(chain):
    for path in paths(max(LENGTHS)):
        tags = torch.tensor([path] * len(LENGTHS))
        expect(
            sequence_scores(chain, tags),
            [path_score(chain, row, path[:length]) for row, length in enumerate(LENGTHS)],
        )


def test_the_gradient_of_the_log_partition_is_the_marginals():
    chain = random_chain()
    emissions = chain.emissions.clone().requires_grad_()
    log_partition(chain._replace(emissions=emissions)).sum().backward()
    expected = marginals(chain) * chain.mask.unsqueeze(2)
    torch.testing.assert_close(emissions.grad, expected)
