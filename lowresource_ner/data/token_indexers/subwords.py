"""The token indexer for transformers: words as sub-words."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

import torch
from allennlp.data import Token, TokenIndexer, Vocabulary
from allennlp.data.token_indexers.token_indexer import IndexedTokenList

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.subword_tokenizer import Subwords, SubwordTokenizer, pad_subwords


class EncodedWords(List[Token]):
    """
    The words of a sentence together with their sub-words, which a reader has computed for many sentences at once.

    `subwords` : `Dict[str, Subwords]` by the encoder's `model_name`.
    """

    def __init__(self, words: Sequence[Token]) -> None:
        super().__init__(words)
        self.subwords: Dict[str, Subwords] = {}


@TokenIndexer.register("subwords")
class SubwordIndexer(TokenIndexer):
    """
    Indexes words as the sub-words of a transformer, with the position of each word's first one: the input of the embedder
    `subword_transformer` with the same `model_name`. The embedder adds special tokens and cuts long sentences into windows; the
    indexer never truncates anything.

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
        """A batch of what `as_padded_tensor_dict` returns for each sentence; see `pad_subwords`."""
        return pad_subwords(sentences, self._pad_id)

    def count_vocab_items(self, token: Token, counter: Dict[str, Dict[str, int]]) -> None:
        """Counts nothing: the vocabulary of sub-words is the encoder's own."""

    def tokens_to_indices(self, tokens: List[Token], vocabulary: Vocabulary) -> IndexedTokenList:
        """
        Indexes the words of a sentence.

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


def encode_words(sentences: Sequence[Sequence[str]], indexers: Mapping[str, TokenIndexer]) -> List[EncodedWords]:
    """The words of many sentences as tokens, with the sub-words of every `subwords` indexer computed in one call each."""
    encoded = [EncodedWords([Token(word) for word in words]) for words in sentences]
    for indexer in indexers.values():
        if isinstance(indexer, SubwordIndexer):
            for words, subwords in zip(encoded, indexer.encode_batch(sentences)):
                words.subwords[indexer.model_name] = subwords
    return encoded
