"""Reads word alignments from a file."""

import itertools
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

from lowresource_ner.data.text_lines import ConllError, numbered_lines
from lowresource_ner.projection.aligners.word_aligner import WordAligner
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.word_alignment import (
    GoldLinks,
    WordAlignment,
    format_links,
    link_outside,
    parse_links,
)


@WordAligner.register("pharaoh")
class PharaohAligner(WordAligner):
    """
    Reads word alignments from a file in the Pharaoh format, as written by fast_align, awesome-align, SimAlign and eflomal. The
    file has one line per line of the text, including skipped ones, with links such as "0-0 1-2": positions of source and target
    words, counted from 0. They refer to the words of the text as it is read here. Use a tokenised text, or align the output of
    the same tokenizers.

    Registered as a `WordAligner` with name "pharaoh".

    # Parameters

    path : `str`
        Optionally compressed (gz, bz2, xz).
    reverse : `bool`, optional (default = `False`)
        Whether the target word comes first in each link.

    # Raises

    `ConfigurationError`
        In `prepare` or `align`, with file and line, if the number of lines differs from that of the text, or if a link is
        malformed or refers to a word that does not exist.
    """

    def __init__(self, path: str, reverse: bool = False) -> None:
        self._path = path
        self._reverse = reverse
        self._lines: Iterator[Tuple[int, str]] = iter(())
        self._next = -1
        """The index of the next line, from 0, or -1 before the file is opened."""

    def prepare(self, text: ParallelText, num_lines: int, folder: Path) -> None:
        num_found = sum(1 for _ in numbered_lines(self._path, "utf-8"))
        if num_found != num_lines:
            raise ConllError(
                self._path,
                min(num_found, num_lines) + 1,
                f"the file has {num_found} lines, but the text has {num_lines}; it must have one line of links per line of the "
                "text, which is empty for a pair without links",
            )
        for block in text.blocks():
            self.align(block.pairs)
        self._next = -1

    def align(self, pairs: Sequence[SentencePair], vectors: bool = False) -> List[WordAlignment]:
        return [WordAlignment(self.gold(pair).sure) for pair in pairs]

    def gold(self, pair: SentencePair) -> GoldLinks:
        """Returns the sure and possible links of a pair."""
        number, text = self._line(pair)
        try:
            links = parse_links(text)
        except ValueError as error:
            raise ConllError(self._path, number, str(error)) from error
        if self._reverse:
            links = GoldLinks(*(frozenset((source, target) for target, source in each) for each in links))
        outside = link_outside(links.possible, len(pair.source), len(pair.target))
        if outside is not None:
            raise ConllError(
                self._path,
                number,
                f"the link {format_links([outside])} (source-target) refers to a word that does not exist: {pair.place} has "
                f"{len(pair.source)} source and {len(pair.target)} target words; count words from 0, use --tokenised if the text "
                "is tokenised, and set 'reverse' if the target word comes first in each link",
            )
        return links

    def _line(self, pair: SentencePair) -> Tuple[int, str]:
        if self._next < 0 or pair.number < self._next:
            self._lines, self._next = numbered_lines(self._path, "utf-8"), 0
        found = next(itertools.islice(self._lines, pair.number - self._next, None), None)
        if found is None:
            raise ConllError(
                self._path, self._next + 1, f"the file ends before the links of {pair.place}; add the missing lines"
            )
        self._next = pair.number + 1
        return found
