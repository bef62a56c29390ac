"""The weights of several teachers (Wu et al. 2020, arXiv:2004.12440, section 3.3)."""

from typing import Any, Dict, Sequence

import numpy
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation.corpus import Corpus


class TeacherWeights(Registrable):
    """
    Weighs teachers against each other: p̃ = Σ_k α_k p̃_k.

    Subclasses define `weights`, and `prepare` where the weights depend on a corpus as a whole.
    """

    default_implementation = "uniform"

    needs_corpus = False
    """Whether `prepare` must be called before weights are asked for."""

    def check(self, teachers: Sequence[str]) -> None:
        """
        Checks the names in the options.

        # Raises

        `ConfigurationError`
            Where they are not those of these teachers.
        """

    def open(self, teachers: Sequence[str]) -> None:
        """
        Opens what the weights need, so that an error comes before long work; `prepare` does so otherwise.

        # Raises

        `ConfigurationError`
            Where something is missing or wrong.
        """

    def prepare(self, teachers: Sequence[str], corpus: Corpus) -> Dict[str, Any]:
        """
        Called before the teachers of the first sentence of a corpus are weighed. The base class does nothing.

        # Parameters

        teachers : `Sequence[str]`
            Their names.
        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Returns all sentences of the corpus, also those that other processes label.

        # Returns

        `Dict[str, Any]`
            What a user is told of the weights: numbers by name; nothing where they are in the config.
        """
        return {}

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """
        Returns the weights of the teachers for each sentence.

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
    """Gives all teachers the same weight."""

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        return numpy.full((len(sentences), len(teachers)), 1 / len(teachers), numpy.float32)


@TeacherWeights.register("given")
class GivenWeights(TeacherWeights):
    """
    Takes the weights from the config.

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
