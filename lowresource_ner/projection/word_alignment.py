"""Word alignments of sentence pairs, and the text format in which tools exchange them."""

import re
from typing import FrozenSet, Iterable, NamedTuple, Optional, Set, Tuple

import numpy

from lowresource_ner.common.quoting import quoted

Link = Tuple[int, int]
"""The position of a source word and of a target word, each from 0."""

_LINK = re.compile(r"(\d{1,9})([-p])(\d{1,9})", re.ASCII)


class WordAlignment(NamedTuple):
    """
    The alignment of a pair of sentences.

    # Parameters

    links : `FrozenSet[Link]`
    vectors : `Optional[Tuple[numpy.ndarray, numpy.ndarray]]`
        (num_source_words, dim) and (num_target_words, dim) float32, the vectors of both sentences' words, from aligners that have
        them.
    """

    links: FrozenSet[Link]
    vectors: Optional[Tuple[numpy.ndarray, numpy.ndarray]] = None


class GoldLinks(NamedTuple):
    """The links of a hand-made alignment: those that are sure, and all that are possible, the sure ones included."""

    sure: FrozenSet[Link]
    possible: FrozenSet[Link]


def parse_links(text: str) -> GoldLinks:
    """
    Parses a line of Pharaoh's format: "0-0 1-2" are sure links. In hand-made alignments, "1p2" is a possible one.

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
                f"{quoted(part)} is not a link; give two positions from 0 with a hyphen between them, the source word's first, "
                "as in 0-0 1-2"
            )
        source, kind, target = found.groups()
        (sure if kind == "-" else possible).add((int(source), int(target)))
    return GoldLinks(frozenset(sure), frozenset(sure | possible))


def format_links(links: Iterable[Link]) -> str:
    """The links as a line of Pharaoh's format, in order."""
    return " ".join(f"{source}-{target}" for source, target in sorted(links))


def link_outside(links: Iterable[Link], num_source: int, num_target: int) -> Optional[Link]:
    """The first link to a word that sentences of these lengths do not have; `None` if there is none."""
    return min((link for link in links if link[0] >= num_source or link[1] >= num_target), default=None)
