"""Splits tokenised text at spaces."""

from typing import List

from allennlp.data import Token, Tokenizer

from lowresource_ner.common.text_rules import split_words


class SeparatedWords(Tokenizer):
    """Splits text at ASCII spaces and tabs; see `split_words`."""

    def tokenize(self, text: str) -> List[Token]:
        return [Token(word) for word in split_words(text)]
