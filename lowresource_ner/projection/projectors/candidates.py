"""Projects an entity to the best of several candidates."""

from typing import Callable, Iterator, List, NamedTuple, Sequence

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
    Scores spans of target words as projections of each entity, and takes the best ones that do not overlap (after Politov et al.
    2025, arXiv:2501.18750, who match source entities with target candidates).

    Candidates are all spans of up to `max_words` words that begin and end with a word that is linked to the entity. Over all
    entities of a sentence, the candidate with the highest score is taken first, then the next one of an entity that has none yet
    which does not overlap those taken, and so on. Of equal scores the first entity's counts, and of an entity's the longest, then
    the first. So an entity whose links lead to several places goes to the place that most of them lead to and that is not taken
    by another; one without links is lost.

    Registered as a `SpanProjector` with name "candidates", the default.

    # Parameters

    max_words : `int`, optional (default = `10`)
    score : `str`, optional (default = `"links"`)
        "links": that of `SpanLinks`. "vectors": the cosine of the means of the words' vectors, from which the mean of their
        sentence's is subtracted, at least 0. "both": the product. The last two need an aligner with vectors.
    """

    def __init__(self, max_words: int = 10, score: str = "links") -> None:
        if score not in _SCORES or max_words < 1:
            raise ConfigurationError(
                f"'score' of candidates is '{score}' and 'max_words' {max_words}; 'score' is one of {', '.join(_SCORES)}, and "
                "'max_words' a number from 1."
            )
        self._max_words = max_words
        self._score = score

    @property
    def needs_vectors(self) -> bool:  # type: ignore[override]
        return self._score != "links"

    def project(self, spans: Sequence[EntitySpan], alignment: WordAlignment, num_target: int) -> List[ProjectedSpan]:
        candidates = [each for number, span in enumerate(spans) for each in self._candidates(number, span, alignment)]
        candidates.sort(key=lambda each: (-round(each.score, 9), each.entity, each.start - each.end, each.start))
        projected = [ProjectedSpan(span, None, 0.0) for span in spans]
        is_free = [True] * num_target
        for score, entity, start, end in candidates:
            if projected[entity].target is None and all(is_free[start:end]):
                is_free[start:end] = [False] * (end - start)
                target = EntitySpan(start, end, spans[entity].type)
                projected[entity] = ProjectedSpan(spans[entity], target, score)
        return projected

    def _candidates(self, number: int, span: EntitySpan, alignment: WordAlignment) -> Iterator[_Candidate]:
        links = SpanLinks(span, alignment.links)
        score = self._scorer(links, span, alignment)
        words = sorted(links.counts)
        for position, start in enumerate(words):
            for last in words[position:]:
                if last - start >= self._max_words:
                    break
                yield _Candidate(score(start, last + 1), number, start, last + 1)

    def _scorer(self, links: SpanLinks, span: EntitySpan, alignment: WordAlignment) -> Callable[[int, int], float]:
        """The score of the target words from a start to an end (exclusive) as the projection of an entity."""
        if not self.needs_vectors:
            return links.score
        assert alignment.vectors is not None
        sources, targets = map(_centred, alignment.vectors)
        source = sources[span.start : span.end].mean(axis=0)

        def score(start: int, end: int) -> float:
            cosine = _cosine(source, targets[start:end].mean(axis=0))
            return cosine if self._score == "vectors" else cosine * links.score(start, end)

        return score


def _centred(vectors: numpy.ndarray) -> numpy.ndarray:
    return vectors - vectors.mean(axis=0)


def _cosine(first: numpy.ndarray, second: numpy.ndarray) -> float:
    """0 where a vector is 0, or the cosine is negative."""
    norms = float(numpy.linalg.norm(first) * numpy.linalg.norm(second))
    return max(0.0, float(first @ second) / norms) if norms else 0.0
