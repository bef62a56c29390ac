"""Labels sentences with one or more teachers, using the student's labels."""

from functools import cached_property
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.rounding import with_ties
from lowresource_ner.distillation.corpus import Corpus
from lowresource_ner.distillation.soft_labels import SoftLabels
from lowresource_ner.distillation.teachers.label_matching import label_matrix, student_labels
from lowresource_ner.distillation.teachers.stored_teacher import StoredTeacher
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights, UniformWeights


class TeacherEnsemble:
    """
    Computes the weighted mean of the probabilities of one or more teachers, which are kept in a store if there is one.

    The constructor is cheap; models and archives are loaded when sentences are labelled.

    # Parameters

    teachers : `Mapping[str, Teacher]`
        By name.
    tag_scheme : `str`
        The student's tag scheme.
    label_maps : `Optional[Mapping[str, Mapping[str, str]]]`
        For each teacher, the entity types to rename or drop; see `label_matrix`.
    weights : `Optional[TeacherWeights]`, optional (default = `uniform`)
    store : `Optional[str]`
        A folder for the teachers' probabilities. `None` to compute them each time.

    # Raises

    `ConfigurationError`
        If there is no teacher, or `label_maps` or `weights` refer to an unknown one.
    """

    def __init__(
        self,
        teachers: Mapping[str, Teacher],
        tag_scheme: str = "IOB2",
        label_maps: Optional[Mapping[str, Mapping[str, str]]] = None,
        weights: Optional[TeacherWeights] = None,
        store: Optional[str] = None,
    ) -> None:
        if not teachers:
            raise ConfigurationError("There are no teachers. Give 'teachers', one or more by name.")
        unknown = sorted(set(label_maps or {}) - set(teachers))
        if unknown:
            raise ConfigurationError(
                f"'label_maps' names {', '.join(unknown)}; the teachers are {', '.join(teachers)}."
            )
        self._names = list(teachers)
        self._teachers = list(teachers.values())
        self._label_maps = [(label_maps or {}).get(name) for name in teachers]
        self._weights = weights or UniformWeights()
        self._weights.check(self._names)
        self._tag_scheme = tag_scheme
        self._sources = [
            each if store is None or not each.is_stored else StoredTeacher(each, store) for each in self._teachers
        ]
        self._stored = [each for each in self._sources if isinstance(each, StoredTeacher)]
        self.store = store
        self.lacks_store = store is None and any(each.is_stored for each in self._teachers)
        """Whether there are teachers whose probabilities could be kept in a store, but no store."""

    @cached_property
    def labels(self) -> List[str]:
        """The student's labels: O, then the tags of each type."""
        of_teachers = [teacher.labels for teacher in self._teachers]
        return student_labels(of_teachers, self._label_maps, self._tag_scheme, self._titles)

    def open(self) -> None:
        """
        Matches the teachers' labels and loads what the weights need, so that errors are found early.

        # Raises

        `ConfigurationError`
            If labels cannot be matched, or something that the weights need is missing or wrong.
        """
        self._matrices  # noqa: B018  cached
        self._weights.open(self._names)

    def prepare(self, corpus: Corpus) -> Dict[str, Any]:
        """
        Prepares the weights for a corpus, before its sentences are labelled; see `TeacherWeights.prepare`.
        """
        return self._weights.prepare(self._names, corpus)

    def label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[SoftLabels]]:
        """
        Labels sentences.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[SoftLabels]]`
            The soft labels of each sentence, float16 or float32; `None` if a teacher skips it.
        """
        matrices = self._matrices
        by_teacher = [source.label(sentences) for source in self._sources]
        if len(matrices) == 1 and numpy.array_equal(matrices[0], numpy.eye(len(matrices[0]))):
            return [None if each is None else SoftLabels(each, numpy.ones(len(each), bool)) for each in by_teacher[0]]
        weights = self._weights.weights(self._names, sentences)
        return [self._mean(of_sentence, each) for of_sentence, *each in zip(weights, *by_teacher)]

    def fill(self, sentences: Sequence[Sequence[str]]) -> int:
        """Computes and stores missing probabilities, and returns the number of sentences, summed over teachers."""
        self._matrices  # noqa: B018  to check first that the teachers' labels match
        return sum(teacher.fill(sentences) for teacher in self._stored)

    def flush(self) -> None:
        """Writes computed probabilities to the store."""
        for teacher in self._stored:
            teacher.flush()

    @cached_property
    def _matrices(self) -> List[numpy.ndarray]:
        """(num_teacher_labels, num_labels) for each teacher; see `label_matrix`."""
        return [
            label_matrix(teacher.labels, teacher.tag_scheme, self.labels, self._tag_scheme, label_map, title)
            for teacher, label_map, title in zip(self._teachers, self._label_maps, self._titles)
        ]

    @property
    def _titles(self) -> List[str]:
        return [f"teacher '{name}'" for name in self._names]

    def _mean(self, weights: numpy.ndarray, probabilities: Sequence[Optional[numpy.ndarray]]) -> Optional[SoftLabels]:
        """
        Returns the soft labels of a sentence. weights : (num_teachers,); probabilities : (num_words, num_teacher_labels) for each
        teacher.
        """
        known = [each for each in probabilities if each is not None]
        if len(known) < len(probabilities):
            return None
        matched = [each.astype(numpy.float32) @ matrix for each, matrix in zip(known, self._matrices)]
        best = numpy.argmax(with_ties(numpy.stack(matched)), axis=2)  # (num_teachers, num_words)
        mean = with_ties(numpy.einsum("k,kwc->wc", weights, matched))
        return SoftLabels(mean, (best == best[0]).all(axis=0))
