"""
Exact sums over the tag sequences of a linear chain: the log partition function and the forward and backward scores.

AllenNLP's `ConditionalRandomField` trains over all sequences and applies its constraints in decoding only. What a tagger
reports as a probability must be taken over the sequences that it can output, so these functions take transition scores in
which forbidden transitions are already impossible.
"""

from typing import NamedTuple

import torch

IMPOSSIBLE = -1e30
"""The score of a forbidden transition: no sum in float32 or float64 notices it, and no difference of two is undefined."""


class ChainScores(NamedTuple):
    """
    The scores of a linear chain over `num_tags` tags.

    emissions : (batch_size, num_words, num_tags); transitions : (num_tags, num_tags), from row to column;
    starts, ends : (num_tags,); mask : (batch_size, num_words), True for words, the first word of a row always one.
    """

    emissions: torch.Tensor
    transitions: torch.Tensor
    starts: torch.Tensor
    ends: torch.Tensor
    mask: torch.Tensor


def forward_scores(chain: ChainScores) -> torch.Tensor:
    """
    (batch_size, num_words, num_tags): the log sum over all beginnings that end in a tag at a word, its emission included.
    Where the mask is False the scores of the row's last word stand.
    """
    alpha = chain.starts + chain.emissions[:, 0]
    steps = [alpha]
    for word in range(1, chain.emissions.size(1)):
        following = torch.logsumexp(alpha.unsqueeze(2) + chain.transitions, dim=1) + chain.emissions[:, word]
        alpha = torch.where(chain.mask[:, word].unsqueeze(1), following, alpha)
        steps.append(alpha)
    return torch.stack(steps, dim=1)


def backward_scores(chain: ChainScores) -> torch.Tensor:
    """
    (batch_size, num_words, num_tags): the log sum over all continuations after a tag at a word, its own emission left out.
    Where the mask is False the end scores stand.
    """
    beta = chain.ends.expand(chain.emissions.size(0), -1)
    steps = [beta]
    for word in range(chain.emissions.size(1) - 1, 0, -1):
        arriving = (chain.emissions[:, word] + beta).unsqueeze(1)  # (batch_size, 1, num_tags)
        preceding = torch.logsumexp(chain.transitions + arriving, dim=2)
        beta = torch.where(chain.mask[:, word].unsqueeze(1), preceding, beta)
        steps.append(beta)
    return torch.stack(steps[::-1], dim=1)


def log_partition(chain: ChainScores) -> torch.Tensor:
    """(batch_size,): the log of the sum over all tag sequences."""
    return torch.logsumexp(forward_scores(chain)[:, -1] + chain.ends, dim=1)


def marginals(chain: ChainScores) -> torch.Tensor:
    """(batch_size, num_words, num_tags): the probability of each tag at each word."""
    return torch.softmax(forward_scores(chain) + backward_scores(chain), dim=2)


def sequence_scores(chain: ChainScores, tags: torch.Tensor) -> torch.Tensor:
    """(batch_size,): the score of one tag sequence a row; tags is (batch_size, num_words)."""
    words = chain.mask.to(chain.emissions.dtype)
    emitted = chain.emissions.gather(2, tags.unsqueeze(2)).squeeze(2) * words
    moved = chain.transitions[tags[:, :-1], tags[:, 1:]] * words[:, 1:]
    last = tags.gather(1, chain.mask.sum(dim=1, keepdim=True) - 1).squeeze(1)
    return chain.starts[tags[:, 0]] + emitted.sum(dim=1) + moved.sum(dim=1) + chain.ends[last]
