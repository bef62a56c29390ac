"""The alignment error rate."""

from dataclasses import dataclass
from typing import Dict, FrozenSet, Union

from lowresource_ner.projection.word_alignment import GoldLinks, Link


@dataclass
class AlignmentErrorRate:
    """
    Compares word alignments with hand-made ones (Och and Ney 2003, J03-1002). With the links A of an aligner, the sure
    links S and the possible links P, which include S, all counted over a whole text:

    - precision = |A ∩ P| / |A|, recall = |A ∩ S| / |S|;
    - alignment error rate = 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|).

    Ratios of nothing are 0, and the error rate is 0 where neither side has a link.
    """

    pairs: int = 0
    links: int = 0
    sure: int = 0
    right: int = 0
    """Links that are possible."""
    found: int = 0
    """Sure links that the aligner has."""

    def add(self, links: FrozenSet[Link], gold: GoldLinks) -> None:
        """Takes the alignment of a pair of sentences into account."""
        self.pairs += 1
        self.links += len(links)
        self.sure += len(gold.sure)
        self.right += len(links & gold.possible)
        self.found += len(links & gold.sure)

    @property
    def precision(self) -> float:
        return self.right / self.links if self.links else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.sure if self.sure else 0.0

    @property
    def error_rate(self) -> float:
        both = self.links + self.sure
        return 1 - (self.found + self.right) / both if both else 0.0

    def as_dict(self) -> Dict[str, Union[int, float]]:
        """The rates in per cent, and the number of sentence pairs, of links and of sure links."""
        rates = {"error_rate": self.error_rate, "precision": self.precision, "recall": self.recall}
        counts = {"pairs": self.pairs, "links": self.links, "sure_links": self.sure}
        return {**{name: round(100 * rate, 2) for name, rate in rates.items()}, **counts}
