"""Embeds the predictions of another tagger."""

import math
from typing import Mapping, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.modules import TokenEmbedder

from lowresource_ner.tagging import OUTSIDE, split_tag


class TagEmbedding(TokenEmbedder):
    """
    Returns the expected embedding of a word's tag, Σ_t p(t) e(t), with trained embeddings e.

    # Parameters

    tags : `Sequence[str]`
    embedding_dim : `int`
        The embeddings are initialised from U(-√(3/d), √(3/d)), like those of unknown words.
    """

    has_label_embeddings: torch.Tensor
    """Whether the embeddings were initialised as label embeddings. A buffer, so that checkpoints contain it."""

    def __init__(self, tags: Sequence[str], embedding_dim: int) -> None:
        super().__init__()
        self._labels = [split_tag(tag)[1] or OUTSIDE for tag in tags]
        bound = math.sqrt(3 / embedding_dim)
        self.weight = torch.nn.Parameter(torch.empty(len(tags), embedding_dim).uniform_(-bound, bound))
        self.register_buffer("has_label_embeddings", torch.tensor(False))

    def get_output_dim(self) -> int:
        return self.weight.size(1)

    def forward(self, probabilities: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        probabilities : `torch.Tensor`
            (batch_size, num_words, num_tags)

        # Returns

        (batch_size, num_words, embedding_dim)
        """
        return probabilities.to(self.weight.dtype) @ self.weight

    def set_label_embeddings(self, embeddings: Mapping[str, torch.Tensor]) -> None:
        """
        Initialises each tag with the embedding of its label (its entity type, or "O"), truncated or padded with 0 to
        `embedding_dim`.

        # Raises

        `ConfigurationError`
            If a label has no embedding.
        """
        missing = sorted(set(self._labels) - set(embeddings))
        if missing:
            raise ConfigurationError(
                f"The source tagger has labels that the source's data lacks: {', '.join(missing)}. Set 'source_data_path' of the "
                "callback label_embeddings to the data that the source tagger was trained on."
            )
        with torch.no_grad():
            self.weight.zero_()
            for row, label in zip(self.weight, self._labels):
                vector = embeddings[label][: len(row)]
                row[: len(vector)] = vector
        self.has_label_embeddings.fill_(True)
