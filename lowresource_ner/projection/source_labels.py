"""Labels source sentences with a teacher, or with the tags that come with the text."""

from typing import Any, List, NamedTuple, Optional, Sequence

import numpy

from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.projection.labelled_source import LabelledSource
from lowresource_ner.projection.parallel_text import SentencePair
from lowresource_ner.tagging import OUTSIDE, EntitySpan, TagScheme, get_scheme, split_tag, types_of


class SourceLabels(NamedTuple):
    """
    The labels of a source sentence.

    # Parameters

    spans : `List[EntitySpan]`
    confidences : `List[float]`
        For each entity, the product of the probabilities of its words' tags.
    type_probabilities : `numpy.ndarray`
        (num_words, 1 + num_types) float32: the probability of O, followed by that of each entity type. Rows sum to 1.
    """

    spans: List[EntitySpan]
    confidences: List[float]
    type_probabilities: numpy.ndarray


class SourceLabeller:
    """
    Labels the source sentences of sentence pairs.

    # Parameters

    by : `Teacher` or `LabelledSource`
        A teacher, whose most probable tag of each word is used, with invalid tag sequences decoded as by conlleval; or the
        labelled source with which the text is read.
    """

    def __init__(self, by: Any) -> None:
        self._teacher: Optional[Teacher] = by if isinstance(by, Teacher) else None
        self._scheme: TagScheme = get_scheme(by.tag_scheme)
        self._labels: List[str] = by.labels if isinstance(by, Teacher) else _labels_of(by, self._scheme)
        self.types = types_of(self._labels)
        """The entity types, in the order of the columns of `type_probabilities` from the second."""
        columns = {entity_type: column for column, entity_type in enumerate(self.types, start=1)}
        column_of_label = [columns.get(split_tag(label)[1] or "", 0) for label in self._labels]
        # (num_labels, 1 + num_types): sums the probabilities of the tags of each type.
        self._sums = numpy.eye(1 + len(self.types), dtype=numpy.float32)[column_of_label]
        self._columns = {label: column for column, label in enumerate(self._labels)}

    def label(self, pairs: Sequence[SentencePair]) -> List[Optional[SourceLabels]]:
        """Returns the labels of the source sentence of each pair, or `None` if the teacher skips it."""
        if self._teacher is None:
            probabilities: Sequence[Optional[numpy.ndarray]] = [self._certain(pair.source_tags or []) for pair in pairs]
        else:
            probabilities = self._teacher.label([pair.source for pair in pairs])
        return [None if each is None else self._read(each) for each in probabilities]

    def _certain(self, tags: Sequence[str]) -> numpy.ndarray:
        rows = [self._columns[tag] for tag in tags]
        return numpy.eye(len(self._labels), dtype=numpy.float32)[rows]

    def _read(self, probabilities: numpy.ndarray) -> SourceLabels:
        best = probabilities.argmax(axis=1)
        spans = self._scheme.spans([self._labels[index] for index in best], repair=True)
        highest = probabilities.max(axis=1)
        confidences = [float(highest[span.start : span.end].prod()) for span in spans]
        return SourceLabels(spans, confidences, probabilities @ self._sums)


def _labels_of(source: LabelledSource, scheme: TagScheme) -> List[str]:
    """Reads a labelled source, and returns the tag set of its entity types."""
    tags = {tag for sentence in source.sentences() for tag in sentence.tags or ()}
    return scheme.tag_set(types_of(tags - {OUTSIDE}))
