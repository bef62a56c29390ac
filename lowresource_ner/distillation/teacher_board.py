"""Teachers, their store and their weights, put together: soft labels of sentences in the student's own labels."""

from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.rounding import with_ties
from lowresource_ner.distillation.store.soft_label_store import SoftLabelStore
from lowresource_ner.distillation.teachers.label_matching import LabelMatching, student_labels
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.weights.teacher_weights import Sentences, TeacherWeights, UniformWeights


class SoftLabels(NamedTuple):
    """
    What teachers say of a sentence.

    # Parameters

    probabilities : `numpy.ndarray`
        (num_words, num_labels) The teachers' distributions, mixed. Labels that tie for the most probable but for rounding
        (`rounding.SINGLE`), as in a vote, have the very same probability.
    agreement : `numpy.ndarray`
        (num_words,) bool: whether the most probable label of a word, of several the first, is the same for all teachers. Then it
        is the most probable one of the mixture as well.
    """

    probabilities: numpy.ndarray
    agreement: numpy.ndarray


class TeacherBoard:
    """
    One or more teachers of one student, whose answers are looked up in a store, or computed and stored.

    Making one is cheap; models and archives are opened when sentences are to be labelled.

    # Parameters

    teachers : `Mapping[str, Teacher]`
        By name.
    tag_scheme : `str`
        The student's.
    label_maps : `Optional[Mapping[str, Mapping[str, str]]]`
        By a teacher's name, its entity types to rename or to drop; see `LabelMatching`.
    weights : `Optional[TeacherWeights]`, optional (default = `uniform`)
    store : `Optional[str]`
        A folder in which answers are kept. None to compute them each time.

    # Raises

    `ConfigurationError`
        Without teachers, and where names in `label_maps` or `weights` are no teachers'.
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
            raise ConfigurationError("There is no teacher. Give 'teachers', one or more by name.")
        self._names = list(teachers)
        self._teachers = [teachers[name] for name in self._names]
        strangers = sorted(set(label_maps or {}) - set(self._names))
        if strangers:
            raise ConfigurationError(
                f"'label_maps' names {', '.join(strangers)}; the teachers are {', '.join(self._names)}."
            )
        self._label_maps = [(label_maps or {}).get(name) for name in self._names]
        self._weights = weights or UniformWeights()
        self._weights.check(self._names)
        self._tag_scheme = tag_scheme
        self._store = store
        self._stores: Dict[str, SoftLabelStore] = {}
        self._labels: Optional[List[str]] = None
        self._matrices: List[numpy.ndarray] = []

    @property
    def labels(self) -> List[str]:
        """The student's labels: O, then for each type the tags of its scheme."""
        return self._matched()

    def _matched(self) -> List[str]:
        """The student's labels, once those of all teachers are matched with them."""
        if self._labels is None:
            theirs = [teacher.labels for teacher in self._teachers]
            labels = student_labels(
                theirs, self._label_maps, self._tag_scheme, [f"teacher '{name}'" for name in self._names]
            )
            self._matrices = [
                LabelMatching(
                    teacher.labels, teacher.tag_scheme, labels, self._tag_scheme, label_map, f"teacher '{name}'"
                ).matrix
                for name, teacher, label_map in zip(self._names, self._teachers, self._label_maps)
            ]
            self._labels = labels
        return self._labels

    @property
    def teachers(self) -> Mapping[str, Teacher]:
        """By name."""
        return dict(zip(self._names, self._teachers))

    def open(self) -> None:
        """
        Opens what is cheap to open and may be wrong, before long work: what the teachers' labels are, and what the weights need.

        # Raises

        `ConfigurationError`
        """
        self._matched()
        self._weights.open(self._names)

    def prepare(self, corpus: Sentences) -> None:
        """
        Called before sentences of a corpus are labelled, for weights that depend on the corpus as a whole.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Gives all sentences of the corpus.
        """
        self._weights.prepare(self._names, corpus)

    def summary(self) -> Dict[str, Any]:
        """What a user is told of the teachers' weights, once `prepare` was called."""
        return self._weights.summary(self._names)

    def label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[SoftLabels]]:
        """
        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[SoftLabels]]`
            Of each sentence; its probabilities are float16 or float32, and a view of the store where there is one teacher whose
            labels are the student's. None where a teacher passes over the sentence.
        """
        self._matched()
        answers = [self._answers(name, teacher, sentences) for name, teacher in zip(self._names, self._teachers)]
        if len(answers) == 1 and _is_identity(self._matrices[0]):
            return [None if answer is None else SoftLabels(answer, _all_true(answer)) for answer in answers[0]]
        weights = self._weights.weights(self._names, sentences)
        return list(self._mixed(weights, zip(*answers)))

    def _mixed(
        self, weights: numpy.ndarray, answers: Iterable[Sequence[Optional[numpy.ndarray]]]
    ) -> Iterator[Optional[SoftLabels]]:
        for row, rows in zip(weights, answers):
            matched = [
                answer.astype(numpy.float32) @ matrix
                for answer, matrix in zip(rows, self._matrices)
                if answer is not None
            ]
            if len(matched) < len(self._teachers):
                yield None
                continue
            mixed = with_ties(numpy.einsum("k,kwc->wc", row, matched))
            best = numpy.argmax(with_ties(numpy.stack(matched)), axis=2)  # (num_teachers, num_words)
            yield SoftLabels(mixed, (best == best[0]).all(axis=0))

    @property
    def has_store(self) -> bool:
        """Whether answers are kept."""
        return self._store is not None

    @property
    def lacks_store(self) -> bool:
        """Whether answers are computed each time that would be kept if there were a store."""
        return not self.has_store and any(teacher.is_stored for teacher in self._teachers)

    def fill(self, sentences: Sequence[Sequence[str]]) -> int:
        """Computes and stores what the store lacks; says how many answers that were."""
        self._matched()  # teachers whose labels do not match are an error before the work, not after it
        return sum(
            self._compute(self._store_of(name, teacher), teacher, sentences)
            for name, teacher in zip(self._names, self._teachers)
            if self.has_store and teacher.is_stored
        )

    def flush(self) -> None:
        """Writes what was computed."""
        for store in self._stores.values():
            store.flush()

    def _answers(
        self, name: str, teacher: Teacher, sentences: Sequence[Sequence[str]]
    ) -> List[Optional[numpy.ndarray]]:
        if self._store is None or not teacher.is_stored:
            return teacher.label(sentences)
        store = self._store_of(name, teacher)
        self._compute(store, teacher, sentences)
        return store.get_many(sentences)

    def _compute(self, store: SoftLabelStore, teacher: Teacher, sentences: Sequence[Sequence[str]]) -> int:
        """The number of answers that were not in the store."""
        missing = [sentences[position] for position in store.missing(sentences)]
        if not missing:
            return 0
        computed = teacher.label(missing)
        answered = [(words, answer) for words, answer in zip(missing, computed) if answer is not None]
        store.add([words for words, _ in answered], [answer for _, answer in answered])
        return len(answered)

    def _store_of(self, name: str, teacher: Teacher) -> SoftLabelStore:
        if name not in self._stores:
            assert self._store is not None
            self._stores[name] = SoftLabelStore(self._store, teacher.fingerprint, teacher.labels)
        return self._stores[name]


def _all_true(answer: numpy.ndarray) -> numpy.ndarray:
    return numpy.ones(len(answer), bool)


def _is_identity(matrix: numpy.ndarray) -> bool:
    return matrix.shape[0] == matrix.shape[1] and bool((matrix == numpy.eye(len(matrix))).all())
