"""Reads parallel text in tab-separated files, one sentence pair per line."""

import itertools
from collections import Counter
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, cast

from allennlp.common.checks import ConfigurationError
from allennlp.data import Token, Tokenizer

from lowresource_ner.common.text_rules import BLANKS, word_fault
from lowresource_ner.data.batching.bounded_blocks import bounded_blocks
from lowresource_ner.data.dataset_readers.corpus_paths import CorpusPath, corpus_files
from lowresource_ner.data.text_lines import ConllError, numbered_lines, text_encoding
from lowresource_ner.data.tokenizers.separated_words import SeparatedWords
from lowresource_ner.data.tokenizers.tokenise_each import tokenise_each
from lowresource_ner.data.tokenizers.word_tokenizer import WordTokenizer
from lowresource_ner.projection.labelled_source import LabelledSource

# The maximum number of lines in a block, and the number of characters at which a block is complete.
_BLOCK = 512
_BLOCK_CHARACTERS = 1 << 17

EMPTY, MALFORMED, TOO_LONG = "empty", "malformed", "too_long"
"""Reasons for skipping a line."""


class SentencePair(NamedTuple):
    """
    A source sentence and its translation.

    # Parameters

    number : `int`
        The line number from 0, counted over all files of the text.
    place : `str`
        The file and the line number from 1, "path:line".
    source, target : `List[str]`
        The words of each side, at least one.
    source_tags : `Optional[List[str]]`
        The tags of the source words, if the text is read with a `LabelledSource`.
    """

    number: int
    place: str
    source: List[str]
    target: List[str]
    source_tags: Optional[List[str]] = None


class PairBlock(NamedTuple):
    """
    A block of consecutive lines.

    # Parameters

    pairs : `List[SentencePair]`
    end : `int`
        The number of the line after the block.
    left_out : `Dict[str, int]`
        The number of skipped lines by reason.
    """

    pairs: List[SentencePair]
    end: int
    left_out: Dict[str, int]


class _Line(NamedTuple):
    number: int
    path: str
    line: int
    sides: Tuple[str, str]
    fault: Optional[str]


