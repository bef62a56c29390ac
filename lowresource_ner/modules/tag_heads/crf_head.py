"""A conditional random field over the tags, for those who want valid sequences only."""

import math
from typing import Any, List, Sequence

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

    The loss is AllenNLP's: over all sequences, valid or not. The best tags are its Viterbi path among the valid
    sequences, and the probabilities are marginals under the chain restricted to those, which AllenNLP does not offer.
    The probability of a span is that of all valid sequences in which exactly this span is an entity of this type.

    # Raises

    `ConfigurationError`
        Where the scheme has no constraints.
    """

    decides_per_word = False
    _continuing: torch.Tensor

    def __init__(self, labels: Sequence[str], tag_scheme: str = "IOB2") -> None:
        super().__init__(labels, tag_scheme)
        if tag_scheme not in _CONSTRAINT_TYPES:
            raise ConfigurationError(
                f"A CRF knows no tag scheme '{tag_scheme}'; it knows {', '.join(_CONSTRAINT_TYPES)}."
            )
        constraints = allowed_transitions(
            _CONSTRAINT_TYPES[tag_scheme], {index: _allennlp_name(label) for index, label in enumerate(self.labels)}
        )
        self.crf = ConditionalRandomField(len(self.labels), constraints)
        # (num_tags, num_tags), from row to column
        continuing = torch.tensor([[_continues(label, other) for other in self.labels] for label in self.labels])
        self.register_buffer("_continuing", continuing, persistent=False)

    def loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return -self.crf(logits, tags, mask) / mask.sum()

    def negative_log_likelihood(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        chain = self.chain(logits, mask, temperature)
        return (log_partition(chain) - sequence_scores(chain, tags * mask)).sum()

    def best_tags(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        best = torch.zeros(mask.shape, dtype=torch.long)
        paths: Any = self.crf.viterbi_tags(logits, mask)  # type: ignore[arg-type]  # (path, score) a sentence
        for row, (path, _) in enumerate(paths):
            best[row, : len(path)] = torch.tensor(path)
        return best.to(logits.device)

    def probabilities(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
        return marginals(self.chain(logits, mask, temperature)).to(logits.dtype)

    @torch.no_grad()
    def span_probabilities(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> List[List[float]]:
        # Small sums, word by word: on a GPU each would wait for the one before.
        chain = ChainScores(*(part.cpu() for part in self.chain(logits, mask, temperature)))
        alpha, beta = forward_scores(chain), backward_scores(chain)
        totals = torch.logsumexp(alpha[:, -1] + chain.ends, dim=1)
        lengths = mask.sum(dim=1).tolist()
        probabilities = []
        for row, sentence_spans in enumerate(spans):
            scores = [
                self._span_score(chain, alpha[row], beta[row], row, span, lengths[row]) for span in sentence_spans
            ]
            probabilities.append([min(1.0, math.exp((score - totals[row]).item())) for score in scores])
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

    def _span_score(
        self, chain: ChainScores, alpha: torch.Tensor, beta: torch.Tensor, row: int, span: Span, length: int
    ) -> torch.Tensor:
        """
        The log sum over all sequences in which `span` is an entity: one begins at its first word, each further word
        continues it, and the word after the last does not. alpha, beta: (num_words, num_tags), of this row.
        """
        emissions = chain.emissions[row]
        continuing = self._continuing.cpu()
        inside = chain.transitions.masked_fill(~continuing, IMPOSSIBLE)
        between = chain.transitions.masked_fill(continuing, IMPOSSIBLE)
        of_type = torch.tensor([label[2:] == span.type for label in self.labels])

        before = chain.starts if span.start == 0 else _step(alpha[span.start - 1], between)
        score = (before + emissions[span.start]).masked_fill(~of_type, IMPOSSIBLE)  # (num_tags,)
        for word in range(span.start + 1, span.end):
            score = _step(score, inside) + emissions[word]
        if span.end == length:
            return torch.logsumexp(score + chain.ends, dim=0)
        return torch.logsumexp(_step(score, between) + emissions[span.end] + beta[span.end], dim=0)


def _step(scores: torch.Tensor, transitions: torch.Tensor) -> torch.Tensor:
    """(num_tags,): the log sum over all ways from the tags of one word to each tag of the next."""
    return torch.logsumexp(scores.unsqueeze(1) + transitions, dim=0)


def _allennlp_name(label: str) -> str:
    """AllenNLP knows IOBES by the letters of BILOU."""
    return {"S": "U", "E": "L"}.get(label[0], label[0]) + label[1:]


def _continues(label: str, following: str) -> bool:
    """Whether a word tagged `following` belongs to the same entity as the word before it, tagged `label`."""
    return label[0] in "BI" and following[0] in "IEL" and following[1:] == label[1:]
