"""What a predictor is asked: a text and its words."""

from itertools import accumulate
from typing import List, NamedTuple, Optional, Sequence, Tuple

from allennlp.common.util import JsonDict
from allennlp.data import Token

from lowresource_ner.common.text_rules import word_fault

_NUM_SHOWN = 80
"""Characters of a word that an error message shows."""


class Request(NamedTuple):
    """
    A line of input that can be used.

    `text`; `words`; `offsets`, of each word its first character and the one after its last; `others`, what is handed through; and
    `sentences`, of each its first word and the one after its last.
    """

    text: str
    words: List[str]
    offsets: List[Tuple[int, int]]
    others: JsonDict
    sentences: List[Tuple[int, int]]


def request_of_tokens(words: Sequence[str], others: JsonDict, text: Optional[str] = None) -> Request:
    """
    A request whose words are known; without its text they are joined by spaces.

    # Raises

    `ValueError`
        Where a word does not stand in the text after the one before it.
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
    A request whose words a tokenizer has found.

    # Raises

    `ValueError`
        Where it has found what cannot be a word, or does not stand in the text.
    """
    words = [token.ensure_text() for token in tokens]
    check_words(words, "the tokenizer's words")
    return Request(text, words, _offsets(tokens, text), others, sentences)


def check_words(words: Sequence[str], what: str) -> None:
    """Raises a `ValueError` where one of these cannot be a word; see `word_fault`."""
    if not words or (all(words) and word_fault("".join(words)) is None):
        return
    number, word = next((number, word) for number, word in enumerate(words, start=1) if word_fault(word) is not None)
    raise ValueError(f"word {number} of {what}, {word[:_NUM_SHOWN]!r}, {word_fault(word)}")


def _offsets(words: Sequence[Token], text: str) -> List[Tuple[int, int]]:
    """Where words stand in the text; those of tokenizers that do not say are looked for from left to right."""
    offsets = []
    position = 0
    for number, word in enumerate(words, start=1):
        written = word.ensure_text()
        start = word.idx if word.idx is not None else text.find(written, position)
        if start < position or not text.startswith(written, start):
            raise ValueError(
                f"word {number}, {written[:_NUM_SHOWN]!r}, does not stand in the text where it should; words must be as they are "
                "in the text"
            )
        position = start + len(written)
        offsets.append((start, position))
    return offsets
