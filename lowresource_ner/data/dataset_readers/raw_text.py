"""The dataset reader for text without labels."""

from collections import deque
from itertools import groupby
from typing import Any, Deque, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Token, Tokenizer

from lowresource_ner.common.text_rules import word_fault
from lowresource_ner.data.batching.bounded_blocks import bounded_blocks
from lowresource_ner.data.dataset_readers.corpus_paths import CorpusPath, corpus_files
from lowresource_ner.data.dataset_readers.sentence_reader import Sentence, SentenceReader
from lowresource_ner.data.text_lines import ConllError, numbered_lines, text_encoding
from lowresource_ner.data.tokenizers.sentence_splitter import WordSentenceSplitter
from lowresource_ner.data.tokenizers.separated_words import SeparatedWords
from lowresource_ner.data.tokenizers.tokenise_each import tokenise_each
from lowresource_ner.data.tokenizers.word_tokenizer import WordTokenizer

# Parts that are tokenised in one call; a block is complete at this many characters.
_BLOCK = 256
_BLOCK_CHARACTERS = 1 << 17

_PART_CHARACTERS = 10_000
_LONG_PART_CHARACTERS = 100_000
_SENTENCE_ENDS = tuple(".!?…。！？।؟")


class _Part(NamedTuple):
    """
    Text that is tokenised as a whole: a line, or some lines of a paragraph of running text.

    `paragraph` : a number that the parts of one paragraph share; `line` : the number of the first line, from 1; `text`.
    """

    paragraph: int
    line: int
    text: str


@DatasetReader.register("raw_text")
class RawTextReader(SentenceReader):
    """
    Reads unlabelled sentences from plain text: one sentence a line, or running text, which is split into sentences; with words
    that are separated already, or not. A path may be a list or a glob. Files may be compressed (gz, bz2, xz) and of any size,
    even if all their text is one paragraph. A line has at most `MAX_LINE_BYTES` bytes.

    Registered as a `DatasetReader` with name "raw_text".

    # Parameters

    layout : `str`, optional (default = `"lines"`)
        "lines": each line is a sentence. "running": paragraphs are separated by blank lines; other line breaks mean nothing. A
        sentence that has not ended after 10,000 words is cut there.
    tokenised : `bool`, optional (default = `False`)
        True where words are already separated by ASCII spaces and tabs. Nothing else separates them then: a no-break space is
        part of a word, as it is for `conll_ner`.
    tokenizer : `Optional[Tokenizer]`, optional (default = `spacy_rules` for any language)
        For text that is not tokenised. It is given one line at a time, or about 10,000 characters of running text, cut at the end
        of a line.
    encoding : `str`, optional (default = `"utf-8"`)
        Any of Python's encodings in which a line feed is the byte of ASCII.
    token_indexers, label_namespace, sample, sample_share, sample_seed, lm_namespace, held_out_share, held_out, max_instances
        See `SentenceReader`.

    # Raises

    `ConfigurationError`
        For an unknown layout or encoding, a tokenizer for tokenised text, a file that is empty or not in its encoding, a line of
        more than `MAX_LINE_BYTES`, and a line with a character that no word may contain (see `word_fault`).
    """

    def __init__(
        self,
        *,
        layout: str = "lines",
        tokenised: bool = False,
        tokenizer: Optional[Tokenizer] = None,
        encoding: str = "utf-8",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if layout not in ("lines", "running"):
            raise ConfigurationError(
                f"'layout' of raw_text is '{layout}'; it is 'lines' (a sentence a line) or 'running'."
            )
        if tokenised and tokenizer is not None:
            raise ConfigurationError("raw_text has both 'tokenised: true' and a 'tokenizer'. Leave one of them out.")
        self._layout = layout
        self._tokenised = tokenised
        self._tokenizer = SeparatedWords() if tokenised else tokenizer or WordTokenizer()
        self._encoding = text_encoding(encoding)
        self._splitter = WordSentenceSplitter() if layout == "running" else None

    def _sentences(self, corpus: CorpusPath) -> Iterator[Sentence]:
        for path in corpus_files(corpus):
            empty = True
            for line, words in self._numbered_sentences(path):
                empty = False
                yield Sentence([word.ensure_text() for word in words], None, f"{path}:{line}")
            if empty:
                raise ConfigurationError(f"{path}:1: there is no text in this file. Check the path.")

    def _numbered_sentences(self, path: str) -> Iterator[Tuple[int, List[Token]]]:
        """Yields each sentence with the number of the first line of the part in which it begins."""
        tokenised = self._tokenise(path, self._parts(path))
        if self._splitter is None:
            yield from ((part.line, words) for part, words in tokenised if words)
            return
        for _, parts in groupby(tokenised, key=lambda each: each[0].paragraph):
            lines: Deque[int] = deque()  # of the words that are in no sentence yet
            for sentence in self._splitter.stream(_words(parts, lines)):
                yield lines[0], sentence
                for _ in sentence:
                    lines.popleft()

    def _tokenise(self, path: str, parts: Iterable[_Part]) -> Iterator[Tuple[_Part, List[Token]]]:
        for block in bounded_blocks(parts, lambda part: len(part.text), _BLOCK, _BLOCK_CHARACTERS):
            for part, words in zip(block, tokenise_each(self._tokenizer, [part.text for part in block])):
                if isinstance(words, str):
                    raise ConllError(
                        path,
                        part.line,
                        f'the tokenizer cannot split the text that begins here ({words}); take another "tokenizer", or break the '
                        "text up",
                    )
                yield part, words

    def _parts(self, path: str) -> Iterator[_Part]:
        if self._layout == "lines":
            yield from (_Part(number, number, text) for number, text in self._lines(path) if text)
            return
        lines: List[str] = []
        paragraph, first, length = 0, 1, 0
        for number, text in self._lines(path):
            if text:
                first = first if lines else number
                lines.append(text)
                length += len(text) + 1
            if lines and (not text or _is_long_enough(length, text)):
                yield _Part(paragraph, first, " ".join(lines))
                lines, length = [], 0
            if not text:
                paragraph = number
        if lines:
            yield _Part(paragraph, first, " ".join(lines))

    def _lines(self, path: str) -> Iterator[Tuple[int, str]]:
        """Yields the lines and their numbers, without the white space around them, so that blank ones are empty."""
        for number, line in numbered_lines(path, self._encoding):
            # White space may separate words; any other character must be one that a word may contain.
            text = line.strip(" \t") if self._tokenised else line.strip()
            fault = text and word_fault(text.replace("\t", " ") if self._tokenised else " ".join(text.split()))
            if fault:
                raise ConllError(
                    path, number, f"the line {fault}, which no word may contain; take it out, or convert the file"
                )
            yield number, text


def _words(parts: Iterable[Tuple[_Part, List[Token]]], lines: Deque[int]) -> Iterator[Token]:
    """Yields the words of a paragraph, and appends to `lines` the line of each word."""
    for part, words in parts:
        lines.extend([part.line] * len(words))
        yield from words


def _is_long_enough(length: int, line: str) -> bool:
    """Whether a part ends with this line: parts are cut at the end of a sentence where possible, and keep memory flat."""
    return length > _PART_CHARACTERS and line.endswith(_SENTENCE_ENDS) or length > _LONG_PART_CHARACTERS
