"""A conditional random field over the tags, for those who want valid sequences only."""

import math
from typing import List, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules import ConditionalRandomField
from allennlp.modules.conditional_random_field import allowed_transitions

from lowresource_ner.modules.linear_chain import (
    IMPOSSIBLE,
    ChainScores,
    backward_scores,
    forward_scores,
    log_partition,
    marginals,
    sequence_scores,
)
from lowresource_ner.modules.tag_heads.tag_head import Span, TagHead

_CONSTRAINT_TYPES = {"IOB1": "IOB1", "IOB2": "BIO", "IOBES": "BIOUL", "BILOU": "BIOUL"}


@TagHead.register("crf")
class CrfHead(TagHead):
    """
    AllenNLP's `ConditionalRandomField` with the constraints of the tag scheme. The paper of Wu et al. has none.

    The loss is AllenNLP's: over all sequences, valid or not. The best tags are its Viterbi path among the valid sequences, and
    the probabilities are marginals under the chain restricted to those, which AllenNLP does not offer. The probability of a
    span is that of all valid sequences in which exactly this span is an entity of this type.

    # Raises

    `ConfigurationError`
        Where the scheme has no constraints.
    """

    decides_per_word = False

    def __init__(self, labels: Sequence[str], tag_scheme: str = "IOB2") -> None:
        super().__init__(labels, tag_scheme)
        if tag_scheme not in _CONSTRAINT_TYPES:
            raise ConfigurationError(f"A CRF knows no tag scheme '{tag_scheme}'; it knows {', '.join(_CONSTRAINT_TYPES)}.")
        constraints = allowed_transitions(
            _CONSTRAINT_TYPES[tag_scheme], {index: _allennlp_name(label) for index, label in enumerate(self.labels)}
        )
        self.crf = ConditionalRandomField(len(self.labels), constraints)
        self._continues = [_continuations(label, self.labels) for label in self.labels]

    def loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return -self.crf(logits, tags, mask) / mask.sum()

    def negative_log_likelihood(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        chain = self.chain(logits, mask, temperature)
        return (log_partition(chain) - sequence_scores(chain, tags * mask)).sum()

    def best_tags(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        best = torch.zeros(mask.shape, dtype=torch.long)
        for row, (path, _) in enumerate(self.crf.viterbi_tags(logits, mask)):
            best[row, : len(path)] = torch.tensor(path)
        return best.to(logits.device)

    def probabilities(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
        return marginals(self.chain(logits, mask, temperature)).to(logits.dtype)

    def span_probabilities(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> List[List[float]]:
        chain = self.chain(logits, mask, temperature)
        alpha, beta = forward_scores(chain), backward_scores(chain)
        totals = torch.logsumexp(alpha[:, -1] + chain.ends, dim=1)
        lengths = mask.sum(dim=1).tolist()
        probabilities = []
        for row, sentence_spans in enumerate(spans):
            path = tags[row].tolist()
            inside = [
                alpha[row, span.start, path[span.start]]
                + self._inner_score(chain, row, span, path)
                + self._closing_score(chain, beta, row, span.end, path[span.end - 1], lengths[row])
                for span in sentence_spans
            ]
            probabilities.append([min(1.0, math.exp(float(score - totals[row]))) for score in inside])
        return probabilities

    def chain(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> ChainScores:
        """The chain of the valid sequences, in float64, every score divided by `temperature`."""
        num_tags = len(self.labels)
        allowed = self.crf._constraint_mask.bool()
        temperature = temperature.double()

        def restricted(scores: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            return (scores.double() / temperature).masked_fill(~valid, IMPOSSIBLE)

        return ChainScores(
            emissions=logits.double() / temperature,
            transitions=restricted(self.crf.transitions, allowed[:num_tags, :num_tags]),
            starts=restricted(self.crf.start_transitions, allowed[num_tags, :num_tags]),
            ends=restricted(self.crf.end_transitions, allowed[:num_tags, num_tags + 1]),
            mask=mask,
        )

    def _inner_score(self, chain: ChainScores, row: int, span: Span, path: Sequence[int]) -> torch.Tensor:
        """What the words after the first add to the score of a span."""
        score = chain.emissions.new_zeros(())
        for word in range(span.start + 1, span.end):
            score = score + chain.transitions[path[word - 1], path[word]] + chain.emissions[row, word, path[word]]
        return score

    def _closing_score(
        self, chain: ChainScores, beta: torch.Tensor, row: int, end: int, last_tag: int, length: int
    ) -> torch.Tensor:
        """The log sum over all continuations after a span in which the next word does not continue it."""
        if end == length:
            return chain.ends[last_tag]
        onwards = chain.transitions[last_tag] + chain.emissions[row, end] + beta[row, end]  # (num_tags,)
        return torch.logsumexp(onwards.masked_fill(self._continued_by(last_tag, onwards), IMPOSSIBLE), dim=0)

    def _continued_by(self, tag: int, like: torch.Tensor) -> torch.Tensor:
        continues = torch.zeros(len(self.labels), dtype=torch.bool, device=like.device)
        continues[self._continues[tag]] = True
        return continues


def _allennlp_name(label: str) -> str:
    """AllenNLP knows IOBES by the letters of BILOU."""
    return {"S": "U", "E": "L"}.get(label[0], label[0]) + label[1:]


def _continuations(label: str, labels: Sequence[str]) -> List[int]:
    """The tags that, next to `label`, belong to the same entity."""
    if label == "O" or label[0] in "SEUL":
        return []
    return [index for index, other in enumerate(labels) if other[0] in "IEL" and other[1:] == label[1:]]
