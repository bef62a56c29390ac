"""Base class of selections, which choose the sentences or words that a student learns from."""

from typing import Any, Dict, List, Optional, Sequence

import numpy
from allennlp.common import Registrable

from lowresource_ner.distillation.corpus import Corpus
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble


class Selection(Registrable):
    """
    Selects sentences or words of a student's text, given the words and the teachers' probabilities. Gold tags are not used.

    Subclasses implement `word_weights`, and `prepare` if they depend on the whole corpus.
    """

    def open(self) -> None:
        """
        Loads the resources of the selection, so that errors are found early. Calling it is optional; `prepare` loads them too.

        # Raises

        `ConfigurationError`
            If a resource is missing or invalid.
        """

    def prepare(self, corpus: Corpus, ensemble: TeacherEnsemble) -> Dict[str, Any]:
        """
        Prepares the selection for a corpus. Called before `word_weights`. By default, it does nothing.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Returns all sentences of the corpus, including those labelled by other processes.
        ensemble : `TeacherEnsemble`
            The student's teachers, prepared for the corpus.

        # Returns

        `Dict[str, Any]`
            Statistics of the selection by name, for logging.
        """
        return {}

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """
        Computes the weights of words.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.
        probabilities : `Sequence[numpy.ndarray]`
            The weighted mean of the teachers' probabilities, (num_words, num_labels) for each sentence.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence, the factors of its words' losses, (num_words,) float32, with 0 for words that are dropped; `None`
            if the sentence is dropped.
        """
        raise NotImplementedError


def combined_word_weights(
    selections: Sequence[Selection], sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
) -> List[Optional[numpy.ndarray]]:
    """Multiplies the weights of all selections. Returns `None` for sentences of which all words are dropped."""
    product: List[Optional[numpy.ndarray]] = [numpy.ones(len(words), numpy.float32) for words in sentences]
    for selection in selections:
        weights = selection.word_weights(sentences, probabilities)
        product = [
            None if before is None or own is None or not (both := before * own).any() else both
            for before, own in zip(product, weights)
        ]
    return product
