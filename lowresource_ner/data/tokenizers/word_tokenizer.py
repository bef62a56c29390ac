"""Splits running text into words, in any language, without downloading a model."""

import re
from typing import Iterator, List, Tuple

import regex
import spacy
from allennlp.common.checks import ConfigurationError
from allennlp.data import Token, Tokenizer

# Scripts that are written without spaces between words. They are split at the boundaries of Unicode (UAX 29), which for these
# scripts are about between all characters.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_PIECES = regex.compile(rf"[{_UNSPACED}][\p{{M}}\u200d\u30fc]*|[\p{{P}}\p{{S}}]|[^{_UNSPACED}\p{{P}}\p{{S}}]+")
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")

# spaCy strips affixes one by one and searches all of the rest each time, so that its time grows with the square of the length of
# a run without spaces; and it keeps a text as a whole in memory. It is therefore given a text in stretches.
MAX_RUN = 256
"""The longest run of characters without white space that spaCy is given unchanged, so that it finds its usual words."""

MAX_PIECE = 64
"""The most characters of a piece of a longer run."""

MAX_STRETCH = 1 << 16
"""The most characters that spaCy is given at a time."""

_LONG_RUN = re.compile(rf"(?<!\S)\S{{{MAX_RUN + 1},}}")
_STRETCH = re.compile(rf".{{1,{MAX_STRETCH}}}(?!\S)", re.DOTALL)
# Where a piece of a long run ends, in the order of preference: between two characters of a script without spaces, where a word
# ends in any case; beside punctuation or a symbol; anywhere but before a combining mark. The place is in the piece's second half.
_MARK = r"[\p{M}\u200c\u200d]"
_SEAMS = (
    rf"(?<=[{_UNSPACED}])(?!{_MARK})(?=[{_UNSPACED}])",
    rf"(?:(?<=[\p{{P}}\p{{S}}])|(?=[\p{{P}}\p{{S}}]))(?!{_MARK})",
    rf"(?!{_MARK})",
)
_RUN_PIECE = regex.compile(
    "|".join(
        [
            rf".{{1,{MAX_PIECE}}}\Z",
            *(rf".{{{MAX_PIECE // 2},{MAX_PIECE}}}{seam}" for seam in _SEAMS),
            rf".{{1,{MAX_PIECE}}}",
        ]
    ),
    regex.DOTALL,
)


@Tokenizer.register("spacy_rules")
class WordTokenizer(Tokenizer):
    """
    Splits text into words by the rules that spaCy ships for a language, which need no download, and scripts without spaces
    (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) into characters.

    All white space of Unicode separates words, including the no-break space, and is part of no word. (In text that is tokenised
    already, only ASCII spaces and tabs separate words; see `split_words`.) Every other character is part of a word. The words
    have `idx` and `idx_end`, so that `text[idx:idx_end]` is the word.

    The time is linear in the length of the text. A run of over 256 characters without white space (a line of underscores, data in
    Base64, a page of Chinese) is divided into pieces of at most 64 before spaCy reads it, at punctuation where possible, so that
    no word is longer than 256 characters.

    Registered as a `Tokenizer` with name "spacy_rules".

    # Parameters

    language : `str`, optional (default = `"xx"`)
        spaCy's code of the language ("en", "de", "sw", ...), for its abbreviations and contractions; "xx" for any language.

    # Raises

    `ConfigurationError`
        If spaCy has no rules for the language, or they need a package that is not installed (ja, ko, th, vi).
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
        # Outside a memory zone spaCy keeps every string that it has ever read.
        with self._spacy.memory_zone():
            return [self._tokenize(text) for text in texts]

    def _tokenize(self, text: str) -> List[Token]:
        if len(text) <= MAX_RUN:
            return self._tokens(text, 0)
        return [token for start, end in _stretches(text) for token in self._tokens(text[start:end], start)]

    def _tokens(self, text: str, offset: int) -> List[Token]:
        """The words of a stretch that begins at `offset`."""
        words = ((word.text, offset + word.idx) for word in self._spacy.tokenizer(text) if not word.is_space)
        if _IS_UNSPACED.search(text):
            words = (piece for word, start in words for piece in _pieces(word, start))
        return [Token(word, idx=start, idx_end=start + len(word)) for word, start in words]


def _stretches(text: str) -> Iterator[Tuple[int, int]]:
    """
    The stretches of a text that spaCy is given, each from its first character to the one after its last: text up to white space,
    and pieces of long runs.
    """
    position = 0
    for run in _LONG_RUN.finditer(text):
        yield from (stretch.span() for stretch in _STRETCH.finditer(text, position, run.start()))
        yield from (piece.span() for piece in _RUN_PIECE.finditer(text, run.start(), run.end()))
        position = run.end()
    yield from (stretch.span() for stretch in _STRETCH.finditer(text, position))


def _pieces(word: str, offset: int) -> List[Tuple[str, int]]:
    if not _IS_UNSPACED.search(word):
        return [(word, offset)]
    return [(match.group(), offset + match.start()) for match in _PIECES.finditer(word)]
