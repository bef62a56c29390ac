"""Projects the entity labels of source sentences onto their translations."""

from collections import Counter
from typing import Dict, List, Sequence, Tuple

from lowresource_ner.projection.aligners.word_aligner import WordAligner
from lowresource_ner.projection.parallel_text import SentencePair
from lowresource_ner.projection.projectors.span_projector import SpanProjector
from lowresource_ner.projection.source_labels import SourceLabeller, SourceLabels
from lowresource_ner.projection.target_labels import TargetLabels, carried_probabilities, sentence_score
from lowresource_ner.projection.word_alignment import WordAlignment
from lowresource_ner.tagging import TagScheme


class AnnotationProjection:
    """
    Labels target sentences by projecting the entities of their source sentences through a word alignment (Yarowsky et al. 2001,
    H01-1035; Ni et al. 2017, P17-1135).

    # Parameters

    labeller : `SourceLabeller`
    aligner : `WordAligner`
    projector : `SpanProjector`
    scheme : `TagScheme`
        The tag scheme of the target's tags.
    min_score : `float`
        Sentences with a lower score are dropped; see `sentence_score`.
    entities_only : `bool`
        Whether to drop sentences without entities.
    """

    def __init__(
        self,
        labeller: SourceLabeller,
        aligner: WordAligner,
        projector: SpanProjector,
        scheme: TagScheme,
        min_score: float,
        entities_only: bool,
    ) -> None:
        self._labeller = labeller
        self._aligner = aligner
        self._projector = projector
        self.scheme = scheme
        self._min_score = min_score
        self._entities_only = entities_only

    @property
    def labels(self) -> List[str]:
        """The tags of the target sentences, in the order of the columns of their probabilities."""
        return self.scheme.tag_set(self._labeller.types)

    def project(self, pairs: Sequence[SentencePair]) -> Tuple[List[TargetLabels], Dict[str, int]]:
        """
        Projects the labels of a list of sentence pairs.

        # Returns

        `Tuple[List[TargetLabels], Dict[str, int]]`
            The labelled target sentences that are kept, and the numbers of dropped pairs by reason: "unlabelled" (the source
            tagger skipped the sentence), "without_entities", "low_score".
        """
        counts: Dict[str, int] = Counter()
        if not pairs:
            return [], counts
        kept = []
        alignments = self._aligner.align(pairs, vectors=self._projector.needs_vectors)
        for pair, labels, alignment in zip(pairs, self._labeller.label(pairs), alignments):
            if labels is None:
                counts["unlabelled"] += 1
                continue
            target = self._project(pair, labels, alignment)
            if self._entities_only and not target.spans:
                counts["without_entities"] += 1
            elif target.score < self._min_score:
                counts["low_score"] += 1
            else:
                kept.append(target)
        return kept, counts

    def _project(self, pair: SentencePair, labels: SourceLabels, alignment: WordAlignment) -> TargetLabels:
        links, num_target = alignment.links, len(pair.target)
        projected = self._projector.project(labels.spans, alignment, num_target)
        spans = sorted(each.target for each in projected if each.target is not None)
        score = sentence_score(projected, labels.confidences, links, len(pair.source), num_target)
        types = self._labeller.types
        probabilities = carried_probabilities(labels, projected, links, num_target, self.scheme, types)
        return TargetLabels(pair.target, spans, probabilities, score, len(labels.spans))
