"""The distribution over tag sequences that a linear chain defines."""

from functools import cached_property
from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch

from lowresource_ner.modules.chain_sums import ChainSums, chain_sums, log_partition
from lowresource_ner.modules.linear_chain import IMPOSSIBLE, ChainScores, best_sequences, sequence_scores
from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.tagging import EntitySpan


class TagRelations(NamedTuple):
    """
    How tags form entities. continuing : (num_tags, num_tags), True if the column's tag continues the entity of the row's tag at
    the word before; of_type : (num_types, num_tags), True for tags of a type; types : the index of each type.
    """

    continuing: torch.Tensor
    of_type: torch.Tensor
    types: Dict[str, int]


class ChainDistribution(TagDistribution):
    """
    p(tags) ∝ exp(score of the tags in the chain).

    The probability of a span is that of all sequences in which exactly this span is an entity of this type.

    # Parameters

    chain : `ChainScores`
        Forbidden transitions have the score `IMPOSSIBLE`.
    relations : `TagRelations`
    dtype : `torch.dtype`
        The dtype of the marginals. Everything else is computed in float64.
    """

    def __init__(self, chain: ChainScores, relations: TagRelations, dtype: torch.dtype) -> None:
        self._chain = chain
        self._relations = relations
        self._dtype = dtype

    @cached_property
    def best(self) -> torch.Tensor:
        return best_sequences(self._chain)

    @cached_property
    def marginals(self) -> torch.Tensor:
        return self._sums.marginals().to(self._dtype)

    def log_prob(self, tags: torch.Tensor) -> torch.Tensor:
        return sequence_scores(self._chain, tags) - log_partition(self._chain)

    @torch.no_grad()
    def span_probabilities(self, spans: Sequence[Sequence[EntitySpan]]) -> List[List[float]]:
        rows = [
            (row, span.start, span.end, self._relations.types[span.type])
            for row, sentence_spans in enumerate(spans)
            for span in sentence_spans
        ]
        found = iter(self._probabilities_of(rows))
        return [[next(found) for _ in sentence_spans] for sentence_spans in spans]

    @cached_property
    def _sums(self) -> ChainSums:
        with torch.no_grad():
            return chain_sums(self._chain)

    def _probabilities_of(self, spans: Sequence[Tuple[int, int, int, int]]) -> List[float]:
        """
        Sums over all sequences in which a span is an entity: one that begins at its first word, is continued by each further
        word, and not by the word after the last. spans : the sentence, start, end and index of the type of each.
        """
        chain, sums = self._chain, self._sums
        continuing, of_type, _ = self._relations
        table = torch.tensor(spans, dtype=torch.long, device=chain.mask.device).view(-1, 4)
        rows, starts, ends, types = table.unbind(dim=1)  # each (num_spans,)
        inside = chain.transitions.masked_fill(~continuing, IMPOSSIBLE)
        between = chain.transitions.masked_fill(continuing, IMPOSSIBLE)

        before = _step(sums.begun[rows, starts - 1], between) * (starts > 0).unsqueeze(1)  # (num_spans, num_tags)
        scores = (before + chain.emissions[rows, starts]).masked_fill(~of_type[types], IMPOSSIBLE)
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


def _step(scores: torch.Tensor, transitions: torch.Tensor) -> torch.Tensor:
    """(num_spans, num_tags): the log sum over all transitions from the tags of one word to each tag of the next."""
    return torch.logsumexp(scores.unsqueeze(2) + transitions, dim=1)
