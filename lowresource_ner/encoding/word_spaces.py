"""
Tokenizers that have to be given words with the space before them.

Byte-level BPE and SentencePiece count the space before a word as part of it: " Wien" is one sub-word, "Wien" without the space
another, which stands for the inside of a longer word. Words that are given one by one have no spaces, and most tokenizers put
them there. Those that do not give an encoder something else than it was pretrained on, and say nothing.
"""

import contextlib
from typing import Iterator, List

from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedTokenizerFast

# Words, and words that a tokenizer cuts before it looks for sub-words: a space must not come within.
_WORDS = ["a", "b's", "c-1", "d."]


def reads_words_as_text(tokenizer: PreTrainedTokenizerFast) -> bool:
    """True where a word after another has the sub-words that it has in running text. The tokenizer is left as it was."""
    backend = tokenizer.backend_tokenizer
    with _uncut(backend):
        words = backend.encode(_WORDS, is_pretokenized=True, add_special_tokens=False)
        text = backend.encode(" ".join(_WORDS), add_special_tokens=False)
    after_the_first = [token for token, word in zip(words.ids, words.word_ids) if word is not None and word > 0]
    behind_the_first = [
        token
        for token, (_, end), is_there in zip(text.ids, text.offsets, text.attention_mask)
        if is_there and end > len(_WORDS[0])
    ]
    return after_the_first == behind_the_first


def put_spaces_before_words(tokenizer: PreTrainedTokenizerFast) -> bool:
    """
    Has the tokenizer put a space before every word that it is given, whatever its parts are. False where that does not make
    words what they are in running text: such a tokenizer is of no use any more.
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
    """Without the truncation and the padding that the tokenizer was saved with."""
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
