"""The base class of selections, which choose what a student learns from."""

from typing import Any, Dict, List, Optional, Sequence

import numpy
from allennlp.common import Registrable

from lowresource_ner.distillation.corpus import Corpus
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble


class Selection(Registrable):
    """
    Selects sentences or words of a student's text by the words and their teachers' probabilities, without gold tags.

    Subclasses define `word_weights`, and `prepare` if they depend on the whole corpus.
    """

    def open(self) -> None:
        """
        Loads what the selection needs, so that errors are found early. Optional, since `prepare` does so as well.

        # Raises

        `ConfigurationError`
            If something is missing or wrong.
        """

    def prepare(self, corpus: Corpus, ensemble: TeacherEnsemble) -> Dict[str, Any]:
        """
        Prepares the selection for a corpus, before `word_weights` is called. Does nothing by default.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Returns all sentences of the corpus, including those that other processes label.
        ensemble : `TeacherEnsemble`
            The student's teachers, prepared for the corpus.

        # Returns

        `Dict[str, Any]`
            Statistics of the selection, by name, for the log.
        """
        return {}

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """
        Returns the weights of words.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.
        probabilities : `Sequence[numpy.ndarray]`
            For each sentence (num_words, num_labels): the weighted mean of the teachers' probabilities.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence the factors for its words' losses, float32 (num_words,), 0 for words that do not count; `None` if
            the sentence is left out.
        """
        raise NotImplementedError


def combined_word_weights(
    selections: Sequence[Selection], sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
) -> List[Optional[numpy.ndarray]]:
    """Returns the products of the selections' weights; `None` if all words of a sentence are left out."""
    product: List[Optional[numpy.ndarray]] = [numpy.ones(len(words), numpy.float32) for words in sentences]
    for selection in selections:
        weights = selection.word_weights(sentences, probabilities)
        product = [
            None if before is None or own is None or not (both := before * own).any() else both
            for before, own in zip(product, weights)
        ]
    return product
