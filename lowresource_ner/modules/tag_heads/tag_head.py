"""The base class of a tagger's output layers."""

from typing import Dict, Optional, Sequence

import torch
from allennlp.common import Registrable

from lowresource_ner.modules.tag_heads.tag_distribution import TagDistribution
from lowresource_ner.modules.token_axes import TokenAxes
from lowresource_ner.tagging import get_scheme


class TagHead(torch.nn.Module, Registrable):
    """
    Scores the words of a batch, and turns the scores ("logits") into a training loss and a distribution over tag sequences.

    A head of another kind defines `forward` and `total_loss`. If its scores are not one for each word and tag, it has a
    `projection` of its own.

    Everywhere `logits` is (batch_size, num_words, num_tags), or (batch_size, num_words, ...) for a head that says so; `tags` is
    (batch_size, num_words), and `mask` (batch_size, num_words), True for words.

    # Parameters

    labels : `Sequence[str]`
        The tags, in the order of their indices. Given by the model.
    tag_scheme : `str`
        IOB1, IOB2, IOBES or BILOU. Given by the model.
    input_dim : `Optional[int]`
        The size of the words' vectors; `None` where logits come from elsewhere. Given by the model.
    label_namespace : `str`
        The vocabulary's namespace of the tags. Given by the model.
    """

    default_implementation = "softmax"

    best_is_cheap = True
    """Whether the best tags cost next to nothing, so that training can count its own F1 in every step."""

    def __init__(
        self,
        labels: Sequence[str],
        tag_scheme: str = "IOB2",
        input_dim: Optional[int] = None,
        label_namespace: str = "labels",
    ) -> None:
        super().__init__()
        self.labels = list(labels)
        self.tag_scheme = get_scheme(tag_scheme)
        self.label_namespace = label_namespace
        self.projection: Optional[torch.nn.Module] = None
        if input_dim is not None:
            self.projection = torch.nn.Linear(input_dim, len(self.labels))

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """The scores of words. vectors : (batch_size, num_words, input_dim)"""
        assert self.projection is not None, "a head without 'input_dim' has no projection"
        scores: torch.Tensor = self.projection(vectors)
        return scores

    def forward(
        self, logits: torch.Tensor, mask: torch.Tensor, temperature: Optional[torch.Tensor] = None
    ) -> TagDistribution:
        """
        The distribution over the tag sequences that the head can output. `temperature`, a scalar, 1 by default, divides every
        score; it changes no best tag.
        """
        raise NotImplementedError

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The training loss, a scalar, summed over the batch."""
        raise NotImplementedError

    def loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The training loss, a scalar, averaged over words."""
        return self.total_loss(logits, tags, mask) / mask.sum()

    def token_axes(self) -> Dict[str, TokenAxes]:
        """The weights that have a row for each tag; see `HasTokenAxes`."""
        return {f"projection.{name}": TokenAxes(self.label_namespace) for name in ("weight", "bias")}
