"""Projects entities to the target words linked to them."""

from collections import defaultdict
from typing import Dict, List, Optional, Sequence, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.projection.projectors.span_links import SpanLinks
from lowresource_ner.projection.projectors.span_projector import ProjectedSpan, SpanProjector
from lowresource_ner.projection.word_alignment import WordAlignment
from lowresource_ner.tagging import EntitySpan

_SPLITS = ("longest", "drop")


@SpanProjector.register("linked_words")
class LinkedWords(SpanProjector):
    """
    Projects an entity to the target words linked to its words, by these rules:

    - A target word linked to several entities is assigned to the one with the most links to it. Ties go to the first entity.
    - All target words assigned to an entity are used, even if several are linked to the same source word.
    - Gaps: up to `max_gap` consecutive unlinked words between two words of an entity are included.
    - Splits: words separated by a longer gap, or by words linked elsewhere, form separate pieces. Depending on `split`, either
      the piece with the most linked words is kept (ties go to the first piece), or the entity is lost.
    - An entity without links is lost.

    The score of a projection is that of `SpanLinks`.

    Registered as a `SpanProjector` with name "linked_words".

    # Parameters

    max_gap : `int`, optional (default = `2`)
    split : `str`, optional (default = `"longest"`)
        What to do with an entity in several pieces: "longest" keeps one piece, "drop" loses the entity.

    # Raises

    `ConfigurationError`
        If `split` is unknown or `max_gap` is negative.
    """

    def __init__(self, max_gap: int = 2, split: str = "longest") -> None:
        if split not in _SPLITS or max_gap < 0:
            raise ConfigurationError(
                f"'split' of linked_words is '{split}' and 'max_gap' is {max_gap}; 'split' must be one of "
                f"{', '.join(_SPLITS)}, and 'max_gap' must be at least 0."
            )
        self._max_gap = max_gap
        self._split = split

    def project(self, spans: Sequence[EntitySpan], alignment: WordAlignment, num_target: int) -> List[ProjectedSpan]:
        span_links = [SpanLinks(span, alignment.links) for span in spans]
        linked = {target for _, target in alignment.links}
        words = self._words_by_entity(span_links)
        projected = []
        for number, (span, links) in enumerate(zip(spans, span_links)):
            piece = self._piece(words[number], linked)
            if piece is None:
                projected.append(ProjectedSpan(span, None, 0.0))
            else:
                projected.append(ProjectedSpan(span, EntitySpan(*piece, span.type), links.score(*piece)))
        return projected

    @staticmethod
    def _words_by_entity(span_links: Sequence[SpanLinks]) -> Dict[int, List[int]]:
        """Assigns each linked target word to one entity. Returns the words of each entity, in order."""
        words: Dict[int, List[int]] = defaultdict(list)
        for word in sorted({word for links in span_links for word in links.counts}):
            counts = [links.counts.get(word, 0) for links in span_links]
            words[counts.index(max(counts))].append(word)
        return words

    def _piece(self, words: Sequence[int], linked: set) -> Optional[Tuple[int, int]]:
        """Returns start and end of the piece to keep, or `None` if the entity is lost."""
        pieces: List[List[int]] = []
        for word in words:
            gap = range(pieces[-1][-1] + 1, word) if pieces else None
            if gap is not None and len(gap) <= self._max_gap and linked.isdisjoint(gap):
                pieces[-1].append(word)
            else:
                pieces.append([word])
        if not pieces or (len(pieces) > 1 and self._split == "drop"):
            return None
        piece = max(pieces, key=len)
        return piece[0], piece[-1] + 1
