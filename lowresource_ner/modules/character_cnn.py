"""Embeds words by convolution over their characters."""

import math
from typing import Dict

import torch
from allennlp.data import Vocabulary
from allennlp.modules import TokenEmbedder

from lowresource_ner.modules.token_axes import TokenAxes


@TokenEmbedder.register("character_cnn")
class CharacterCnn(TokenEmbedder):
    """
    Character embeddings, dropout, one convolution over each word's characters, and the maximum of each filter over the
    word's positions; no nonlinearity (Jia et al. 2019, P19-1236, section 3.1, with the sizes of the released code).

    The convolution sees zeros beyond the ends of a word, and the maximum is taken over the word's own positions only, so that
    the other words of the batch do not matter. (The released code includes padding.) The characters of all words are processed
    as one sequence without padding.

    Registered as a `TokenEmbedder` with name "character_cnn".

    # Parameters

    vocab : `Vocabulary`
    embedding_dim : `int`, optional (default = `30`)
        The size of the character embeddings, initialised from U(-√(3/embedding_dim), √(3/embedding_dim)).
    num_filters : `int`, optional (default = `50`)
    width : `int`, optional (default = `3`)
        The width of the filters in characters; must be odd.
    dropout : `float`, optional (default = `0.5`)
        On the character embeddings.
    namespace : `str`, optional (default = `"token_characters"`)

    # Raises

    `ValueError`
        If the width is even.
    """

    contextual = False
    """A word's vector depends only on the word."""

    def __init__(
        self,
        vocab: Vocabulary,
        embedding_dim: int = 30,
        num_filters: int = 50,
        width: int = 3,
        dropout: float = 0.5,
        namespace: str = "token_characters",
    ) -> None:
        super().__init__()
        if width % 2 == 0:
            raise ValueError(f"'width' of character_cnn is {width}; it is odd.")
        self.namespace = namespace
        self.embedding = torch.nn.Embedding(vocab.get_vocab_size(namespace), embedding_dim, padding_idx=0)
        bound = math.sqrt(3 / embedding_dim)
        torch.nn.init.uniform_(self.embedding.weight[1:].data, -bound, bound)
        self.embedding.weight.data[0] = 0
        self._dropout = torch.nn.Dropout(dropout)
        # Only holds the filters and their bias; see `_convolve`.
        self._convolution = torch.nn.Conv1d(embedding_dim, num_filters, width, padding=width // 2)

    def get_output_dim(self) -> int:
        return self._convolution.out_channels

    def token_axes(self) -> Dict[str, TokenAxes]:
        return {"embedding.weight": TokenAxes(self.namespace)}

    def forward(self, token_characters: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        token_characters : `torch.Tensor`
            (batch_size, num_words, num_characters), 0 for padding.

        # Returns

        (batch_size, num_words, num_filters), 0 for words without characters.
        """
        is_character = token_characters > 0
        lengths = is_character.sum(dim=-1)  # (batch_size, num_words)
        is_word = lengths > 0
        lengths = lengths[is_word]  # (num_real_words,)
        embedded = self._dropout(self.embedding(token_characters[is_character]))  # (all_characters, embedding_dim)
        words = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)  # (all_characters,)
        convolved = self._convolve(embedded, words)
        # (num_real_words, num_filters). Not torch.segment_reduce: if positions tie for the maximum (inner zeros of "0000"), it
        # passes the whole of a negative gradient to each of them (torch 2.14).
        greatest = convolved.new_full((len(lengths), convolved.size(1)), -math.inf)
        greatest = greatest.scatter_reduce(0, words.unsqueeze(1).expand_as(convolved), convolved, "amax")
        return greatest.new_zeros(*is_word.shape, self.get_output_dim()).masked_scatter(is_word.unsqueeze(-1), greatest)

    def _convolve(self, embedded: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """(all_characters, num_filters): the convolution at each character, within its word."""
        reach = self._convolution.kernel_size[0] // 2
        words_around = torch.nn.functional.pad(words, (reach, reach), value=-1)
        embedded_around = torch.nn.functional.pad(embedded, (0, 0, reach, reach))
        neighbourhoods = []
        for offset in range(2 * reach + 1):
            here = slice(offset, offset + len(words))
            neighbourhoods.append(embedded_around[here] * (words_around[here] == words).unsqueeze(1))
        filters = self._convolution.weight.permute(2, 1, 0).flatten(0, 1)  # (width * embedding_dim, num_filters)
        assert self._convolution.bias is not None
        return torch.addmm(self._convolution.bias, torch.cat(neighbourhoods, dim=1), filters)
