"""The head of the paper: each word for itself."""

import math
from typing import List, Sequence

import torch

from lowresource_ner.modules.tag_heads.tag_head import Span, TagHead


@TagHead.register("softmax")
class SoftmaxHead(TagHead):
    """
    p(x_i) = softmax(W h_i + b) for each word on its own; cross-entropy averaged over words (Wu et al. 2020, section 3.1).

    The probability of a span is the product of the probabilities of its words' tags.
    """

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits[mask], tags[mask], reduction="sum")

    def negative_log_likelihood(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(logits[mask] / temperature, tags[mask], reduction="sum")

    def best_tags(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return logits.argmax(dim=-1) * mask

    def probabilities(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
        return torch.softmax(logits / temperature, dim=-1)

    def span_probabilities(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> List[List[float]]:
        log_probabilities = torch.log_softmax(logits / temperature, dim=-1).gather(2, tags.unsqueeze(2)).squeeze(2)
        sums = torch.nn.functional.pad(log_probabilities.double().cumsum(dim=1), (1, 0)).tolist()
        return [
            [min(1.0, math.exp(row[span.end] - row[span.start])) for span in sentence_spans]
            for row, sentence_spans in zip(sums, spans)
        ]
