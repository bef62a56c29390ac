"""
The sums over all tag sequences of a linear chain, computed as products: a few small operations a word, and gradients in closed
form.

These functions carry exponentials of scores, divided by their sum at every word, and add up the logarithms of the divisors
(Rabiner 1989, "A tutorial on hidden Markov models", https://doi.org/10.1109/5.18626, section V.A). Where a product could
underflow, the log sums of linear_chain.py are used; see `_products_are_safe`.
"""

import math
from typing import Any, NamedTuple, Tuple

import torch
from torch.autograd.function import once_differentiable

from lowresource_ner.modules.linear_chain import IMPOSSIBLE, ChainScores, backwards, scores_after, scores_before

_WIDEST = 300.0
"""How far log sums may lie apart: exp(-2 * 300), the product of two, is a normal number in float64 with room to spare."""

_MOST_STEPS = 8
"""The steps that `_steps_to_any` tries; tag schemes need three at most."""


class ChainSums(NamedTuple):
    """
    begun : (batch_size, num_words, num_tags), the log sum over all beginnings that end in a tag at a word, its emission
    included; after : the same shape, over all that may follow it; total : (batch_size,), over all sequences. What stands where
    the mask is False means nothing.
    """

    begun: torch.Tensor
    after: torch.Tensor
    total: torch.Tensor

    def marginals(self) -> torch.Tensor:
        """(batch_size, num_words, num_tags): the probability of each tag at each word."""
        return torch.softmax(self.begun + self.after, dim=2)


def chain_sums(chain: ChainScores) -> ChainSums:
    """Computes the sums of each sentence. Differentiable, but then by a slower way, with a graph over every word."""
    has_graph = torch.is_grad_enabled() and (chain.emissions.requires_grad or chain.transitions.requires_grad)
    if not has_graph and _products_are_safe(chain):
        before = _fast_scores_before(chain)
        after = backwards(_fast_scores_before(chain.backwards()), chain.mask)
    else:
        before, after = scores_before(chain), scores_after(chain)
    return ChainSums(before + chain.emissions, after, torch.logsumexp(chain.emissions[:, 0] + after[:, 0], dim=1))


def log_partition(chain: ChainScores) -> torch.Tensor:
    """(batch_size,): the log of the sum over all tag sequences. Differentiable, once."""
    if _products_are_safe(chain):
        total: torch.Tensor = _LogPartition.apply(*chain)
        return total
    return torch.logsumexp(chain.emissions[:, 0] + scores_after(chain)[:, 0], dim=1)


class _LogPartition(torch.autograd.Function):
    """Its gradients are the probability of each tag at each word, and the expected number of each transition."""

    @staticmethod
    def forward(ctx: Any, emissions: torch.Tensor, transitions: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        factors = _factors(emissions, transitions)
        before, sums = _arriving(factors)
        ctx.save_for_backward(factors.emissions, factors.transitions, before, sums, mask)
        words = (factors.taken + sums.log()) * mask
        return words.sum(dim=1) - transitions.max()  # no transition leads to the first word

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, None]:
        emissions, transitions, before, sums, mask = ctx.saved_tensors
        turned = _Factors(backwards(emissions, mask), transitions.t(), sums)
        following = emissions * backwards(_arriving(turned)[0], mask)
        # At each word the products of what arrives and what follows sum to the same, over tags as over transitions.
        following *= (gradient.unsqueeze(1) * mask / (before * following).sum(dim=2)).unsqueeze(2)
        begun = before * emissions / sums.unsqueeze(2)
        counts = transitions * torch.einsum("bwi,bwj->ij", begun[:, :-1], following[:, 1:])
        return before * following, counts, None


class _Factors(NamedTuple):
    """
    Exponentials of a chain's scores, the greatest of each word and of the transitions 1. emissions : (batch_size, num_words,
    num_tags); transitions : (num_tags, num_tags); taken : (batch_size, num_words), what was taken off the scores of a word
    and of the transition to it.
    """

    emissions: torch.Tensor
    transitions: torch.Tensor
    taken: torch.Tensor


def _factors(emissions: torch.Tensor, transitions: torch.Tensor) -> _Factors:
    highest, highest_transition = emissions.amax(dim=2, keepdim=True), transitions.max()
    return _Factors(
        torch.exp(emissions - highest),
        torch.exp(transitions - highest_transition),
        highest.squeeze(2) + highest_transition,
    )


def _arriving(factors: _Factors) -> Tuple[torch.Tensor, torch.Tensor]:
    """
    What arrives at each tag of each word, 1 at the first: (batch_size, num_words, num_tags); and the sums that the words were
    divided by: (batch_size, num_words).
    """
    emissions = factors.emissions.transpose(0, 1).contiguous()  # words first, so that each is one piece of memory
    arriving = torch.ones_like(emissions)
    begun = torch.empty_like(emissions[0])
    words = arriving.unbind()
    for word, following, factor in zip(words, words[1:], emissions.unbind()):
        torch.mul(word, factor, out=begun)
        begun /= begun.sum(dim=1, keepdim=True)
        torch.mm(begun, factors.transitions, out=following)
    arriving = arriving.transpose(0, 1)
    return arriving, (arriving * factors.emissions).sum(dim=2)


def _fast_scores_before(chain: ChainScores) -> torch.Tensor:
    """`scores_before` of a chain whose products are safe, without a graph."""
    factors = _factors(chain.emissions, chain.transitions)
    arriving, sums = _arriving(factors)
    taken = (factors.taken + sums.log()).cumsum(dim=1).roll(1, dims=1)
    taken[:, 0] = 0.0
    return arriving.log().clamp(min=IMPOSSIBLE) + taken.unsqueeze(2)


def _products_are_safe(chain: ChainScores) -> bool:
    """
    Whether no product that matters comes near underflow in float64.

    Let k be the number of steps in which any tag leads to any other (1 where no transition is forbidden). Then from whatever tag
    stood k words before, some way to each tag scores below the best way by at most k times the width of a word's scores plus
    that of the transitions. So the log sums of two tags lie no further apart than this, forwards or backwards.
    """
    emissions = chain.emissions - chain.emissions.amax(dim=2, keepdim=True)
    transitions = chain.transitions - chain.transitions.max()
    width = _width(emissions) + _width(transitions)
    return _steps_to_any(transitions > IMPOSSIBLE / 2) * width <= _WIDEST


def _width(scores: torch.Tensor) -> float:
    """How far the lowest of the possible scores lies below the highest, which is 0."""
    return -float(scores.detach().masked_fill(scores < IMPOSSIBLE / 2, 0.0).amin())


def _steps_to_any(possible: torch.Tensor) -> float:
    """The fewest steps that lead from any tag to any tag, infinity where they are many. possible : (num_tags, num_tags)"""
    step = possible.double()
    ways = step
    for num_steps in range(1, _MOST_STEPS + 1):
        if bool(ways.all()):
            return num_steps
        ways = ways @ step
    return math.inf
