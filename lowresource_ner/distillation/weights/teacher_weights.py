"""Base class of teacher weights, uniform weights and given weights (Wu et al. 2020, arXiv:2004.12440, section 3.3)."""

from typing import Any, Dict, Sequence

import numpy
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.renamed import refuse_earlier_names
from lowresource_ner.distillation.corpus import Corpus


class TeacherWeights(Registrable):
    """
    Computes the weights α of the teachers, whose probabilities are combined as p̃ = Σ_k α_k p̃_k.

    Subclasses implement `weights`, and `prepare` if the weights depend on the whole corpus.
    """

    default_implementation = "uniform"

    needs_corpus = False
    """Whether `prepare` must be called before `weights`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_earlier_names(
            cls, {"are_of_a_corpus": "'needs_corpus'", "summary": "'prepare', which returns the summary,"}
        )

    def check(self, teachers: Sequence[str]) -> None:
        """
        Checks that the options match the teachers.

        # Raises

        `ConfigurationError`
            If they do not match.
        """

    def open(self, teachers: Sequence[str]) -> None:
        """
        Loads the required resources, so that errors are found early. Calling it is optional; `prepare` loads them too.

        # Raises

        `ConfigurationError`
            If a resource is missing or invalid.
        """

    def prepare(self, teachers: Sequence[str], corpus: Corpus) -> Dict[str, Any]:
        """
        Prepares the weights for a corpus. Called before `weights`. By default, it does nothing.

        # Parameters

        teachers : `Sequence[str]`
            The names of the teachers.
        corpus : `Callable[[], Iterable[Sequence[str]]]`
            Returns all sentences of the corpus, including those labelled by other processes.

        # Returns

        `Dict[str, Any]`
            Statistics of the weights by name, for logging.
        """
        return {}

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """
        Computes the weights of the teachers for each sentence.

        # Parameters

        teachers : `Sequence[str]`
            The names of the teachers.
        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `numpy.ndarray`
            (num_sentences, num_teachers) float32. Rows sum to 1.
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
    Uses the weights given in the config.

    # Parameters

    values : `Dict[str, float]`
        A non-negative weight for each teacher. The weights are normalised to sum to 1.

    # Raises

    `ConfigurationError`
        If a weight is negative, or all are 0.
    """

    def __init__(self, values: Dict[str, float]) -> None:
        if any(not value >= 0 for value in values.values()) or not sum(values.values()) > 0:
            raise ConfigurationError(f"The teachers' weights are {values}; they must be at least 0, and not all 0.")
        self._values = values

    def check(self, teachers: Sequence[str]) -> None:
        if set(teachers) != set(self._values):
            raise ConfigurationError(
                f"There are weights for {', '.join(sorted(self._values))}, but the teachers are {', '.join(sorted(teachers))}. "
                "Give one weight for each teacher, by its name."
            )

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        row = numpy.array([self._values[name] for name in teachers], numpy.float32)
        return numpy.tile(row / row.sum(), (len(sentences), 1))
