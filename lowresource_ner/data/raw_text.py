"""The dataset reader of text without labels."""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from allennlp.common.checks import ConfigurationError
from allennlp.common.util import lazy_groups_of
from allennlp.data import DatasetReader, Token, TokenIndexer, Tokenizer
from allennlp.data.tokenizers import WhitespaceTokenizer

from lowresource_ner.data.conll_lines import numbered_lines
from lowresource_ner.data.corpus_paths import CorpusPath, corpus_files
from lowresource_ner.data.sentence_reader import Sentence, SentenceReader
from lowresource_ner.data.sentence_splitter import WordSentenceSplitter
from lowresource_ner.data.word_tokenizer import WordTokenizer

_BLOCK = 256
"""Paragraphs that are tokenised in one call."""

_SENTENCE_ENDS = tuple(".!?…。！？।؟")

Paragraph = Tuple[str, int]
"""Text, and the number of its first line."""


@DatasetReader.register("raw_text")
class RawTextReader(SentenceReader):
    """
    Reads unlabelled sentences from plain text: one sentence a line, or running text, which is split into sentences; tokenised
    already, or not. A path may be a list or a glob; files may be packed (gz, bz2, xz) and of any size.

    Registered as a `DatasetReader` with name "raw_text".

    # Parameters

    layout : `str`, optional (default = `"lines"`)
        "lines": each line is a sentence. "running": paragraphs separated by blank lines, their line breaks of no meaning. A
        paragraph of over 10,000 characters may end at a line's end, as soon as that is the end of a sentence.
    tokenised : `bool`, optional (default = `False`)
        True where words are already separated by spaces.
    tokenizer : `Optional[Tokenizer]`, optional (default = `spacy_rules` for any language)
        For text that is not tokenised.
    encoding : `str`, optional (default = `"utf-8"`)
    token_indexers, label_namespace, sample, sample_share, sample_seed, lm_namespace, held_out_share, held_out
        See `SentenceReader`.

    # Raises

    `ConfigurationError`
        For an unknown layout, a tokenizer for tokenised text, or a file without any text or not in its encoding.
    """

    def __init__(
        self,
        token_indexers: Optional[Dict[str, TokenIndexer]] = None,
        layout: str = "lines",
        tokenised: bool = False,
        tokenizer: Optional[Tokenizer] = None,
        encoding: str = "utf-8",
        label_namespace: str = "labels",
        sample: Optional[int] = None,
        sample_share: Optional[float] = None,
        sample_seed: int = 13,
        lm_namespace: Optional[str] = None,
        held_out_share: Optional[float] = None,
        held_out: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            token_indexers,
            label_namespace,
            sample=sample,
            sample_share=sample_share,
            sample_seed=sample_seed,
            lm_namespace=lm_namespace,
            held_out_share=held_out_share,
            held_out=held_out,
            **kwargs,
        )
        if layout not in ("lines", "running"):
            raise ConfigurationError(
                f"'layout' of raw_text is '{layout}'; it is 'lines' (a sentence a line) or 'running'."
            )
        if tokenised and tokenizer is not None:
            raise ConfigurationError("raw_text has both 'tokenised: true' and a 'tokenizer'. Leave one of them out.")
        self._layout = layout
        self._tokenizer = WhitespaceTokenizer() if tokenised else tokenizer or WordTokenizer()
        self._encoding = encoding
        self._splitter = WordSentenceSplitter() if layout == "running" else None

    def _sentences(self, corpus: CorpusPath) -> Iterator[Sentence]:
        for path in corpus_files(corpus):
            empty = True
            for block in lazy_groups_of(self._paragraphs(path), _BLOCK):
                tokenised = self._tokenizer.batch_tokenize([text for text, _ in block])
                for (_, line), words in zip(block, tokenised):
                    for sentence in self._split(words):
                        empty = False
                        yield Sentence([token.ensure_text() for token in sentence], None, f"{path}:{line}")
            if empty:
                raise ConfigurationError(
                    f"{path}:1: there is no text in this file. Check that it is the one that was meant."
                )

    def _paragraphs(self, path: str) -> Iterator[Paragraph]:
        lines = numbered_lines(path, self._encoding)
        if self._layout == "lines":
            yield from ((line, number) for number, line in lines if line.strip())
            return
        paragraph: List[str] = []
        first, length = 1, 0
        for number, line in lines:
            if line.strip():
                first = first if paragraph else number
                paragraph.append(line.strip())
                length += len(line) + 1
            if paragraph and (not line.strip() or _is_long_enough(length, line)):
                yield " ".join(paragraph), first
                paragraph, length = [], 0
        if paragraph:
            yield " ".join(paragraph), first

    def _split(self, words: List[Token]) -> List[List[Token]]:
        if self._splitter is not None:
            return self._splitter.split(words)
        return [words] if words else []


def _is_long_enough(length: int, line: str) -> bool:
    """Whether a paragraph without a blank line for so many characters is cut after this line, so that memory stays flat."""
    return length > 10_000 and line.rstrip().endswith(_SENTENCE_ENDS) or length > 500_000
