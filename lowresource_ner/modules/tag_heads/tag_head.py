"""What stands between a tagger's logits and its tags."""

from typing import List, NamedTuple, Sequence, Tuple

import torch
from allennlp.common import Registrable


class Span(NamedTuple):
    """Words `start` to `end` (exclusive) of a sentence, an entity of `type`."""

    start: int
    end: int
    type: str


class TagHead(torch.nn.Module, Registrable):
    """
    Gives logits a meaning: a loss, the best tags, the probability of each tag, and the probability of an entity.

    In all methods `logits` is (batch_size, num_words, num_tags), `tags` (batch_size, num_words), `mask` (batch_size,
    num_words) with True for words. `temperature` divides every score before probabilities are taken; it changes no best tag.

    # Parameters

    labels : `Sequence[str]`
        The tags, in the order of the logits. Given by the model.
    tag_scheme : `str`
        IOB1, IOB2, IOBES or BILOU. Given by the model.
    """

    default_implementation = "softmax"

    decides_per_word = True
    """Whether the best tags cost next to nothing, so that training can count its own F1 at every step."""

    def __init__(self, labels: Sequence[str], tag_scheme: str = "IOB2") -> None:
        super().__init__()
        self.labels = list(labels)
        self.tag_scheme = tag_scheme

    def loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The training loss, a scalar, averaged over words."""
        return self.total_loss(logits, tags, mask) / mask.sum()

    def total_loss(self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The training loss, a scalar, summed over the batch."""
        raise NotImplementedError

    def negative_log_likelihood(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        """- log p(tags | logits / temperature), a scalar summed over the batch, for calibration."""
        raise NotImplementedError

    def best_tags(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(batch_size, num_words): the tags that the head decides for, 0 where the mask is False."""
        raise NotImplementedError

    def probabilities(self, logits: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
        """(batch_size, num_words, num_tags): the probability of each tag at each word."""
        raise NotImplementedError

    def span_probabilities(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> List[List[float]]:
        """For each sentence the probability of each of its entity spans, whose words bear `tags`."""
        raise NotImplementedError

    def confidences(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        temperature: torch.Tensor,
        tags: torch.Tensor,
        spans: Sequence[Sequence[Span]],
    ) -> Tuple[torch.Tensor, List[List[float]]]:
        """What `probabilities` and `span_probabilities` return, for which a head may share its work."""
        return (
            self.probabilities(logits, mask, temperature),
            self.span_probabilities(logits, mask, temperature, tags, spans),
        )
