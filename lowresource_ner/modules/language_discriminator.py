"""Classifies word vectors by their language."""

import torch


class LanguageDiscriminator(torch.nn.Module):
    """
    p(source | h_i) = sigmoid(W_2 ReLU(W_1 h_i + b_1) + b_2), for each word on its own (AdvPicker: Chen et al. 2021,
    arXiv:2106.02300).

    # Parameters

    input_dim : `int`
        Of the words' vectors.
    hidden_dim : `int`, optional (default = `500`)
        As released.
    """

    def __init__(self, input_dim: int, hidden_dim: int = 500) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(input_dim, hidden_dim)
        self.output = torch.nn.Linear(hidden_dim, 1)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        vectors : `torch.Tensor`
            (batch_size, num_words, input_dim)

        # Returns

        `torch.Tensor`
            (batch_size, num_words) logits of the source language.
        """
        return self.output(torch.relu(self.hidden(vectors))).squeeze(-1)

    def loss(self, logits: torch.Tensor, mask: torch.Tensor, is_source: bool) -> torch.Tensor:
        """
        The binary cross-entropy, a scalar, averaged over the words of the batch.

        # Parameters

        logits : `torch.Tensor`
            (batch_size, num_words)
        mask : `torch.BoolTensor`
            (batch_size, num_words) True for words.
        is_source : `bool`
            Whether all words are taken to be of the source language.
        """
        of_words = logits[mask]  # (total_words,)
        return torch.nn.functional.binary_cross_entropy_with_logits(of_words, torch.full_like(of_words, is_source))
