"""Splits words into sub-words; training, evaluation and prediction share this alignment."""

import contextlib
from typing import Dict, Iterator, List, NamedTuple, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from tokenizers import Encoding, Tokenizer
from transformers import PreTrainedTokenizerFast


class Subwords(NamedTuple):
    """
    The sub-words of one sentence.

    `ids` : the sub-words' ids, without special tokens and never shortened.
    `starts` : for each word the position in `ids` of its first sub-word, which stands for it.
    """

    ids: List[int]
    starts: List[int]


def pad_subwords(sentences: Sequence[Subwords], pad_id: int) -> Dict[str, torch.Tensor]:
    """
    A batch of sentences.

    # Returns

    `Dict[str, torch.Tensor]`
        "token_ids" and "subword_mask", (batch_size, num_subwords); "word_starts" and "mask", (batch_size, num_words). The masks
        are True for sub-words and for words.
    """
    ids, starts = [sentence.ids for sentence in sentences], [sentence.starts for sentence in sentences]
    num_subwords, num_words = torch.tensor(list(map(len, ids))), torch.tensor(list(map(len, starts)))
    return {
        "token_ids": _padded(ids, int(num_subwords.max()), pad_id),
        "subword_mask": torch.arange(int(num_subwords.max())) < num_subwords.unsqueeze(1),
        "word_starts": _padded(starts, int(num_words.max()), 0),
        "mask": torch.arange(int(num_words.max())) < num_words.unsqueeze(1),
    }


def _padded(rows: Sequence[List[int]], width: int, padding: int) -> torch.Tensor:
    return torch.tensor([row + [padding] * (width - len(row)) for row in rows])


class SubwordTokenizer:
    """
    Splits words into sub-words with a fast `transformers` tokenizer, many sentences in one call.

    Every word has at least one sub-word: a word that the tokenizer's normalisation removes (control characters, a lone variation
    selector) becomes the unknown token, so that it can have a tag. A word that looks like a special token (`[SEP]`) is text like
    any other.

    # Parameters

    tokenizer : `PreTrainedTokenizerFast`

    # Raises

    `ConfigurationError`
        If the tokenizer has neither an unknown nor a mask token to replace such words.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        stand_in = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else tokenizer.mask_token_id
        if stand_in is None:
            raise ConfigurationError(
                f"The tokenizer {tokenizer.name_or_path} has neither an unknown nor a mask token, so a word without sub-words "
                "could not be tagged. Add one to the tokenizer."
            )
        self._stand_in: int = stand_in

    def encode(self, sentence: Sequence[str]) -> Subwords:
        """The sub-words of one sentence, computed in the calling thread, so that this may be called after a fork."""
        with self._plain_text() as backend:
            encoding = backend.encode(list(sentence), is_pretokenized=True, add_special_tokens=False)
        return self._align(encoding, len(sentence))

    def encode_batch(self, sentences: Sequence[Sequence[str]]) -> List[Subwords]:
        """The sub-words of many sentences, in one call of the fast tokenizer (which spreads them over the cores)."""
        if not sentences:
            return []
        with self._plain_text() as backend:
            encodings = backend.encode_batch(
                [list(words) for words in sentences], is_pretokenized=True, add_special_tokens=False
            )
        return [self._align(encoding, len(words)) for encoding, words in zip(encodings, sentences)]

    @contextlib.contextmanager
    def _plain_text(self) -> Iterator[Tokenizer]:
        """The tokenizer, set up so that nothing is truncated or padded, and "[SEP]" in a text is not a separator."""
        backend = self._tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        try:
            yield backend
        finally:
            backend.encode_special_tokens = False

    def _align(self, encoding: Encoding, num_words: int) -> Subwords:
        words = encoding.word_ids
        starts = [position for position, word in enumerate(words) if position == 0 or word != words[position - 1]]
        if len(starts) == num_words:
            return Subwords(encoding.ids, starts)
        return self._align_with_stand_ins(encoding, num_words)

    def _align_with_stand_ins(self, encoding: Encoding, num_words: int) -> Subwords:
        ids: List[int] = []
        starts: List[int] = []
        for subword_id, word in zip(encoding.ids, encoding.word_ids):
            if word is None:
                continue
            if word >= len(starts):
                self._stand_in_until(word, ids, starts)
                starts.append(len(ids))
            ids.append(subword_id)
        self._stand_in_until(num_words, ids, starts)
        return Subwords(ids, starts)

    def _stand_in_until(self, word: int, ids: List[int], starts: List[int]) -> None:
        while len(starts) < word:
            starts.append(len(ids))
            ids.append(self._stand_in)
