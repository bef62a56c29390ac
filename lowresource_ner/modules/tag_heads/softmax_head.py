"""A tag head with a softmax over the tags of each word."""

import math
from functools import cached_property
from typing import List, Optional, Sequence

import torch

from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.modules.tag_heads.tag_head import TagHead
from lowresource_ner.tagging import EntitySpan


@TagHead.register("softmax")
class SoftmaxHead(TagHead):
    """
    p(x_i) = softmax(W h_i + b) for each word independently; the loss is the cross-entropy (Wu et al. 2020, arXiv:2004.12440,
    section 3.1).

    The probability of a span is the product of the probabilities of its words' best tags.
    """

    has_log_marginals = True

    def forward(
        self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor] = None
    ) -> TagDistribution:
        return _SoftmaxDistribution(logits, mask, temperature)

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits[mask], tags[mask], reduction="sum")

    def log_marginals(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(logits[mask], dim=1)


class _SoftmaxDistribution(TagDistribution):
    def __init__(self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor]) -> None:
        self._logits = logits
        self._scaled = logits if temperature is None else logits / temperature
        self._mask = mask

    @cached_property
    def best(self) -> torch.Tensor:
        return self._logits.argmax(dim=-1) * self._mask

    @cached_property
    def marginals(self) -> torch.Tensor:
        return torch.softmax(self._scaled, dim=-1)

    def log_prob(self, tags: torch.Tensor) -> torch.Tensor:
        return self._of_words(tags * self._mask).masked_fill(~self._mask, 0.0).sum(dim=1)

    def span_probabilities(self, spans: Sequence[Sequence[EntitySpan]]) -> List[List[float]]:
        sums = torch.nn.functional.pad(self._of_words(self.best).double().cumsum(dim=1), (1, 0)).tolist()
        return [
            [min(1.0, math.exp(row[span.end] - row[span.start])) for span in sentence_spans]
            for row, sentence_spans in zip(sums, spans)
        ]

    def _of_words(self, tags: torch.Tensor) -> torch.Tensor:
        """(batch_size, num_words): the log probability of each word's tag."""
        return torch.log_softmax(self._scaled, dim=-1).gather(2, tags.unsqueeze(2)).squeeze(2)
