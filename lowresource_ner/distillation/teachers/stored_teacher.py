"""A teacher with a store for its probabilities."""

from functools import cached_property
from typing import List, Optional, Sequence

import numpy

from lowresource_ner.distillation.store.soft_label_store import SoftLabelStore
from lowresource_ner.distillation.teachers.teacher import Teacher


class StoredTeacher:
    """
    Looks up probabilities in a store, and computes missing ones with the teacher.

    # Parameters

    teacher : `Teacher`
    folder : `str`
        The folder of the stores of all teachers.

    # Raises

    `ConfigurationError`
        As `SoftLabelStore`, when the store is opened.
    """

    def __init__(self, teacher: Teacher, folder: str) -> None:
        self._teacher = teacher
        self._folder = folder

    def label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """
        Returns the probabilities of each sentence, (num_words, num_labels), a float16 view of the store; `None` if the teacher
        skips it.
        """
        found = self._store.get_many(sentences)
        if any(each is None for each in found) and self.fill(sentences):
            found = self._store.get_many(sentences)
        return found

    def fill(self, sentences: Sequence[Sequence[str]]) -> int:
        """Labels the sentences that the store lacks, and returns how many were added."""
        missing = [sentences[position] for position in self._store.missing(sentences)]
        if not missing:
            return 0
        labelled = [(words, each) for words, each in zip(missing, self._teacher.label(missing)) if each is not None]
        self._store.add([words for words, _ in labelled], [each for _, each in labelled])
        return len(labelled)

    def flush(self) -> None:
        """Writes computed probabilities to disk."""
        if "_store" in vars(self):
            self._store.flush()

    @cached_property
    def _store(self) -> SoftLabelStore:
        return SoftLabelStore(self._folder, self._teacher.fingerprint, self._teacher.labels)
