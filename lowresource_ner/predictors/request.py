"""The requests that predictors answer: a text with its words."""

from itertools import accumulate
from typing import List, NamedTuple, Optional, Sequence, Tuple

from allennlp.common.util import JsonDict
from allennlp.data import Token

from lowresource_ner.common.quoting import quoted
from lowresource_ner.common.text_rules import word_fault


class Request(NamedTuple):
    """
    A valid line of input.

    `text`; `words`; `offsets` : for each word the positions of its first character and of the one after its last; `others` : the
    other keys, which are copied to the output; `sentences` : for each the numbers of its first word and of the one after its
    last.
    """

    text: str
    words: List[str]
    offsets: List[Tuple[int, int]]
    others: JsonDict
    sentences: List[Tuple[int, int]]


def request_of_tokens(words: Sequence[str], others: JsonDict, text: Optional[str] = None) -> Request:
    """
    A request with given words. Without a text, the text is the words joined by spaces.

    # Raises

    `ValueError`
        If a word is not found in the text after the one before it.
    """
    if text is None:
        starts = accumulate((len(word) + 1 for word in words), initial=0)
        offsets = [(start, start + len(word)) for start, word in zip(starts, words)]
        text = " ".join(words)
    else:
        offsets = _offsets([Token(word) for word in words], text)
    return Request(text, list(words), offsets, others, [(0, len(words))])


def request_of_text(text: str, tokens: Sequence[Token], others: JsonDict, sentences: List[Tuple[int, int]]) -> Request:
    """
    A request with the words that a tokenizer has found in a text.

    # Raises

    `ValueError`
        If one of them is not a word (see `word_fault`), or is not found in the text.
    """
    words = [token.ensure_text() for token in tokens]
    check_words(words, "the tokenizer's words")
    return Request(text, words, _offsets(tokens, text), others, sentences)


def check_words(words: Sequence[str], what: str) -> None:
    """Raises a `ValueError` if one of these is not a word; see `word_fault`."""
    if not words or (all(words) and word_fault("".join(words)) is None):
        return
    number, word = next((number, word) for number, word in enumerate(words, start=1) if word_fault(word) is not None)
    raise ValueError(f"word {number} of {what}, {quoted(word)}, {word_fault(word)}")


def _offsets(words: Sequence[Token], text: str) -> List[Tuple[int, int]]:
    """The position of each word in the text; words of tokenizers without offsets are searched for from left to right."""
    offsets = []
    position = 0
    for number, word in enumerate(words, start=1):
        written = word.ensure_text()
        start = word.idx if word.idx is not None else text.find(written, position)
        if start < position or not text.startswith(written, start):
            raise ValueError(
                f"word {number}, {quoted(written)}, is not found in the text after the word before it; words must be written as "
                "in the text"
            )
        position = start + len(written)
        offsets.append((start, position))
    return offsets
