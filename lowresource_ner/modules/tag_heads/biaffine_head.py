"""A tag head that scores spans of words."""

from typing import Dict, Optional, Sequence

import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.span_scorer import SpanScorer
from lowresource_ner.modules.tag_heads.span_distribution import SpanDistribution, SpanTags
from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.modules.tag_heads.tag_head import TagHead
from lowresource_ner.modules.token_axes import TokenAxes
from lowresource_ner.tagging import EntitySpan, types_of


@TagHead.register("biaffine")
class BiaffineHead(TagHead):
    """
    Scores every span of up to `max_width` words with the biaffine classifier of Yu, Bohnet and Poesio (2020,
    https://aclanthology.org/2020.acl-main.577). The paper classifies each span independently and removes overlaps afterwards;
    here loss, predictions and probabilities come from the distribution over sets of non-overlapping spans
    (`SpanDistribution`).

    Logits are (batch_size, num_words, max_width, num_types).

    # Parameters

    labels, tag_scheme, input_dim, label_namespace
        See `TagHead`; the scheme must not be IOB1.
    max_width : `int`, optional (default = `10`)
        The length of the longest entities in words. Longer ones are ignored in training and never predicted.
    hidden_dim : `int`, optional (default = `150`)
        The default is the paper's.
    dropout : `float`, optional (default = `0.2`)
        The default is the paper's.

    # Raises

    `ConfigurationError`
        If the scheme is IOB1, in which the tags of an entity depend on the entity before, or the labels lack tags of a type.
    """

    best_is_cheap = False
    _of_spans: torch.Tensor

    def __init__(
        self,
        labels: Sequence[str],
        tag_scheme: str = "IOB2",
        input_dim: Optional[int] = None,
        label_namespace: str = "labels",
        max_width: int = 10,
        hidden_dim: int = 150,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(labels, tag_scheme, None, label_namespace)
        self._types = types_of(self.labels)
        missing = sorted(set(self.tag_scheme.tag_set(self._types)) - set(self.labels))
        if self.tag_scheme.name == "IOB1" or missing:
            raise ConfigurationError(
                f"The head 'biaffine' needs all tags of the entity types, in IOB2, IOBES or BILOU. The scheme is "
                f"{self.tag_scheme.name}; missing tags: {', '.join(missing) or 'none'}. Set 'tag_scheme' of model and reader."
            )
        if input_dim is not None:
            self.projection = SpanScorer(input_dim, len(self._types), max_width, hidden_dim, dropout)
        of_spans = torch.zeros(max_width, len(self._types), max_width, dtype=torch.long)
        for width in range(1, max_width + 1):
            for number, entity_type in enumerate(self._types):
                tags = self.tag_scheme.tags([EntitySpan(0, width, entity_type)], width)
                of_spans[width - 1, number, :width] = torch.tensor([self.labels.index(tag) for tag in tags])
        self.register_buffer("_of_spans", of_spans, persistent=False)

    def forward(
        self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor] = None
    ) -> TagDistribution:
        scores = logits.double() if temperature is None else logits.double() / temperature.double()
        tags = SpanTags(self.labels, self.tag_scheme, self._types, self._of_spans)
        return SpanDistribution(scores, mask, tags, logits.dtype)

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        loss = -self(logits, mask).log_prob(tags).sum()
        return loss.to(torch.promote_types(logits.dtype, torch.float32))

    def token_axes(self) -> Dict[str, TokenAxes]:
        return {"projection.weight": TokenAxes(self.label_namespace, of_types=True)}
