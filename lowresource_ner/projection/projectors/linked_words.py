"""Projects an entity to the words that are linked to it."""

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
    Projects an entity to the target words that are linked to its words, by these rules:

    - Words linked to several entities belong to the one with most links to them; if that leaves several, to the first.
    - All words of an entity count, however many are linked to the same source word.
    - Gap: up to `max_gap` words without any link, between words of an entity, are added to it.
    - Split: words that are still apart (too many words between them, or words with links of their own) are pieces. The piece with
      most linked words is taken, the first of several, and the others are dropped; or the entity is lost.
    - An entity without links is lost.

    The score is that of `SpanLinks`.

    Registered as a `SpanProjector` with name "linked_words".

    # Parameters

    max_gap : `int`, optional (default = `2`)
    split : `str`, optional (default = `"longest"`)
        "longest" to take one piece, "drop" to lose the entity.
    """

    def __init__(self, max_gap: int = 2, split: str = "longest") -> None:
        if split not in _SPLITS or max_gap < 0:
            raise ConfigurationError(
                f"'split' of linked_words is '{split}' and 'max_gap' {max_gap}; 'split' is one of {', '.join(_SPLITS)}, and "
                "'max_gap' a number from 0."
            )
        self._max_gap = max_gap
        self._split = split

    def project(self, spans: Sequence[EntitySpan], alignment: WordAlignment, num_target: int) -> List[ProjectedSpan]:
        of_spans = [SpanLinks(span, alignment.links) for span in spans]
        linked = {target for _, target in alignment.links}
        words = self._words_of_each(of_spans)
        projected = []
        for number, (span, links) in enumerate(zip(spans, of_spans)):
            piece = self._piece(words[number], linked)
            if piece is None:
                projected.append(ProjectedSpan(span, None, 0.0))
            else:
                projected.append(ProjectedSpan(span, EntitySpan(*piece, span.type), links.score(*piece)))
        return projected

    @staticmethod
    def _words_of_each(of_spans: Sequence[SpanLinks]) -> Dict[int, List[int]]:
        """The target words of each entity, in order; a word has one entity."""
        words: Dict[int, List[int]] = defaultdict(list)
        for word in sorted({word for links in of_spans for word in links.counts}):
            counts = [links.counts.get(word, 0) for links in of_spans]
            words[counts.index(max(counts))].append(word)
        return words

    def _piece(self, words: Sequence[int], linked: set) -> Optional[Tuple[int, int]]:
        """The start and end of the piece to take; `None` if the entity is lost."""
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
