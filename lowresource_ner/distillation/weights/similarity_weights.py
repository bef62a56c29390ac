"""Weights teachers by the similarity of their languages to the target (Wu et al. 2020, arXiv:2004.12440, section 3.3)."""

import logging
from functools import cached_property
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.distillation.corpus import Corpus, sentence_blocks
from lowresource_ner.distillation.weights.language_scorer import LanguageScorer, mean_weights, softmax
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights
from lowresource_ner.modules.language_scores import MEASURES

logger = logging.getLogger(__name__)

_LEVELS = ("corpus", "sentence")


class _Prepared(NamedTuple):
    """τ of a corpus, and the mean weights α over its sentences, (num_teachers,)."""

    tau: float
    alpha: numpy.ndarray


@TeacherWeights.register("similarity")
class SimilarityWeights(TeacherWeights):
    """
    Weights teachers by the similarity of their languages to a sentence u: α = softmax(τ · score(u, ·)), where τ is the inverse of
    the variance of the scores over all sentences and teachers. At corpus level (the "domain level" that the paper uses), the
    weights are averaged over all sentences. The scores are computed by a trained `language_similarity` model. If all scores are
    equal up to rounding (`rounding.SINGLE`), all teachers have the same weight.

    The archive and its encoder are loaded in `open` or `prepare`, not in the constructor.

    Registered as a `TeacherWeights` with name "similarity".

    # Parameters

    archive_file : `str`
        The archive of a `language_similarity`, or the folder of its finished training run. It does not contain the encoder, which
        is loaded by the name given in the config.
    measure : `str`, optional (default = `"learned"`)
        The similarity measure: "learned", as in the paper, or "cosine", "l1" or "l2" between a sentence and the mean sentence
        vector of each language.
    level : `str`, optional (default = `"corpus"`)
        Whether to use the same weights for the whole "corpus", or separate weights for each "sentence".
    languages : `Optional[Dict[str, str]]`, optional (default = the teachers' names)
        Maps the names of teachers to the names of their languages in the archive.
    overrides : `Optional[Dict[str, Any]]`
        Overrides for the config of the archive, such as `{"dataset_reader.encoder.model_name": "encoders/mbert"}`.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the index of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words per batch, including padding.

    # Raises

    `ConfigurationError`
        If the measure or the level is unknown, or `languages` names an unknown teacher. In `open` and `prepare`, also if the
        archive does not exist, or does not have the language of a teacher.
    """

    needs_corpus = True

    def __init__(
        self,
        archive_file: str,
        measure: str = "learned",
        level: str = "corpus",
        languages: Optional[Dict[str, str]] = None,
        overrides: Optional[Dict[str, Any]] = None,
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        for name, value, known in (("measure", measure, MEASURES), ("level", level, _LEVELS)):
            if value not in known:
                raise ConfigurationError(f"'{name}' of the weights is '{value}'; it is one of {', '.join(known)}.")
        self._archive_file = archive_file
        self._measure = measure
        self._level = level
        self._languages = dict(languages or {})
        self._overrides = dict(overrides or {})
        self._cuda_device = cuda_device
        self._batch_size = batch_size
        self._prepared: Optional[_Prepared] = None

    def check(self, teachers: Sequence[str]) -> None:
        unknown = sorted(set(self._languages) - set(teachers))
        if unknown:
            raise ConfigurationError(
                f"'languages' of the weights names {', '.join(unknown)}; the teachers are {', '.join(teachers)}."
            )

    def open(self, teachers: Sequence[str]) -> None:
        self._columns(teachers)

    def prepare(self, teachers: Sequence[str], corpus: Corpus) -> Dict[str, Any]:
        """
        Computes the scores of all sentences, and from them τ and the mean weights.

        # Parameters

        teachers, corpus
            See `TeacherWeights`.

        # Returns

        `Dict[str, Any]`
            "alpha", the mean weight of each teacher; "tau", which is 0 if all scores are equal; "measure"; "level"; and
            "sentences", the number of sentences.
        """
        blocks = [self._scores(teachers, block) for block in sentence_blocks(corpus)]
        scores = numpy.concatenate(blocks or [numpy.zeros((0, len(teachers)), numpy.float32)])
        tau, alpha = self._prepared = _Prepared(*mean_weights(scores))
        if self._level == "corpus":
            self.__dict__.pop("_scorer", None)  # frees the encoder, which may be on a GPU
        shown = ", ".join(f"{name} {weight:.4f}" for name, weight in zip(teachers, alpha))
        logger.info(
            "Teachers' weights by similarity (%s, by %s; %d sentences, tau %.4g): %s",
            self._measure,
            self._level,
            len(scores),
            tau,
            shown,
        )
        return {
            "alpha": dict(zip(teachers, alpha.tolist())),
            "tau": tau,
            "measure": self._measure,
            "level": self._level,
            "sentences": len(scores),
        }

    def weights(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        if self._level == "corpus":
            return numpy.tile(self._of_corpus.alpha.astype(numpy.float32), (len(sentences), 1))
        return softmax(self._of_corpus.tau * self._scores(teachers, sentences)).astype(numpy.float32)

    @property
    def _of_corpus(self) -> _Prepared:
        if self._prepared is None:
            raise RuntimeError("Similarity weights depend on the corpus. Call 'prepare' before 'weights'.")
        return self._prepared

    def _scores(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """(num_sentences, num_teachers) float32."""
        columns = self._columns(teachers)
        (scores,) = self._scorer.scores(sentences, [self._measure])
        return scores[:, columns]

    def _columns(self, teachers: Sequence[str]) -> List[int]:
        """Returns the column of the scores for each teacher's language."""
        known = self._scorer.languages
        languages = [self._languages.get(name, name) for name in teachers]
        if not set(languages) <= set(known):
            raise ConfigurationError(
                f"The teachers' languages are {', '.join(languages)}, but {self._archive_file} has {', '.join(known)}. Name the "
                "teachers after these languages, map them with 'languages', {teacher: language}, or train it on their languages."
            )
        return [known.index(language) for language in languages]

    @cached_property
    def _scorer(self) -> LanguageScorer:
        return LanguageScorer(
            self._archive_file,
            self._overrides,
            owner="The 'archive_file' of the weights",
            cuda_device=self._cuda_device,
            batch_size=self._batch_size,
        )
