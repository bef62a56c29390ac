"""
Linear chains over tag sequences: scores of sequences, the best sequence, and log sums over all sequences.

AllenNLP's `ConditionalRandomField` applies its constraints in decoding only. The probabilities that a tagger reports should be
normalised over the sequences that it can output, so here forbidden transitions can have the score `IMPOSSIBLE`.

The sums in this file work for any scores, and are differentiable; chain_sums.py computes them faster.
"""

from typing import NamedTuple

import torch

IMPOSSIBLE = -1e30
"""The score of forbidden transitions. It vanishes in any sum, in float32 and float64, and differences stay finite."""


class ChainScores(NamedTuple):
    """
    The scores of a linear chain over `num_tags` tags, in float64. Build it with `chain_scores`.

    emissions : (batch_size, num_words, num_tags), including start and end scores in those of the first and last word, 0 where the
    mask is False; transitions : (num_tags, num_tags), from row to column; mask : (batch_size, num_words), True for words, which
    come before padding; each row has at least one.
    """

    emissions: torch.Tensor
    transitions: torch.Tensor
    mask: torch.Tensor

    def backwards(self) -> "ChainScores":
        """The chain read from the last word to the first."""
        return ChainScores(backwards(self.emissions, self.mask), self.transitions.t(), self.mask)


def chain_scores(
    emissions: torch.Tensor, transitions: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor, mask: torch.Tensor
) -> ChainScores:
    """
    Builds a chain. emissions : (batch_size, num_words, num_tags); transitions : (num_tags, num_tags); starts, ends :
    (num_tags,); mask : (batch_size, num_words).
    """
    emissions = emissions.double().masked_fill(~mask.unsqueeze(2), 0.0)
    followed = torch.nn.functional.pad(mask[:, 1:], (0, 1))
    emissions = emissions + (mask & ~followed).unsqueeze(2) * ends.double()
    emissions = torch.cat([emissions[:, :1] + starts.double(), emissions[:, 1:]], dim=1)
    return ChainScores(emissions, transitions.double(), mask)


def backwards(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Reverses the words of each row and leaves its padding in place. values : (batch_size, num_words, size)"""
    words = torch.arange(mask.size(1), device=mask.device)
    order = torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - words, words)  # (batch_size, num_words)
    return values.gather(1, order.unsqueeze(2).expand_as(values))


def scores_before(chain: ChainScores) -> torch.Tensor:
    """
    (batch_size, num_words, num_tags): the log sum over all tags of the words before a word, up to the transition to its tag;
    0 at the first word. Undefined where the mask is False.
    """
    score = torch.zeros_like(chain.emissions[:, 0])
    steps = [score]
    for emissions in chain.emissions.unbind(dim=1)[:-1]:
        score = torch.logsumexp((score + emissions).unsqueeze(2) + chain.transitions, dim=1)
        steps.append(score)
    return torch.stack(steps, dim=1)


def scores_after(chain: ChainScores) -> torch.Tensor:
    """Like `scores_before`, over the words after a word, from the transition from its tag on; 0 at a row's last word."""
    return backwards(scores_before(chain.backwards()), chain.mask)


def sequence_scores(chain: ChainScores, tags: torch.Tensor) -> torch.Tensor:
    """(batch_size,): the score of one tag sequence per row. tags : (batch_size, num_words)"""
    tags = tags * chain.mask
    emitted = chain.emissions.gather(2, tags.unsqueeze(2)).squeeze(2)  # 0 where the mask is False
    moved = chain.transitions[tags[:, :-1], tags[:, 1:]] * chain.mask[:, 1:]
    return emitted.sum(dim=1) + moved.sum(dim=1)


@torch.no_grad()
def best_sequences(chain: ChainScores) -> torch.Tensor:
    """
    (batch_size, num_words): the tags of the best sequence, by the Viterbi algorithm, 0 where the mask is False.

    The forward pass keeps only the scores; the backward pass recomputes the best predecessors.
    """
    score = chain.emissions[:, 0]  # (batch_size, num_tags): of the best sequence up to this word that ends in a tag
    steps = [score]
    for emissions in chain.emissions.unbind(dim=1)[1:]:
        score = torch.amax(score.unsqueeze(2) + chain.transitions, dim=1) + emissions
        steps.append(score)
    followed = torch.nn.functional.pad(chain.mask[:, 1:], (0, 1)).unsqueeze(2).unbind(dim=1)
    best = [torch.zeros_like(chain.mask[:, 0], dtype=torch.long)]
    for score, is_followed in zip(reversed(steps), reversed(followed)):
        best.append(torch.argmax(score + chain.transitions.t()[best[-1]] * is_followed, dim=1))
    return torch.stack(best[:0:-1], dim=1) * chain.mask
