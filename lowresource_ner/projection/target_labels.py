"""Transfers the labels of a source sentence to its translation."""

from collections import defaultdict
from typing import Dict, FrozenSet, List, NamedTuple, Sequence

import numpy

from lowresource_ner.projection.projectors.span_projector import ProjectedSpan
from lowresource_ner.projection.source_labels import SourceLabels
from lowresource_ner.projection.word_alignment import Link
from lowresource_ner.tagging import OUTSIDE, EntitySpan, TagScheme


class TargetLabels(NamedTuple):
    """
    A target sentence with projected labels.

    # Parameters

    words : `List[str]`
    spans : `List[EntitySpan]`
    probabilities : `numpy.ndarray`
        (num_words, num_labels): the probabilities of the tags in `tag_set(types)` of the tag scheme. Rows sum to 1.
    score : `float`
        From 0 to 1; see `sentence_score`.
    num_source_entities : `int`
        The number of entities in the source sentence, including those that were not projected.
    """

    words: List[str]
    spans: List[EntitySpan]
    probabilities: numpy.ndarray
    score: float
    num_source_entities: int


def sentence_score(
    projected: Sequence[ProjectedSpan],
    confidences: Sequence[float],
    links: FrozenSet[Link],
    num_source: int,
    num_target: int,
) -> float:
    """
    Estimates how reliable the projection of a sentence is, from 0 to 1. If the source sentence has entities, this is the mean
    over them of projection score times confidence of the source labels, with 0 for entities that were not projected. Otherwise,
    it is the proportion of words of both sentences that are aligned.
    """
    if projected:
        return sum(each.score * confidence for each, confidence in zip(projected, confidences)) / len(projected)
    num_linked = len({source for source, _ in links}) + len({target for _, target in links})
    return num_linked / (num_source + num_target)


def carried_probabilities(
    labels: SourceLabels,
    projected: Sequence[ProjectedSpan],
    links: FrozenSet[Link],
    num_target: int,
    scheme: TagScheme,
    types: Sequence[str],
) -> numpy.ndarray:
    """
    Computes the tag probabilities of the target words from those of the source words.

    The probabilities of O and of each entity type are transferred first. A word inside a projected entity gets the mean over the
    words of the source entity that are aligned to it or, if there are none, over all words of the source entity. Any other word
    gets the mean over the source words outside of entities that are aligned to it or, if there are none, probability 1 for O.

    The probability of a type is then assigned to the tag of that type that fits the position of the word. With IOB2, that is the
    I- tag if the word continues a projected entity, and the B- tag otherwise.

    # Parameters

    labels : `SourceLabels`
    projected : `Sequence[ProjectedSpan]`
        The projection of each source entity.
    links : `FrozenSet[Link]`
    num_target : `int`
    scheme : `TagScheme`
    types : `Sequence[str]`
        The entity types, in the order of the columns of `type_probabilities` from the second.

    # Returns

    `numpy.ndarray` : (num_target, num_labels) float32
    """
    rows = _type_probabilities(labels, projected, links, num_target)
    columns = {label: column for column, label in enumerate(scheme.tag_set(types))}
    spans = [each.target for each in projected if each.target is not None]
    probabilities = numpy.zeros((num_target, len(columns)), numpy.float32)
    alone = scheme.tags([EntitySpan(0, 1, "X")], 1)[0][0]
    for word, tag in enumerate(scheme.tags(spans, num_target)):
        letter = alone if tag == OUTSIDE else tag[0]
        probabilities[word, 0] = rows[word, 0]
        for number, entity_type in enumerate(types, start=1):
            probabilities[word, columns[f"{letter}-{entity_type}"]] = rows[word, number]
    return probabilities


def _type_probabilities(
    labels: SourceLabels, projected: Sequence[ProjectedSpan], links: FrozenSet[Link], num_target: int
) -> numpy.ndarray:
    """(num_target, 1 + num_types)"""
    sources: Dict[int, List[int]] = defaultdict(list)
    for source, target in sorted(links):
        sources[target].append(source)
    entity_at = {word: each for each in projected if each.target is not None for word in range(*each.target[:2])}
    in_entities = {word for span in labels.spans for word in range(span.start, span.end)}
    rows = numpy.zeros((num_target, labels.type_probabilities.shape[1]), numpy.float32)
    rows[:, 0] = 1
    for word in range(num_target):
        if word in entity_at:
            entity_words = range(*entity_at[word].source[:2])
            used = [source for source in sources[word] if source in entity_words] or list(entity_words)
        else:
            used = [source for source in sources[word] if source not in in_entities]
        if used:
            rows[word] = labels.type_probabilities[used].mean(axis=0)
    return rows
