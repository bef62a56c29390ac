"""What each of several teachers counts for (Wu et al. 2020, section 3.3)."""

from typing import Any, Callable, Dict, Iterable, Sequence

import numpy
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

Sentences = Callable[[], Iterable[Sequence[str]]]
"""All sentences of a corpus, words by words; each call begins anew."""


class TeacherWeights(Registrable):
    """The weights α_k of teachers: p̃ = Σ_k α_k p̃_k."""

    default_implementation = "uniform"

    are_of_a_corpus = False
    """Whether `prepare` must be called before weights are asked for."""

    def check(self, teachers: Sequence[str]) -> None:
        """
        Whether there are weights for just these teachers.

        # Raises

        `ConfigurationError`
        """

    def open(self, teachers: Sequence[str]) -> None:
        """
        Opens what the weights need, so that an error comes before long work; `prepare` does so otherwise.

        # Raises

        `ConfigurationError`
        """

    def prepare(self, teachers: Sequence[str], corpus: Sentences) -> None:
        """
        Called before the first sentence of a corpus is weighed, for what has to be known of the corpus as a whole. Here it looks
        at nothing.

        # Parameters

        teachers : `Sequence[str]`
            Their names.
        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Gives all sentences of the corpus, whatever share of it this process labels.
        """

    def summary(self, teachers: Sequence[str]) -> Dict[str, Any]:
        """What a user is told of the weights, after `prepare`: plain numbers by name; nothing where the config has all."""
        return {}

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """
        # Parameters

        teachers : `Sequence[str]`
            Their names.
        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `numpy.ndarray`
            (num_sentences, num_teachers) float32, rows with the sum 1.
        """
        raise NotImplementedError


@TeacherWeights.register("uniform")
class UniformWeights(TeacherWeights):
    """All teachers count alike."""

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        return numpy.full((len(sentences), len(teachers)), 1 / len(teachers), numpy.float32)


@TeacherWeights.register("given")
class GivenWeights(TeacherWeights):
    """
    # Parameters

    values : `Dict[str, float]`
        A number from 0 for each teacher, by name; they are divided by their sum.

    # Raises

    `ConfigurationError`
        Where one is below 0, or all are 0.
    """

    def __init__(self, values: Dict[str, float]) -> None:
        if any(not value >= 0 for value in values.values()) or not sum(values.values()) > 0:
            raise ConfigurationError(f"The teachers' weights are {values}; give numbers from 0, one of them above 0.")
        self._values = values

    def check(self, teachers: Sequence[str]) -> None:
        if set(teachers) != set(self._values):
            raise ConfigurationError(
                f"There are weights for {', '.join(sorted(self._values))}, and the teachers are {', '.join(sorted(teachers))}. "
                "Give each teacher a weight, by its name."
            )

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        row = numpy.array([self._values[name] for name in teachers], numpy.float32)
        return numpy.tile(row / row.sum(), (len(sentences), 1))
