"""The base class of selections, which choose what a student learns from."""

from typing import Any, Dict, List, Optional, Sequence

import numpy
from allennlp.common import Registrable

from lowresource_ner.distillation.corpus import Corpus


class Selection(Registrable):
    """
    Chooses sentences or words of a student's text by their words and their teachers' probabilities, never by gold tags.

    Subclasses define `word_weights`, and `prepare` where they depend on the corpus as a whole.
    """

    def open(self) -> None:
        """
        Opens what the selection needs, so that an error comes before long work; `prepare` does so otherwise.

        # Raises

        `ConfigurationError`
            Where something is missing or wrong.
        """

    def prepare(self, corpus: Corpus) -> Dict[str, Any]:
        """
        Called before the first sentence of a corpus is weighed. The base class does nothing.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Returns all sentences of the corpus, also those that other processes label.

        # Returns

        `Dict[str, Any]`
            What a user is told of the selection: numbers by name.
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
            For each sentence the factors of its words' losses, float32 (num_words,), 0 for a word that counts as if it were not
            there; `None` for a sentence that is not learned from.
        """
        raise NotImplementedError


def combined_word_weights(
    selections: Sequence[Selection], sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
) -> List[Optional[numpy.ndarray]]:
    """As `Selection.word_weights`: the products of the selections' weights; `None` where nothing of a sentence is left."""
    product: List[Optional[numpy.ndarray]] = [numpy.ones(len(words), numpy.float32) for words in sentences]
    for selection in selections:
        weights = selection.word_weights(sentences, probabilities)
        product = [
            None if before is None or own is None or not (both := before * own).any() else both
            for before, own in zip(product, weights)
        ]
    return product
