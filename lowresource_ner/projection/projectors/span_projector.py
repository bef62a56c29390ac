"""The base class of projectors, which carry entities over a word alignment."""

from typing import List, NamedTuple, Optional, Sequence

from allennlp.common import Registrable

from lowresource_ner.projection.word_alignment import WordAlignment
from lowresource_ner.tagging import EntitySpan


class ProjectedSpan(NamedTuple):
    """
    An entity of the source and its projection.

    # Parameters

    source : `EntitySpan`
    target : `Optional[EntitySpan]`
        Of the same type; `None` if it is lost.
    score : `float`
        From 0, if it is lost, to 1.
    """

    source: EntitySpan
    target: Optional[EntitySpan]
    score: float


class SpanProjector(Registrable):
    """
    Projects the entities of source sentences. Projections do not overlap.

    Subclasses define `project`.
    """

    default_implementation = "candidates"

    needs_vectors = False
    """Whether alignments must have vectors."""

    def project(self, spans: Sequence[EntitySpan], alignment: WordAlignment, num_target: int) -> List[ProjectedSpan]:
        """
        Returns the projection of each entity.

        # Parameters

        spans : `Sequence[EntitySpan]`
            The entities of the source sentence, which do not overlap, in order.
        alignment : `WordAlignment`
        num_target : `int`
            The number of target words.
        """
        raise NotImplementedError
