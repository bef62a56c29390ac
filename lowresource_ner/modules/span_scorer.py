"""Scores spans of words as entities."""

import math

import torch


class SpanScorer(torch.nn.Module):
    """
    Scores each span of words as an entity of each type, by a biaffine product of its first and its last word (Yu, Bohnet and
    Poesio 2020, https://aclanthology.org/2020.acl-main.577, section 3).

    # Parameters

    input_dim : `int`
    num_types : `int`
    max_width : `int`
        The greatest number of words in a span.
    hidden_dim : `int`
        The size of the projections of the first and the last word.
    dropout : `float`
        On these projections.
    """

    def __init__(self, input_dim: int, num_types: int, max_width: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        self._max_width = max_width
        self.first, self.last = (
            torch.nn.Sequential(torch.nn.Linear(input_dim, hidden_dim), torch.nn.ReLU(), torch.nn.Dropout(dropout))
            for _ in range(2)
        )
        # (num_types, hidden_dim + 1, hidden_dim + 1); last row and column belong to the linear part, their corner is the bias.
        self.weight = torch.nn.Parameter(torch.zeros(num_types, hidden_dim + 1, hidden_dim + 1))
        self.weight.data[:, -1, -1] = math.log(0.01)  # few spans are entities

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        vectors : `torch.Tensor`
            (batch_size, num_words, input_dim)

        # Returns

        `torch.Tensor`
            (batch_size, num_words, max_width, num_types): the scores of spans by first word, width - 1 and type. Undefined for
            spans that extend beyond the last word.
        """
        first, last = (torch.nn.functional.pad(part(vectors), (0, 1), value=1.0) for part in (self.first, self.last))
        beyond = torch.nn.functional.pad(last, (0, 0, 0, self._max_width - 1))
        lasts = beyond.unfold(1, self._max_width, 1)  # (batch_size, num_words, hidden_dim + 1, max_width)
        return (torch.einsum("bwi,tij->bwtj", first, self.weight) @ lasts).transpose(2, 3)
