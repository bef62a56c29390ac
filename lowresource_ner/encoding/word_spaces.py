"""
Recognises tokenizers that need the space before each word, and adds it.

For byte-level BPE and SentencePiece the space before a word is part of it: " Wien" is one sub-word, and "Wien" without the space
another, which occurs inside longer words. Words that are given one by one have no spaces, and most tokenizers add them. Those
that do not silently give the encoder input that it was not pretrained on.
"""

import contextlib
from typing import Iterator, List

from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedTokenizerFast

# Includes words that a tokenizer divides before it looks for sub-words: no space may be added inside them.
_WORDS = ["a", "b's", "c-1", "d."]


def reads_words_as_text(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether words after the first one have the same sub-words as in running text. The tokenizer is not changed."""
    backend = tokenizer.backend_tokenizer
    with _uncut(backend):
        words = backend.encode(_WORDS, is_pretokenized=True, add_special_tokens=False)
        text = backend.encode(" ".join(_WORDS), add_special_tokens=False)
    of_words = [token for token, word in zip(words.ids, words.word_ids) if word is not None and word > 0]
    of_text = [
        token
        for token, (_, end), is_real in zip(text.ids, text.offsets, text.attention_mask)
        if is_real and end > len(_WORDS[0])
    ]
    return of_words == of_text


def put_spaces_before_words(tokenizer: PreTrainedTokenizerFast) -> bool:
    """
    Changes the tokenizer so that it adds a space before every word. Returns False if words still differ from running text; the
    tokenizer is then unusable.
    """
    backend = tokenizer.backend_tokenizer
    own = [] if backend.normalizer is None else [backend.normalizer]
    space = normalizers.Prepend(" ")
    orders: List[List[normalizers.Normalizer]] = [[*own, space], [space, *own]]
    for order in orders:
        backend.normalizer = normalizers.Sequence(order)
        if reads_words_as_text(tokenizer):
            return True
    return False


@contextlib.contextmanager
def _uncut(backend: Tokenizer) -> Iterator[None]:
    """Turns off the tokenizer's own truncation and padding."""
    truncation, padding = backend.truncation, backend.padding
    backend.no_truncation()
    backend.no_padding()
    try:
        yield
    finally:
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)
