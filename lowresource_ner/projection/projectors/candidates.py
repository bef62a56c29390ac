"""Projects entities to the best-scoring candidate spans."""

from typing import Callable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.projection.projectors.span_links import SpanLinks
from lowresource_ner.projection.projectors.span_projector import ProjectedSpan, SpanProjector
from lowresource_ner.projection.word_alignment import WordAlignment
from lowresource_ner.tagging import EntitySpan

_SCORES = ("links", "vectors", "both")


class _Candidate(NamedTuple):
    score: float
    entity: int
    start: int
    end: int


@SpanProjector.register("candidates")
class Candidates(SpanProjector):
    """
    Scores candidate target spans for each entity, and greedily selects the best ones that do not overlap (after Politov et al.
    2025, arXiv:2501.18750, who match source entities with target candidates).

    The candidates of an entity are all spans of up to `max_words` words whose first and last word are linked to the entity. The
    candidates of all entities in a sentence are visited from the highest to the lowest score. A candidate is selected if its
    entity has no projection yet and it does not overlap a selected candidate. Ties go to the first entity, then to the longest
    span, then to the first. If its links lead to several places, an entity is thus projected to the one with most of its links
    that no other entity occupies. An entity without links is lost.

    Registered as a `SpanProjector` with name "candidates", the default.

    # Parameters

    max_words : `int`, optional (default = `10`)
    score : `str`, optional (default = `"links"`)
        "links": the score of `SpanLinks`. "vectors": the cosine similarity of the mean word vectors of entity and candidate, from
        which the mean of their sentence is subtracted; negative values count as 0. "both": the product of the two.
        "vectors" and "both" require an aligner with vectors.

    # Raises

    `ConfigurationError`
        If `score` is unknown or `max_words` is less than 1.
    """

    def __init__(self, max_words: int = 10, score: str = "links") -> None:
        if score not in _SCORES or max_words < 1:
            raise ConfigurationError(
                f"'score' of candidates is '{score}' and 'max_words' is {max_words}; 'score' must be one of "
                f"{', '.join(_SCORES)}, and 'max_words' must be at least 1."
            )
        self._max_words = max_words
        self._score = score

    @property
    def needs_vectors(self) -> bool:  # type: ignore[override]
        return self._score != "links"

    def project(self, spans: Sequence[EntitySpan], alignment: WordAlignment, num_target: int) -> List[ProjectedSpan]:
        candidates = [
            candidate for entity, span in enumerate(spans) for candidate in self._candidates(entity, span, alignment)
        ]
        candidates.sort(key=_rank)
        projected = [ProjectedSpan(span, None, 0.0) for span in spans]
        is_free = [True] * num_target
        for score, entity, start, end in candidates:
            if projected[entity].target is None and all(is_free[start:end]):
                is_free[start:end] = [False] * (end - start)
                target = EntitySpan(start, end, spans[entity].type)
                projected[entity] = ProjectedSpan(spans[entity], target, score)
        return projected

    def _candidates(self, entity: int, span: EntitySpan, alignment: WordAlignment) -> Iterator[_Candidate]:
        links = SpanLinks(span, alignment.links)
        score = self._scorer(links, span, alignment)
        words = sorted(links.counts)
        for position, start in enumerate(words):
            for last in words[position:]:
                if last - start >= self._max_words:
                    break
                yield _Candidate(score(start, last + 1), entity, start, last + 1)

    def _scorer(self, links: SpanLinks, span: EntitySpan, alignment: WordAlignment) -> Callable[[int, int], float]:
        """Returns a function that scores the target words from `start` to `end` (exclusive) as projection of an entity."""
        if not self.needs_vectors:
            return links.score
        assert alignment.vectors is not None
        sources, targets = map(_centred, alignment.vectors)
        source = sources[span.start : span.end].mean(axis=0)

        def score(start: int, end: int) -> float:
            cosine = _cosine(source, targets[start:end].mean(axis=0))
            return cosine if self._score == "vectors" else cosine * links.score(start, end)

        return score


def _rank(candidate: _Candidate) -> Tuple[float, int, int, int]:
    """Sort key: best score first, then by entity, longest span and position."""
    return -round(candidate.score, 9), candidate.entity, candidate.start - candidate.end, candidate.start


def _centred(vectors: numpy.ndarray) -> numpy.ndarray:
    return vectors - vectors.mean(axis=0)


def _cosine(first: numpy.ndarray, second: numpy.ndarray) -> float:
    """Returns the cosine similarity, or 0 if it is negative or one of the vectors is zero."""
    norms = float(numpy.linalg.norm(first) * numpy.linalg.norm(second))
    return max(0.0, float(first @ second) / norms) if norms else 0.0
