"""Words of running text to sentences."""

import unicodedata
from typing import List, Sequence

import spacy
from allennlp.data import Token
from spacy.tokens import Doc


class WordSentenceSplitter:
    """
    Groups words into sentences by spaCy's `sentencizer`, which ends a sentence after full stops, question marks and their
    like in every script, and after the closing quotes and brackets that follow them. It would take opening ones along, and the
    Spanish ¿ and ¡, which are given to the sentence that they open.
    """

    def __init__(self) -> None:
        self._spacy = spacy.blank("xx")
        self._sentencizer = self._spacy.add_pipe("sentencizer")

    def split(self, words: Sequence[Token]) -> List[List[Token]]:
        """The sentences of one paragraph, none of them empty."""
        if not words:
            return []
        with self._spacy.memory_zone():
            doc = self._sentencizer(Doc(self._spacy.vocab, words=[word.ensure_text() for word in words]))
            ends = [self._without_openers(words, sentence.start, sentence.end) for sentence in doc.sents]
        ends[-1] = len(words)
        return [list(words[start:end]) for start, end in zip([0, *ends], ends) if start < end]

    @staticmethod
    def _without_openers(words: Sequence[Token], start: int, end: int) -> int:
        while end > start and all(_opens(character) for character in words[end - 1].ensure_text()):
            end -= 1
        return end


def _opens(character: str) -> bool:
    return character in "¿¡" or unicodedata.category(character) in ("Ps", "Pi")
