"""Word alignments of sentence pairs, and their text format (Pharaoh)."""

import re
from typing import FrozenSet, Iterable, NamedTuple, Optional, Set, Tuple

import numpy

from lowresource_ner.common.quoting import quoted

Link = Tuple[int, int]
"""The positions of a source word and of a target word, both from 0."""

_LINK = re.compile(r"(\d{1,9})([-p])(\d{1,9})", re.ASCII)


class WordAlignment(NamedTuple):
    """
    The word alignment of a sentence pair.

    # Parameters

    links : `FrozenSet[Link]`
    vectors : `Optional[Tuple[numpy.ndarray, numpy.ndarray]]`
        The word vectors of both sentences, (num_source_words, dim) and (num_target_words, dim) float32, if the aligner provides
        them.
    """

    links: FrozenSet[Link]
    vectors: Optional[Tuple[numpy.ndarray, numpy.ndarray]] = None


class GoldLinks(NamedTuple):
    """The links of a gold alignment: the sure links, and the possible links, which include the sure ones."""

    sure: FrozenSet[Link]
    possible: FrozenSet[Link]


def parse_links(text: str) -> GoldLinks:
    """
    Parses a line in Pharaoh format, such as "0-0 1-2". In gold alignments, "1-2" is a sure link and "1p2" a possible link.

    # Raises

    `ValueError`
        If a part of the line is not a link.
    """
    sure: Set[Link] = set()
    possible: Set[Link] = set()
    for part in text.split():
        found = _LINK.fullmatch(part)
        if found is None:
            raise ValueError(
                f"{quoted(part)} is not a link; give two positions from 0, source and target, separated by a hyphen, as in "
                "0-0 1-2"
            )
        source, kind, target = found.groups()
        (sure if kind == "-" else possible).add((int(source), int(target)))
    return GoldLinks(frozenset(sure), frozenset(sure | possible))


def format_links(links: Iterable[Link]) -> str:
    """Formats links as a line in Pharaoh format, sorted."""
    return " ".join(f"{source}-{target}" for source, target in sorted(links))


def link_outside(links: Iterable[Link], num_source: int, num_target: int) -> Optional[Link]:
    """Returns the first link that is out of range for sentences of these lengths, or `None` if there is none."""
    return min((link for link in links if link[0] >= num_source or link[1] >= num_target), default=None)
