"""Alignment error rate of a word aligner."""

from dataclasses import dataclass
from typing import Dict, FrozenSet, Union

from lowresource_ner.projection.word_alignment import GoldLinks, Link


@dataclass
class AlignmentErrorRate:
    """
    Evaluates word alignments against gold alignments (Och and Ney 2003, J03-1002). With the predicted links A, the sure gold
    links S and the possible gold links P (a superset of S), counted over the whole corpus:

    - precision = |A ∩ P| / |A|, recall = |A ∩ S| / |S|;
    - alignment error rate = 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|).

    Precision or recall is 0 if its denominator is 0. The error rate is 0 if there are neither predicted nor sure links.
    """

    pairs: int = 0
    links: int = 0
    sure: int = 0
    right: int = 0
    """The number of predicted links that are possible gold links, |A ∩ P|."""
    found: int = 0
    """The number of sure gold links that were predicted, |A ∩ S|."""

    def add(self, links: FrozenSet[Link], gold: GoldLinks) -> None:
        """Adds the predicted links and the gold links of a sentence pair to the counts."""
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
        num_links = self.links + self.sure
        return 1 - (self.found + self.right) / num_links if num_links else 0.0

    def as_dict(self) -> Dict[str, Union[int, float]]:
        """Returns the rates in percent, and the numbers of sentence pairs, predicted links and sure links."""
        rates = {"error_rate": self.error_rate, "precision": self.precision, "recall": self.recall}
        counts = {"pairs": self.pairs, "links": self.links, "sure_links": self.sure}
        return {**{name: round(100 * rate, 2) for name, rate in rates.items()}, **counts}
