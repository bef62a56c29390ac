"""Words of running text to sentences."""

from typing import List, Sequence

import spacy
from allennlp.data import Token
from spacy.tokens import Doc


class WordSentenceSplitter:
    """
    Groups words into sentences by spaCy's `sentencizer`, which ends a sentence after full stops, question marks and their
    like in every script, and keeps closing quotes and brackets with the sentence that they close.
    """

    def __init__(self) -> None:
        self._spacy = spacy.blank("xx")
        self._sentencizer = self._spacy.add_pipe("sentencizer")

    def split(self, words: Sequence[Token]) -> List[List[Token]]:
        """The sentences of one paragraph, none of them empty."""
        if not words:
            return []
        with self._spacy.memory_zone():
            doc = self._sentencizer(Doc(self._spacy.vocab, words=[word.text for word in words]))
            return [list(words[sentence.start : sentence.end]) for sentence in doc.sents]
