"""Scores target spans by the links of a source entity."""

from collections import Counter
from typing import Dict, FrozenSet

from lowresource_ner.projection.word_alignment import Link
from lowresource_ner.tagging import EntitySpan


class SpanLinks:
    """
    The links of a source entity, which score spans of target words as its projection.

    # Parameters

    span : `EntitySpan`
        The entity in the source sentence.
    links : `FrozenSet[Link]`
        All links of the sentence pair.
    """

    def __init__(self, span: EntitySpan, links: FrozenSet[Link]) -> None:
        entity_links = [link for link in links if span.start <= link[0] < span.end]
        self.counts: Dict[int, int] = Counter(target for _, target in entity_links)
        """The number of links to the entity, for each target word that has at least one."""
        self._all_counts = Counter(target for _, target in links)
        num_unlinked = span.end - span.start - len({source for source, _ in entity_links})
        self._total = len(entity_links) + num_unlinked

    def score(self, start: int, end: int) -> float:
        """
        Returns the F1 score of the target words from `start` to `end` (exclusive) as the projection of the entity.

        Recall is the fraction of the entity's links that lead to these target words; each unlinked word of the entity counts as
        one link outside them. Precision is the fraction of a target word's links that lead to the entity, averaged over
        the target words; it is 0.5 for an unlinked word.
        """
        inside = sum(self.counts.get(word, 0) for word in range(start, end))
        if not inside:
            return 0.0
        recall = inside / self._total
        precision = sum(map(self._precision, range(start, end))) / (end - start)
        return 2 * precision * recall / (precision + recall)

    def _precision(self, word: int) -> float:
        total = self._all_counts.get(word, 0)
        return self.counts.get(word, 0) / total if total else 0.5
