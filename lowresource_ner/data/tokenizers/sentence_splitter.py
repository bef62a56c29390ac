"""Groups the words of running text into sentences."""

import unicodedata
from itertools import takewhile
from typing import Iterable, Iterator, List

from allennlp.data import Token
from spacy.lang.lex_attrs import is_punct
from spacy.pipeline import Sentencizer

MAX_SENTENCE_WORDS = 10_000
"""A sentence that has not ended after this many words is cut, so that text without full stops may have any length."""

_ENDS = frozenset(Sentencizer.default_punct_chars)


class WordSentenceSplitter:
    """
    Groups words into sentences as spaCy's `sentencizer` does, which ends a sentence after full stops, question marks and the like
    in every script, and after the closing quotes and brackets that follow them. Unlike spaCy's, it counts opening quotes and
    brackets, and the Spanish ¿ and ¡, to the sentence that they open.

    At most one sentence is in memory, of at most `MAX_SENTENCE_WORDS` words, so that the words may be an endless stream.
    """

    def split(self, words: Iterable[Token]) -> List[List[Token]]:
        """The sentences of one paragraph; none is empty."""
        return list(self.stream(words))

    def stream(self, words: Iterable[Token]) -> Iterator[List[Token]]:
        """Yields the sentences of one paragraph, each as soon as the word after it is read; none is empty."""
        sentence: List[Token] = []
        ended = False
        for word in words:
            text = word.ensure_text()
            if ended and text not in _ENDS and not is_punct(text):
                openers = _num_openers_at_end(sentence)
                yield sentence[: len(sentence) - openers]
                sentence = sentence[len(sentence) - openers :]
                ended = False
            elif len(sentence) == MAX_SENTENCE_WORDS:
                yield sentence
                sentence, ended = [], False
            ended = ended or text in _ENDS
            sentence.append(word)
        if sentence:
            yield sentence


def _num_openers_at_end(sentence: List[Token]) -> int:
    return sum(1 for _ in takewhile(_opens, reversed(sentence)))


def _opens(word: Token) -> bool:
    return all(character in "¿¡" or unicodedata.category(character) in ("Ps", "Pi") for character in word.ensure_text())
