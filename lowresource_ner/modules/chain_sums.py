"""
Fast sums over all tag sequences of a linear chain, by matrix products, with gradients in closed form.

Exponentials of scores are normalised at every word, and the logarithms of the divisors added up (Rabiner 1989, "A tutorial on
hidden Markov models", https://doi.org/10.1109/5.18626, section V.A). If a product could underflow, the log sums of
linear_chain.py are used instead; see `_products_are_safe`.
"""

import math
from typing import Any, NamedTuple, Tuple

import torch
from torch.autograd.function import once_differentiable

from lowresource_ner.modules.linear_chain import IMPOSSIBLE, ChainScores, backwards, scores_after, scores_before

_WIDEST = 300.0
"""The greatest safe difference between log sums: exp(-2 * 300), the product of two, is far from underflow in float64."""

_MOST_STEPS = 8
"""The number of steps that `_steps_to_any` tries; tag schemes need at most three."""


class ChainSums(NamedTuple):
    """
    Log sums over tag sequences. begun : (batch_size, num_words, num_tags), over all sequences from the first word to a tag at a
    word, its emission included; after : the same shape, over all continuations; total : (batch_size,), over all sequences.
    Undefined where the mask is False.
    """

    begun: torch.Tensor
    after: torch.Tensor
    total: torch.Tensor

    def marginals(self) -> torch.Tensor:
        """(batch_size, num_words, num_tags): the probability of each tag at each word."""
        return torch.softmax(self.begun + self.after, dim=2)


def chain_sums(chain: ChainScores) -> ChainSums:
    """Computes the sums of each sentence. If gradients are needed, a slower algorithm is used."""
    has_graph = torch.is_grad_enabled() and (chain.emissions.requires_grad or chain.transitions.requires_grad)
    if not has_graph and _products_are_safe(chain):
        before = _fast_scores_before(chain)
        after = backwards(_fast_scores_before(chain.backwards()), chain.mask)
    else:
        before, after = scores_before(chain), scores_after(chain)
    return ChainSums(before + chain.emissions, after, torch.logsumexp(chain.emissions[:, 0] + after[:, 0], dim=1))


def log_partition(chain: ChainScores) -> torch.Tensor:
    """(batch_size,): the log of the sum over all tag sequences. Can be differentiated once."""
    if _products_are_safe(chain):
        total: torch.Tensor = _LogPartition.apply(*chain)
        return total
    return torch.logsumexp(chain.emissions[:, 0] + scores_after(chain)[:, 0], dim=1)


class _LogPartition(torch.autograd.Function):
    """The gradients are the probability of each tag at each word, and the expected count of each transition."""

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
        # At each word, the products of forward and backward sums have the same total, over tags and over transitions.
        following *= (gradient.unsqueeze(1) * mask / (before * following).sum(dim=2)).unsqueeze(2)
        begun = before * emissions / sums.unsqueeze(2)
        counts = transitions * torch.einsum("bwi,bwj->ij", begun[:, :-1], following[:, 1:])
        return before * following, counts, None


class _Factors(NamedTuple):
    """
    Exponentials of a chain's scores, scaled so that the maximum of each word and of the transitions is 1. emissions :
    (batch_size, num_words, num_tags); transitions : (num_tags, num_tags); taken : (batch_size, num_words), what was subtracted
    from the scores of a word and of the transition to it.
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
    The forward sums up to the transition to each tag, 1 at the first word: (batch_size, num_words, num_tags); and the divisors
    of the words: (batch_size, num_words).
    """
    emissions = factors.emissions.transpose(0, 1).contiguous()  # words first, so that each is contiguous
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
    """`scores_before` for a chain whose products are safe, without gradients."""
    factors = _factors(chain.emissions, chain.transitions)
    arriving, sums = _arriving(factors)
    taken = (factors.taken + sums.log()).cumsum(dim=1).roll(1, dims=1)
    taken[:, 0] = 0.0
    return arriving.log().clamp(min=IMPOSSIBLE) + taken.unsqueeze(2)


def _products_are_safe(chain: ChainScores) -> bool:
    """
    Whether no relevant product comes near underflow in float64.

    Let k be the number of steps in which any tag can be reached from any other (1 if no transition is forbidden). Then, from any
    tag k words before, there is a path to each tag whose score is below the best path's by at most k times the range of a word's
    scores plus the range of the transitions. So the log sums of two tags differ by no more than this, forwards or backwards.
    """
    emissions = chain.emissions - chain.emissions.amax(dim=2, keepdim=True)
    transitions = chain.transitions - chain.transitions.max()
    width = _width(emissions) + _width(transitions)
    return _steps_to_any(transitions > IMPOSSIBLE / 2) * width <= _WIDEST


def _width(scores: torch.Tensor) -> float:
    """The range of the possible scores, the highest of which is 0."""
    return -float(scores.detach().masked_fill(scores < IMPOSSIBLE / 2, 0.0).amin())


def _steps_to_any(possible: torch.Tensor) -> float:
    """The fewest steps that lead from any tag to any tag, infinity if too many. possible : (num_tags, num_tags)"""
    step = possible.double()
    ways = step
    for num_steps in range(1, _MOST_STEPS + 1):
        if bool(ways.all()):
            return num_steps
        ways = ways @ step
    return math.inf
