"""Tokenises many texts with a tokenizer that may fail on some of them."""

from typing import List, Sequence, Union

from allennlp.data import Token, Tokenizer


def tokenise_each(tokenizer: Tokenizer, texts: Sequence[str]) -> List[Union[List[Token], str]]:
    """The words of each text, or the error message for a text on which the tokenizer fails."""
    try:
        return list(tokenizer.batch_tokenize(list(texts)))
    except Exception:
        return [_words_or_message(tokenizer, text) for text in texts]


def _words_or_message(tokenizer: Tokenizer, text: str) -> Union[List[Token], str]:
    try:
        return tokenizer.tokenize(text)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
