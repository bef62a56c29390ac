"""The token indexer for a character CNN."""

from itertools import chain
from typing import Any, Dict, List

import numpy
import torch
from allennlp.data import Token, TokenIndexer, Vocabulary
from allennlp.data.token_indexers.token_indexer import IndexedTokenList

from lowresource_ner.data.token_indexers.normalised_words import normalise_digits


@TokenIndexer.register("word_characters")
class WordCharacterIndexer(TokenIndexer):
    """
    Indexes the characters of words, with 0 for every digit. Its ids are those of AllenNLP's `characters` with its default
    tokenizer, but they are padded as one array and not word by word, which takes most of the time for a batch of words and
    characters.

    Registered as a `TokenIndexer` with name "word_characters".

    # Parameters

    namespace : `str`, optional (default = `"token_characters"`)
    zero_digits : `bool`, optional (default = `True`)
        False to keep digits.
    """

    def __init__(self, namespace: str = "token_characters", zero_digits: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.namespace = namespace
        self._zero_digits = zero_digits

    def count_vocab_items(self, token: Token, counter: Dict[str, Dict[str, int]]) -> None:
        for character in self._written(token):
            counter[self.namespace][character] += 1

    def tokens_to_indices(self, tokens: List[Token], vocabulary: Vocabulary) -> IndexedTokenList:
        known = vocabulary.get_token_to_index_vocabulary(self.namespace)
        unknown = vocabulary.get_token_index(vocabulary._oov_token, self.namespace)
        return {
            "token_characters": [
                [known.get(character, unknown) for character in self._written(token)] for token in tokens
            ]
        }

    def get_empty_token_list(self) -> IndexedTokenList:
        return {"token_characters": []}

    def get_padding_lengths(self, indexed_tokens: IndexedTokenList) -> Dict[str, int]:
        words = indexed_tokens["token_characters"]
        return {
            "token_characters": max(len(words), self._token_min_padding_length),
            "num_token_characters": max(map(len, words), default=1),
        }

    def as_padded_tensor_dict(
        self, tokens: IndexedTokenList, padding_lengths: Dict[str, int]
    ) -> Dict[str, torch.Tensor]:
        """`token_characters` : (num_words, num_characters), 0 for padding."""
        words = tokens["token_characters"]
        padded = numpy.zeros(
            (padding_lengths["token_characters"], padding_lengths["num_token_characters"]), numpy.int64
        )
        lengths = numpy.fromiter(map(len, words), numpy.int64, len(words))
        filled = numpy.arange(padded.shape[1]) < lengths[:, None]  # (len(words), num_characters)
        padded[: len(words)][filled] = numpy.fromiter(chain.from_iterable(words), numpy.int64, int(lengths.sum()))
        return {"token_characters": torch.from_numpy(padded)}

    def _written(self, token: Token) -> str:
        return normalise_digits(token.ensure_text()) if self._zero_digits else token.ensure_text()
