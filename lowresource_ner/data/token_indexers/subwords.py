"""The token indexer that gives a transformer its sub-words."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

import torch
from allennlp.data import Token, TokenIndexer, Vocabulary
from allennlp.data.token_indexers.token_indexer import IndexedTokenList

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.subword_tokenizer import Subwords, SubwordTokenizer


class EncodedWords(List[Token]):
    """
    The words of a sentence whose sub-words a reader has already computed, together with those of many other sentences.

    `subwords` : `Dict[str, Subwords]`, by the encoder's `model_name`.
    """

    def __init__(self, words: Sequence[Token]) -> None:
        super().__init__(words)
        self.subwords: Dict[str, Subwords] = {}


@TokenIndexer.register("subwords")
class SubwordIndexer(TokenIndexer):
    """
    Indexes words as the sub-words of a transformer, with the position of each word's first one.

    It gives the `subword_transformer` embedder of the same `model_name` what it needs. Special tokens are added, and
    sentences over the encoder's limit are cut into windows, by the embedder: the indexer never shortens anything.

    Registered as a `TokenIndexer` with name "subwords".

    # Parameters

    model_name : `str`
        Hub name, local folder, or archive of this package; see `EncoderFiles`.
    serialization_dir : `Optional[str]`
        Given by AllenNLP: the run or the archive in which the tokenizer is kept.
    """

    def __init__(self, model_name: str, serialization_dir: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name
        tokenizer = EncoderFiles(model_name, serialization_dir).tokenizer()
        self._pad_id: int = tokenizer.pad_token_id or 0
        self._subword_tokenizer = SubwordTokenizer(tokenizer)

    def encode_batch(self, sentences: Sequence[Sequence[str]]) -> List[Subwords]:
        """The sub-words of many sentences, computed in one call."""
        return self._subword_tokenizer.encode_batch(sentences)

    def pad_batch(self, sentences: Sequence[Subwords]) -> Dict[str, torch.Tensor]:
        """
        What `as_padded_tensor_dict` gives of each sentence, as one tensor for all: (batch_size, num_subwords) or (batch_size,
        num_words).
        """
        num_subwords = torch.tensor([len(sentence.ids) for sentence in sentences])
        num_words = torch.tensor([len(sentence.starts) for sentence in sentences])
        return {
            "token_ids": _padded([sentence.ids for sentence in sentences], int(num_subwords.max()), self._pad_id),
            "subword_mask": torch.arange(int(num_subwords.max())) < num_subwords.unsqueeze(1),
            "word_starts": _padded([sentence.starts for sentence in sentences], int(num_words.max()), 0),
            "mask": torch.arange(int(num_words.max())) < num_words.unsqueeze(1),
        }

    def count_vocab_items(self, token: Token, counter: Dict[str, Dict[str, int]]) -> None:
        """Nothing is counted: the vocabulary of sub-words is the encoder's own."""

    def tokens_to_indices(self, tokens: List[Token], vocabulary: Vocabulary) -> IndexedTokenList:
        """
        # Returns

        token_ids : the sub-words' ids; subword_mask : True for each of them; word_starts : for each word the position of its
        first sub-word; mask : True for each word.
        """
        subwords = tokens.subwords.get(self.model_name) if isinstance(tokens, EncodedWords) else None
        if subwords is None:
            subwords = self._subword_tokenizer.encode([token.ensure_text() for token in tokens])
        return {
            "token_ids": subwords.ids,
            "subword_mask": [True] * len(subwords.ids),
            "word_starts": subwords.starts,
            "mask": [True] * len(subwords.starts),
        }

    def get_empty_token_list(self) -> IndexedTokenList:
        return {"token_ids": [], "subword_mask": [], "word_starts": [], "mask": []}

    def as_padded_tensor_dict(
        self, tokens: IndexedTokenList, padding_lengths: Dict[str, int]
    ) -> Dict[str, torch.Tensor]:
        padding = {"token_ids": self._pad_id, "subword_mask": False, "word_starts": 0, "mask": False}
        return {
            key: torch.tensor(values + [padding[key]] * (padding_lengths[key] - len(values)), dtype=_DTYPES[key])
            for key, values in tokens.items()
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SubwordIndexer) and self.model_name == other.model_name


_DTYPES = {"token_ids": torch.long, "subword_mask": torch.bool, "word_starts": torch.long, "mask": torch.bool}


def _padded(rows: Sequence[List[int]], width: int, padding: int) -> torch.Tensor:
    return torch.tensor([row + [padding] * (width - len(row)) for row in rows])


def encode_words(sentences: Sequence[Sequence[str]], indexers: Mapping[str, TokenIndexer]) -> List[EncodedWords]:
    """The words of many sentences as tokens, with the sub-words of every `subwords` indexer computed in one call each."""
    encoded = [EncodedWords([Token(word) for word in words]) for words in sentences]
    for indexer in indexers.values():
        if isinstance(indexer, SubwordIndexer):
            for words, subwords in zip(encoded, indexer.encode_batch(sentences)):
                words.subwords[indexer.model_name] = subwords
    return encoded
