"""Projects an entity to the best of several candidates."""

from typing import Callable, Iterator, List, NamedTuple, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.projection.projectors.span_links import SpanLinks
from lowresource_ner.projection.projectors.span_projector import ProjectedSpan, SpanProjector
from lowresource_ner.projection.word_alignment import WordAlignment
from lowresource_ner.tagging import EntitySpan

_SCORES = ("links", "similarity")


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
        "links": that of `SpanLinks`. "similarity": the F1 of greedy matching by the similarity of word vectors (BERTScore, Zhang
        et al. 2020, arXiv:1904.09675, section 3) after the mean similarity of the sentences' words has been set to 0, for
        aligners that have vectors.
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
    def needs_similarities(self) -> bool:  # type: ignore[override]
        return self._score == "similarity"

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
        score: Callable[[int, int], float] = links.score
        if self._score == "similarity":
            assert alignment.similarities is not None
            similarities = rescaled(alignment.similarities)[span.start : span.end]

            def score(start: int, end: int) -> float:
                return greedy_matching(similarities[:, start:end])

        words = sorted(links.counts)
        for position, start in enumerate(words):
            for last in words[position:]:
                if last - start >= self._max_words:
                    break
                yield _Candidate(score(start, last + 1), number, start, last + 1)


def rescaled(similarities: numpy.ndarray) -> numpy.ndarray:
    """The similarities of a pair of sentences, so that their mean is 0 and 1 stays 1: in most encoders, all words are similar."""
    mean = similarities.mean()
    return (similarities - mean) / max(1 - mean, 1e-6)


def greedy_matching(similarities: numpy.ndarray) -> float:
    """
    The harmonic mean of the highest similarities of the rows, on average, and of those of the columns; negative means count as 0.

    # Parameters

    similarities : `numpy.ndarray`
        (num_source_words, num_target_words)
    """
    recall, precision = (max(0.0, float(similarities.max(axis=axis).mean())) for axis in (1, 0))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
