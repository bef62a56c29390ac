"""The links between an entity of the source and the words of the target."""

from collections import Counter
from typing import Dict, FrozenSet

from lowresource_ner.projection.word_alignment import Link
from lowresource_ner.tagging import EntitySpan


class SpanLinks:
    """
    The links of an entity, and how well a span of target words fits them.

    # Parameters

    span : `EntitySpan`
        Of the source.
    links : `FrozenSet[Link]`
        All links of the pair of sentences.
    """

    def __init__(self, span: EntitySpan, links: FrozenSet[Link]) -> None:
        own = [link for link in links if span.start <= link[0] < span.end]
        self.counts: Dict[int, int] = Counter(target for _, target in own)
        """The number of links to the entity of each target word that has any."""
        self._all_counts = Counter(target for _, target in links)
        num_unlinked = span.end - span.start - len({source for source, _ in own})
        self._total = len(own) + num_unlinked

    def score(self, start: int, end: int) -> float:
        """
        The harmonic mean of two shares: of the entity's links, those that lead to the target words from `start` to `end`
        (exclusive), where a word without links counts as one link that leads nowhere; and of the links of these target words,
        those to the entity, as the mean over the words, where a word without links counts one half.
        """
        inside = sum(self.counts.get(word, 0) for word in range(start, end))
        if not inside:
            return 0.0
        recall = inside / self._total
        precision = sum(map(self._share, range(start, end))) / (end - start)
        return 2 * precision * recall / (precision + recall)

    def _share(self, word: int) -> float:
        total = self._all_counts.get(word, 0)
        return self.counts.get(word, 0) / total if total else 0.5
