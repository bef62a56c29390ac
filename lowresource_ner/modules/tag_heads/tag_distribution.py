"""The interface of distributions over the tag sequences of a batch."""

from typing import List, Sequence

import torch

from lowresource_ner.tagging import EntitySpan


class TagDistribution:
    """
    The probabilities of all tag sequences of each sentence of a batch. A `TagHead` returns one.

    What is expensive is computed when it is first needed, and kept. Only `log_prob` is sure to be differentiable. Values where
    the mask is False mean nothing, unless stated otherwise.
    """

    @property
    def best(self) -> torch.Tensor:
        """(batch_size, num_words): the tags to output, 0 where the mask is False."""
        raise NotImplementedError

    @property
    def marginals(self) -> torch.Tensor:
        """(batch_size, num_words, num_tags): the probability of each tag at each word."""
        raise NotImplementedError

    def log_prob(self, tags: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        tags : `torch.Tensor`
            (batch_size, num_words)

        # Returns

        `torch.Tensor`
            (batch_size,), the log probability of each sentence's tags.
        """
        raise NotImplementedError

    def span_probabilities(self, spans: Sequence[Sequence[EntitySpan]]) -> List[List[float]]:
        """
        # Parameters

        spans : `Sequence[Sequence[EntitySpan]]`
            For each sentence entities as they are read from `best`.

        # Returns

        `List[List[float]]`
            The probability of each of them.
        """
        raise NotImplementedError
