"""What a student learns from, of all that its teachers have labelled."""

from typing import Any, Dict, List, Optional, Sequence

import numpy
from allennlp.common import Registrable

from lowresource_ner.distillation.weights.teacher_weights import Sentences


class Selection(Registrable):
    """
    Keeps some sentences or words of a student's text, by the words and by what the teachers say of them, never by gold tags.

    A selection of another kind defines `word_weights`, and `prepare` where it has to know the corpus as a whole.
    """

    def open(self) -> None:
        """
        Opens what the selection needs, so that an error comes before long work; `prepare` does so otherwise.

        # Raises

        `ConfigurationError`
        """

    def prepare(self, corpus: Sentences) -> None:
        """
        Called before the first sentence of a corpus is judged. Here it looks at nothing.

        # Parameters

        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Gives all sentences of the corpus, whatever share of it this process labels.
        """

    def summary(self) -> Dict[str, Any]:
        """What a user is told of the selection, once `prepare` was called: plain numbers by name."""
        return {}

    def word_weights(
        self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]
    ) -> List[Optional[numpy.ndarray]]:
        """
        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.
        probabilities : `Sequence[numpy.ndarray]`
            Of each sentence (num_words, num_labels): the teachers' distributions, mixed.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence the factors of its words' losses, float32 (num_words,), 0 for a word that counts as if it were not
            there; None for a sentence that is not learned from.
        """
        raise NotImplementedError
