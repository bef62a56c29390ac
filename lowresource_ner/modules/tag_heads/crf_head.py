"""A tag head with a conditional random field and the constraints of the tag scheme."""

from typing import Dict, Optional, Sequence

import torch
from allennlp.modules import ConditionalRandomField

from lowresource_ner.modules.chain_sums import chain_sums, log_partition
from lowresource_ner.modules.linear_chain import IMPOSSIBLE, ChainScores, chain_scores, sequence_scores
from lowresource_ner.modules.tag_heads.chain_distribution import ChainDistribution, TagRelations
from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.modules.tag_heads.tag_head import TagHead
from lowresource_ner.modules.token_axes import TokenAxes
from lowresource_ner.tagging import OUTSIDE, continues, parse_tag, split_tag, types_of


@TagHead.register("crf")
class CrfHead(TagHead):
    """
    AllenNLP's `ConditionalRandomField` with the constraints of the tag scheme.

    The loss is AllenNLP's, normalised over all sequences, valid or not. The best tags are the Viterbi path among the valid
    sequences, and probabilities are normalised over the valid sequences; see `ChainDistribution`.

    # Parameters

    labels, tag_scheme, input_dim, label_namespace
        See `TagHead`.
    """

    best_is_cheap = False
    _continuing: torch.Tensor
    _of_type: torch.Tensor

    def __init__(
        self,
        labels: Sequence[str],
        tag_scheme: str = "IOB2",
        input_dim: Optional[int] = None,
        label_namespace: str = "labels",
    ) -> None:
        super().__init__(labels, tag_scheme, input_dim, label_namespace)
        num_tags = len(self.labels)
        # The last one stands for the boundaries of a sentence.
        tags = [*self.labels, OUTSIDE]
        constraints = [
            (before, after if after < num_tags else num_tags + 1)
            for before, tag in enumerate(tags)
            for after, following in enumerate(tags)
            if (before < num_tags or after < num_tags) and self.tag_scheme.allows(tag, following)
        ]
        self.crf = ConditionalRandomField(num_tags, constraints)
        parsed = [parse_tag(label) for label in self.labels]
        continuing = torch.tensor([[continues(tag, following) for following in parsed] for tag in parsed])
        self.register_buffer("_continuing", continuing, persistent=False)  # (num_tags, num_tags), from row to column
        types = types_of(self.labels)
        self._types = {entity_type: number for number, entity_type in enumerate(types)}
        of_type = torch.tensor([split_tag(label)[1] == entity_type for entity_type in types for label in self.labels])
        self.register_buffer("_of_type", of_type.view(len(types), -1), persistent=False)

    def forward(
        self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor] = None
    ) -> TagDistribution:
        relations = TagRelations(self._continuing, self._of_type, self._types)
        return ChainDistribution(self.valid_chain(logits, mask, temperature), relations, logits.dtype)

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        chain = self._whole_chain(logits, mask)
        loss = (log_partition(chain) - sequence_scores(chain, tags)).sum()
        return loss.to(torch.promote_types(logits.dtype, torch.float32))

    def marginal_logits(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """
        See `TagHead`; in float64. As in the loss, the marginals are over all sequences: a teacher with another tag scheme, or a
        mixture of teachers, may give probability to tags that the constraints rule out, whose marginal would be 0.
        """
        sums = chain_sums(self._whole_chain(logits, mask))
        return sums.begun + sums.after

    def valid_chain(
        self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor] = None
    ) -> ChainScores:
        """Returns the chain restricted to valid sequences, in float64, with all scores divided by `temperature`."""
        num_tags = len(self.labels)
        allowed = self.crf._constraint_mask.bool()
        divisor = torch.ones((), device=logits.device) if temperature is None else temperature
        divisor = divisor.double()

        def restricted(scores: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            return (scores.double() / divisor).masked_fill(~valid, IMPOSSIBLE)

        return chain_scores(
            logits.double() / divisor,
            restricted(self.crf.transitions, allowed[:num_tags, :num_tags]),
            restricted(self.crf.start_transitions, allowed[num_tags, :num_tags]),
            restricted(self.crf.end_transitions, allowed[:num_tags, num_tags + 1]),
            mask,
        )

    def _whole_chain(self, logits: torch.Tensor, mask: torch.Tensor) -> ChainScores:
        """The chain over all sequences, valid or not."""
        crf = self.crf
        return chain_scores(logits, crf.transitions, crf.start_transitions, crf.end_transitions, mask)

    def token_axes(self) -> Dict[str, TokenAxes]:
        return {
            **super().token_axes(),
            "crf.transitions": TokenAxes(self.label_namespace, number=2),
            "crf.start_transitions": TokenAxes(self.label_namespace),
            "crf.end_transitions": TokenAxes(self.label_namespace),
        }
