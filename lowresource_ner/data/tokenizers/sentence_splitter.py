"""Words of running text to sentences."""

import unicodedata
from itertools import takewhile
from typing import Iterable, Iterator, List

from allennlp.data import Token
from spacy.lang.lex_attrs import is_punct
from spacy.pipeline import Sentencizer

MAX_SENTENCE_WORDS = 10_000
"""A sentence of so many words that has not come to an end is cut, so that text without full stops may be of any length."""

_ENDS = frozenset(Sentencizer.default_punct_chars)


class WordSentenceSplitter:
    """
    Groups words into sentences as spaCy's `sentencizer` does, which ends a sentence after full stops, question marks and their
    like in every script, and after the closing quotes and brackets that follow them. It would take opening ones along, and the
    Spanish ¿ and ¡, which are given to the sentence that they open.

    Words may be a stream without an end: no more than a sentence is held, which has at most `MAX_SENTENCE_WORDS` words.
    """

    def split(self, words: Iterable[Token]) -> List[List[Token]]:
        """The sentences of one paragraph, none of them empty."""
        return list(self.stream(words))

    def stream(self, words: Iterable[Token]) -> Iterator[List[Token]]:
        """The sentences of one paragraph, none of them empty, each as soon as the word after it is known."""
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
