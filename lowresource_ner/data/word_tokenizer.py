"""Running text to words, in any language and without a model to download."""

from typing import List, Tuple

import regex
import spacy
from allennlp.common.checks import ConfigurationError
from allennlp.data import Token, Tokenizer

# Scripts that are written without spaces between words. A run of one of them is split where Unicode (UAX 29) sees a boundary,
# which for these scripts is about every character; where a segmenter for the language is installed, give its spaCy code.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_PIECES = regex.compile(rf"[{_UNSPACED}][\p{{M}}\u200d\u30fc]*|[\p{{P}}\p{{S}}]|[^{_UNSPACED}\p{{P}}\p{{S}}]+")
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")


@Tokenizer.register("spacy_rules")
class WordTokenizer(Tokenizer):
    """
    Splits text into words by the rules that spaCy ships for a language, which need no download, and runs of a script without
    spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) into characters.

    Words carry `idx` and `idx_end`, so that `text[idx:idx_end]` is the word.

    Registered as a `Tokenizer` with name "spacy_rules".

    # Parameters

    language : `str`, optional (default = `"xx"`)
        spaCy's code of the language ("en", "de", "sw", ...), for its abbreviations and contractions; "xx" for any.

    # Raises

    `ConfigurationError`
        Where spaCy has no rules for the language, or they need a package that is not installed (ja, ko, th, vi).
    """

    def __init__(self, language: str = "xx") -> None:
        self.language = language
        try:
            self._spacy = spacy.blank(language)
        except ImportError as error:
            raise ConfigurationError(
                f"spaCy cannot split language '{language}': {str(error).strip()} Install what it asks for, or take 'xx' for "
                "rules that suit most languages."
            ) from error

    def tokenize(self, text: str) -> List[Token]:
        return self.batch_tokenize([text])[0]

    def batch_tokenize(self, texts: List[str]) -> List[List[Token]]:
        # Outside a memory zone spaCy remembers every string that it has ever seen.
        with self._spacy.memory_zone():
            return [self._tokenize(text) for text in texts]

    def _tokenize(self, text: str) -> List[Token]:
        return [
            Token(text[start:end], idx=start, idx_end=end)
            for word in self._spacy.make_doc(text)
            if not word.is_space
            for start, end in _pieces(word.text, word.idx)
        ]


def _pieces(word: str, offset: int) -> List[Tuple[int, int]]:
    if not _IS_UNSPACED.search(word):
        return [(offset, offset + len(word))]
    return [(offset + match.start(), offset + match.end()) for match in _PIECES.finditer(word)]
