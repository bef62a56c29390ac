"""Word alignments from a file."""

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
    Reads word alignments from a file in Pharaoh's format, such as fast_align, awesome-align, SimAlign and eflomal write: a line
    for each line of the text, those that are left out included, with links such as "0-0 1-2", from source words to target words,
    counted from 0. The words must be those of the text as it is read: give a tokenised text, or align the same tokenisation.

    Registered as a `WordAligner` with name "pharaoh".

    # Parameters

    path : `str`
        Compressed (gz, bz2, xz) or not.
    reverse : `bool`, optional (default = `False`)
        Whether links are from target words to source words.

    # Raises

    `ConfigurationError`
        With file and line, in `prepare` or `align`, if there are more or fewer lines than in the text, or a link is malformed or
        names a word that is not there.
    """

    def __init__(self, path: str, reverse: bool = False) -> None:
        self._path = path
        self._reverse = reverse
        self._lines: Iterator[Tuple[int, str]] = iter(())
        self._next = -1
        """The number of the next line, from 0; -1 before the file is opened."""

    def prepare(self, text: ParallelText, num_lines: int, folder: Path) -> None:
        num_found = sum(1 for _ in numbered_lines(self._path, "utf-8"))
        if num_found != num_lines:
            raise ConllError(
                self._path,
                min(num_found, num_lines) + 1,
                f"the file has {num_found} lines, and the text {num_lines}; give a line of links for each line of the text, "
                "an empty one for a pair without links",
            )
        for block in text.blocks():
            self.align(block.pairs)
        self._next = -1

    def align(self, pairs: Sequence[SentencePair], vectors: bool = False) -> List[WordAlignment]:
        return [WordAlignment(self.gold(pair).sure) for pair in pairs]

    def gold(self, pair: SentencePair) -> GoldLinks:
        """The links of a pair, sure and possible ones."""
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
                f"the link {format_links([outside])} (source-target) names a word that is not there: {pair.place} has "
                f"{len(pair.source)} source and {len(pair.target)} target words; give links from 0 for the words as they are "
                "read here, with --tokenised if spaces separate them, and set 'reverse' if links begin with the target word",
            )
        return links

    def _line(self, pair: SentencePair) -> Tuple[int, str]:
        if self._next < 0 or pair.number < self._next:
            self._lines, self._next = numbered_lines(self._path, "utf-8"), 0
        found = next(itertools.islice(self._lines, pair.number - self._next, None), None)
        if found is None:
            raise ConllError(self._path, self._next + 1, f"the file ends before the links of {pair.place}; complete it")
        self._next = pair.number + 1
        return found
