"""A conditional random field over the tags, for those who want valid sequences only."""

from typing import List, Sequence, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules import ConditionalRandomField
from allennlp.modules.conditional_random_field import allowed_transitions

from lowresource_ner.modules.chain_sums import ChainSums, chain_sums, log_partition
from lowresource_ner.modules.linear_chain import (
    IMPOSSIBLE,
    ChainScores,
    best_sequences,
    chain_scores,
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
    _of_type: torch.Tensor

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
        types = sorted({label[2:] for label in self.labels if label != "O"})
        self._types = {entity_type: number for number, entity_type in enumerate(types)}
        of_type = torch.tensor([label[2:] == entity_type for entity_type in types for label in self.labels])
        self.register_buffer("_of_type", of_type.view(len(types), -1), persistent=False)

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        crf = self.crf
        chain = chain_scores(logits, crf.transitions, crf.start_transitions, crf.end_transitions, mask)
        return _negative_log_likelihood(chain, tags).to(torch.promote_types(logits.dtype, torch.float32))

    def negative_log_likelihood(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        return _negative_log_likelihood(self.chain(logits, mask, temperature), tags)

    def best_tags(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return best_sequences(self.chain(logits, mask, torch.ones((), device=logits.device)))

    def probabilities(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
        return chain_sums(self.chain(logits, mask, temperature)).marginals().to(logits.dtype)

    def span_probabilities(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> List[List[float]]:
        return self.confidences(logits, mask, temperature, tags, spans)[1]

    @torch.no_grad()
    def confidences(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> Tuple[torch.Tensor, List[List[float]]]:
        chain = self.chain(logits, mask, temperature)
        sums = chain_sums(chain)
        flat = [
            (row, span.start, span.end, self._types[span.type])
            for row, sentence_spans in enumerate(spans)
            for span in sentence_spans
        ]
        found = iter(self._span_probabilities(chain, sums, flat))
        return sums.marginals().to(logits.dtype), [[next(found) for _ in sentence_spans] for sentence_spans in spans]

    def chain(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> ChainScores:
        """The chain of the valid sequences, in float64, every score divided by `temperature`."""
        num_tags = len(self.labels)
        allowed = self.crf._constraint_mask.bool()
        temperature = temperature.double()

        def restricted(scores: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            return (scores.double() / temperature).masked_fill(~valid, IMPOSSIBLE)

        return chain_scores(
            logits.double() / temperature,
            restricted(self.crf.transitions, allowed[:num_tags, :num_tags]),
            restricted(self.crf.start_transitions, allowed[num_tags, :num_tags]),
            restricted(self.crf.end_transitions, allowed[:num_tags, num_tags + 1]),
            mask,
        )

    def _span_probabilities(
        self, chain: ChainScores, sums: ChainSums, spans: Sequence[Tuple[int, int, int, int]]
    ) -> List[float]:
        """
        Of all sequences in which a span is an entity: one begins at its first word, each further word continues it, and the
        word after the last does not. spans : row, start, end and number of the type of each.
        """
        table = torch.tensor(spans, dtype=torch.long, device=chain.mask.device).view(-1, 4)
        rows, starts, ends, types = table.unbind(dim=1)  # each (num_spans,)
        inside = chain.transitions.masked_fill(~self._continuing, IMPOSSIBLE)
        between = chain.transitions.masked_fill(self._continuing, IMPOSSIBLE)

        before = _step(sums.begun[rows, starts - 1], between) * (starts > 0).unsqueeze(1)  # (num_spans, num_tags)
        scores = (before + chain.emissions[rows, starts]).masked_fill(~self._of_type[types], IMPOSSIBLE)
        for offset in range(1, max((end - start for _, start, end, _ in spans), default=0)):
            longer = (starts + offset < ends).nonzero().squeeze(1)
            emissions = chain.emissions[rows[longer], starts[longer] + offset]
            scores[longer] = _step(scores[longer], inside) + emissions

        last = ends == chain.mask.sum(dim=1)[rows]
        following = ends.masked_fill(last, 0)
        after = (chain.emissions + sums.after)[rows, following]
        scores = torch.where(
            last,
            torch.logsumexp(scores, dim=1),
            torch.logsumexp(_step(scores, between) + after, dim=1),
        )
        return (scores - sums.total[rows]).exp().clamp(max=1.0).tolist()


def _negative_log_likelihood(chain: ChainScores, tags: torch.Tensor) -> torch.Tensor:
    return (log_partition(chain) - sequence_scores(chain, tags)).sum()


def _step(scores: torch.Tensor, transitions: torch.Tensor) -> torch.Tensor:
    """(num_spans, num_tags): the log sum over all ways from the tags of one word to each tag of the next."""
    return torch.logsumexp(scores.unsqueeze(2) + transitions, dim=1)


def _allennlp_name(label: str) -> str:
    """AllenNLP knows IOBES by the letters of BILOU."""
    return {"S": "U", "E": "L"}.get(label[0], label[0]) + label[1:]


def _continues(label: str, following: str) -> bool:
    """Whether a word tagged `following` belongs to the same entity as the word before it, tagged `label`."""
    return label[0] in "BI" and following[0] in "IEL" and following[1:] == label[1:]
