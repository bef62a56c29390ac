"""The interface of distributions over the tag sequences of a batch."""

from typing import List, Sequence

import torch

from lowresource_ner.tagging import EntitySpan


class TagDistribution:
    """
    A distribution over the tag sequences of each sentence of a batch, as returned by a `TagHead`.

    Expensive results are computed once, when they are first needed. Only `log_prob` is guaranteed to be differentiable. Values
    are undefined where the mask is False, unless stated otherwise.
    """

    @property
    def best(self) -> torch.Tensor:
        """(batch_size, num_words): the predicted tags, 0 where the mask is False."""
        raise NotImplementedError

    @property
    def marginals(self) -> torch.Tensor:
        """(batch_size, num_words, num_tags): the probability of each tag at each word."""
        raise NotImplementedError

    def log_prob(self, tags: torch.Tensor) -> torch.Tensor:
        """
        Returns the log probability of each sentence's tags, (batch_size,).

        # Parameters

        tags : `torch.Tensor`
            (batch_size, num_words)
        """
        raise NotImplementedError

    def span_probabilities(self, spans: Sequence[Sequence[EntitySpan]]) -> List[List[float]]:
        """
        Returns the probability of each entity.

        # Parameters

        spans : `Sequence[Sequence[EntitySpan]]`
            The entities of each sentence, decoded from `best`.
        """
        raise NotImplementedError
