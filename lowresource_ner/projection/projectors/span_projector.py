"""The base class of projectors, which transfer entities along a word alignment."""

from typing import List, NamedTuple, Optional, Sequence

from allennlp.common import Registrable

from lowresource_ner.projection.word_alignment import WordAlignment
from lowresource_ner.tagging import EntitySpan


class ProjectedSpan(NamedTuple):
    """
    A source entity and its projection.

    # Parameters

    source : `EntitySpan`
    target : `Optional[EntitySpan]`
        The projection, an entity of the same type, or `None` if the entity is lost.
    score : `float`
        Between 0 and 1; 0 if the entity is lost.
    """

    source: EntitySpan
    target: Optional[EntitySpan]
    score: float


class SpanProjector(Registrable):
    """
    Projects the entities of source sentences to target sentences. Projections do not overlap.

    Subclasses implement `project`.
    """

    default_implementation = "candidates"

    needs_vectors = False
    """Whether the projector requires alignments with word vectors."""

    def project(self, spans: Sequence[EntitySpan], alignment: WordAlignment, num_target: int) -> List[ProjectedSpan]:
        """
        Returns the projection of each entity, in the same order.

        # Parameters

        spans : `Sequence[EntitySpan]`
            The entities of the source sentence, in order and without overlaps.
        alignment : `WordAlignment`
        num_target : `int`
            The number of target words.
        """
        raise NotImplementedError