class ParallelText:
    """
    Parallel text in tab-separated files, which may be compressed (gz, bz2, xz). The files are streamed in blocks, so that memory
    use does not depend on their size.

    Lines with an empty side, and pairs with more than `max_words` words on one side, are skipped and counted. A line with the
    wrong number of columns, or with a character that words must not contain (see `word_fault`), raises an error; with
    `skip_malformed`, it is skipped and counted.

    # Parameters

    corpus : `CorpusPath`
        A path, a glob, or a list of these.
    columns : `Optional[Sequence[int]]`, optional (default = `None`)
        The column indices of source and target, from 0. By default, files must have exactly two columns, source and target.
    tokenised : `bool`, optional (default = `False`)
        Whether both sides are already tokenised, with words separated by spaces.
    source_tokenizer, target_tokenizer : `Optional[Tokenizer]`, optional (default = `spacy_rules` for any language)
        The tokenizers for text that is not tokenised.
    source_labels : `Optional[LabelledSource]`
        Tagged source sentences, one for each line with a non-empty source side. Their tokenisation replaces that of the text.
    encoding : `str`, optional (default = `"utf-8"`)
    max_words : `int`, optional (default = `256`)
        The maximum number of words on each side.
    skip_malformed : `bool`, optional (default = `False`)
        Whether to skip malformed lines instead of raising an error.

    # Raises

    `ConfigurationError`
        If options are invalid or contradict each other, or a file does not exist.
    """

    def __init__(
        self,
        corpus: CorpusPath,
        columns: Optional[Sequence[int]] = None,
        tokenised: bool = False,
        source_tokenizer: Optional[Tokenizer] = None,
        target_tokenizer: Optional[Tokenizer] = None,
        source_labels: Optional[LabelledSource] = None,
        encoding: str = "utf-8",
        max_words: int = 256,
        skip_malformed: bool = False,
    ) -> None:
        if tokenised and (source_tokenizer or target_tokenizer):
            raise ConfigurationError("'tokenised' and a tokenizer cannot be combined. Remove one of them.")
        if columns is not None and (len(columns) != 2 or columns[0] == columns[1] or min(columns) < 0):
            raise ConfigurationError(
                f"'columns' is {list(columns)}; it must be two different column indices from 0, source and target."
            )
        if max_words < 1:
            raise ConfigurationError(f"'max_words' is {max_words}; it must be at least 1.")
        if source_labels is not None and skip_malformed:
            raise ConfigurationError(
                "Malformed lines cannot be skipped in a text with source labels, because labels are matched to lines by order."
            )
        self.files = corpus_files(corpus)
        self._columns = columns
        self._blanks = BLANKS if tokenised else None
        words = SeparatedWords()
        self._source_tokenizer = words if tokenised else source_tokenizer or WordTokenizer()
        self._target_tokenizer = words if tokenised else target_tokenizer or WordTokenizer()
        self._labels = source_labels
        self._encoding = text_encoding(encoding)
        self._max_words = max_words
        self._skip_malformed = skip_malformed

    def check(self) -> int:
        """
        Validates all lines and the labelled source without tokenising them, and returns the number of lines.

        # Raises

        `ConfigurationError`
            If a line is malformed or does not match its labelled sentence (the message gives file and line), or if no line has
            text on both sides.
        """
        num_lines, is_empty = 0, True
        for line, _ in self._labelled_lines():
            num_lines += 1
            is_empty = is_empty and line.fault is not None
        if is_empty:
            raise ConfigurationError(
                f"{self.files[0]}: this text has no sentence pairs. Check the path and the columns."
            )
        return num_lines

    def blocks(self, start: int = 0) -> Iterator[PairBlock]:
        """Yields blocks of sentence pairs, starting at line number `start` (see `SentencePair.number`)."""
        remaining = itertools.dropwhile(lambda each: each[0].number < start, self._labelled_lines())
        for block in bounded_blocks(remaining, _num_characters, _BLOCK, _BLOCK_CHARACTERS):
            left_out = Counter(line.fault for line, _ in block if line.fault is not None)
            pairs = []
            for pair in self._tokenise([each for each in block if each[0].fault is None]):
                if isinstance(pair, str):
                    left_out[pair] += 1
                else:
                    pairs.append(pair)
            yield PairBlock(pairs, block[-1][0].number + 1, dict(left_out))

    def _tokenise(self, lines: List[Tuple[_Line, Any]]) -> Iterator[Any]:
        """Yields a `SentencePair` for each line, or the reason for skipping it."""
        sources = tokenise_each(self._source_tokenizer, ["" if labelled else line.sides[0] for line, labelled in lines])
        targets = tokenise_each(self._target_tokenizer, [line.sides[1] for line, _ in lines])
        for (line, labelled), *sides in zip(lines, sources, targets):
            message = next((side for side in sides if isinstance(side, str)), None)
            if message is not None:
                self._refuse(line.path, line.line, f"the tokenizer cannot split it ({message}); use another tokenizer")
                yield MALFORMED
                continue
            source, target = ([token.ensure_text() for token in cast(List[Token], side)] for side in sides)
            tags = None
            if labelled is not None:
                source, tags = list(labelled.words), list(labelled.tags)
            if max(len(source), len(target)) > self._max_words:
                yield TOO_LONG
            elif not source or not target:
                yield EMPTY
            else:
                yield SentencePair(line.number, f"{line.path}:{line.line}", source, target, tags)

    def _labelled_lines(self) -> Iterator[Tuple[_Line, Any]]:
        """Yields each line together with its labelled source sentence, or `None` if there is none."""
        if self._labels is None:
            yield from ((line, None) for line in self._lines())
            return
        sentences = self._labels.sentences()
        for line in self._lines():
            yield line, self._labels.next_for(line.sides[0], f"{line.path}:{line.line}", sentences)
        self._labels.check_end(sentences, f"{self.files[-1]}")

    def _lines(self) -> Iterator[_Line]:
        number = 0
        for path in self.files:
            for line, text in numbered_lines(path, self._encoding):
                sides, fault = ("", ""), None
                try:
                    sides = self._sides(text)
                    fault = None if all(sides) else EMPTY
                except ValueError as error:
                    self._refuse(path, line, str(error))
                    fault = MALFORMED
                yield _Line(number, path, line, sides, fault)
                number += 1

    def _sides(self, text: str) -> Tuple[str, str]:
        """Returns the source and target side of a line. Raises a `ValueError` if the line is malformed."""
        if not text.strip(self._blanks):
            return "", ""
        cells = text.split("\t")
        if self._columns is None and len(cells) != 2:
            raise ValueError(
                f"the line has {len(cells)} columns instead of two, source and target, separated by a tab; correct the line, "
                "select two columns with --columns, or skip malformed lines with --skip-malformed"
            )
        source, target = self._columns or (0, 1)
        if len(cells) <= max(source, target):
            raise ValueError(
                f"the line has {len(cells)} columns, but --columns refers to column {max(source, target)}, counted from 0; "
                "correct the line or --columns, or skip malformed lines with --skip-malformed"
            )
        sides = cells[source].strip(self._blanks), cells[target].strip(self._blanks)
        fault = next((fault for fault in map(word_fault, filter(None, sides)) if fault), None)
        if fault is not None:
            raise ValueError(f"the line {fault}, which words must not contain; remove it, or use --skip-malformed")
        return sides

    def _refuse(self, path: str, line: int, complaint: str) -> None:
        """Raises an error for a malformed line, unless malformed lines are skipped."""
        if not self._skip_malformed:
            raise ConllError(path, line, complaint)


def _num_characters(each: Tuple[_Line, Any]) -> int:
    return sum(map(len, each[0].sides))
