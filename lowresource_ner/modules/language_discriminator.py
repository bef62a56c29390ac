"""Classifies word vectors by their language."""

import torch


class LanguageDiscriminator(torch.nn.Module):
    """
    p(source | h_i) = sigmoid(W_2 ReLU(W_1 h_i + b_1) + b_2), for each word separately (AdvPicker: Chen et al. 2021,
    arXiv:2106.02300).

    # Parameters

    input_dim : `int`
        The size of the word vectors.
    hidden_dim : `int`, optional (default = `500`)
        The default is that of the released code.
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
            (batch_size, num_words), the logits of p(source).
        """
        return self.output(torch.relu(self.hidden(vectors))).squeeze(-1)

    def loss(self, logits: torch.Tensor, mask: torch.Tensor, is_source: bool) -> torch.Tensor:
        """
        Returns the binary cross-entropy, a scalar, averaged over the words of the batch.

        # Parameters

        logits : `torch.Tensor`
            (batch_size, num_words)
        mask : `torch.BoolTensor`
            (batch_size, num_words) True for words.
        is_source : `bool`
            The label of all words: whether they are in the source language.
        """
        word_logits = logits[mask]  # (total_words,)
        return torch.nn.functional.binary_cross_entropy_with_logits(
            word_logits, torch.full_like(word_logits, is_source)
        )
