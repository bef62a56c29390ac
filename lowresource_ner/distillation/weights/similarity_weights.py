"""Weighs teachers by the similarity of their languages to the target's (Wu et al. 2020, arXiv:2004.12440, section 3.3)."""

import logging
from functools import cached_property
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import Archive
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.common.rounding import differ_by_rounding
from lowresource_ner.distillation.corpus import Corpus, sentence_blocks
from lowresource_ner.distillation.weights.language_vectors import LanguageVectorsReader
from lowresource_ner.distillation.weights.sentence_vectors import SentenceEncoder
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights
from lowresource_ner.models.language_similarity import LanguageSimilarity

logger = logging.getLogger(__name__)

_MEASURES = ("learned", "cosine", "l1", "l2")
_LEVELS = ("corpus", "sentence")


class _Similarity(NamedTuple):
    """The model of the archive, and the encoder of its vectors."""

    model: LanguageSimilarity
    encoder: SentenceEncoder


class _Prepared(NamedTuple):
    """For a corpus, τ, and the mean of its sentences' weights, (num_teachers,)."""

    tau: float
    alpha: numpy.ndarray


@TeacherWeights.register("similarity")
class SimilarityWeights(TeacherWeights):
    """
    Weighs teachers by how similar their languages are to that of a sentence: α = softmax(τ · score(u, ·)) for a sentence u, with
    τ = 1 / Var(the scores of all sentences and teachers). At the level of the corpus, the weights are the mean over its sentences
    ("domain level", the paper's choice). The scores are those of a trained `language_similarity`. Where all scores are the same,
    but for rounding (`rounding.SINGLE`), all teachers have the same weight.

    Making the weights is cheap and opens no file; the archive and its encoder are loaded when a corpus is prepared.

    Registered as a `TeacherWeights` with name "similarity".

    # Parameters

    archive_file : `str`
        The archive of a `language_similarity`, or the folder of its finished training run. Its encoder is not inside: it is found
        by the name that the training knew it by.
    measure : `str`, optional (default = `"learned"`)
        "learned" (the paper's); or "cosine", "l1" or "l2", to the mean vector of each language's sentences.
    level : `str`, optional (default = `"corpus"`)
        "corpus" or "sentence".
    languages : `Optional[Dict[str, str]]`, optional (default = a teacher's name is its language)
        By a teacher's name, its language as the archive calls it.
    overrides : `Optional[Dict[str, Any]]`
        Changes to the archive's config: `{"dataset_reader.encoder.model_name": "encoders/mbert"}`.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the number of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words, padding included, that the encoder sees at once.

    # Raises

    `ConfigurationError`
        For an unknown measure or level, and names in `languages` that are no teachers'; when a corpus is prepared, where there is
        no such archive, or a teacher's language is none of it.
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
        for name, value, known in (("measure", measure, _MEASURES), ("level", level, _LEVELS)):
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
        Scores every sentence.

        # Parameters

        teachers, corpus
            See `TeacherWeights`.

        # Returns

        `Dict[str, Any]`
            "alpha", by teacher the weight, at the level of sentences the mean of theirs; "tau", 0 where all scores are the same;
            "measure"; "level"; and "sentences", their number.
        """
        blocks = [self._scores(teachers, block) for block in sentence_blocks(corpus)]
        scores = numpy.concatenate(blocks or [numpy.zeros((0, len(teachers)), numpy.float32)])
        tau = _tau(scores)
        alpha = _softmax(tau * scores).mean(axis=0) if len(scores) else numpy.full(len(teachers), 1 / len(teachers))
        self._prepared = _Prepared(tau, alpha)
        if self._level == "corpus":
            self.__dict__.pop("_similarity", None)  # its encoder is not needed any more, and may take room on a GPU
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
        return _softmax(self._of_corpus.tau * self._scores(teachers, sentences)).astype(numpy.float32)

    @property
    def _of_corpus(self) -> _Prepared:
        if self._prepared is None:
            raise RuntimeError("weights by similarity depend on the corpus: call 'prepare' before they are asked for")
        return self._prepared

    def _scores(self, teachers: Sequence[str], sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """(num_sentences, num_teachers) float32."""
        columns = self._columns(teachers)
        vectors = torch.from_numpy(self._similarity.encoder.encode(sentences))
        with torch.inference_mode():
            scores = self._similarity.model.scores(vectors, self._measure)
        return scores.numpy()[:, columns]

    def _columns(self, teachers: Sequence[str]) -> List[int]:
        """The columns of the scores of the teachers' languages."""
        known = self._similarity.model.languages
        languages = [self._languages.get(name, name) for name in teachers]
        if not set(languages) <= set(known):
            raise ConfigurationError(
                f"The teachers' languages are {', '.join(languages)}, and {self._archive_file} knows {', '.join(known)}. "
                "Call the teachers by its languages, give 'languages', {name of the teacher: language}, or train it on "
                "those languages."
            )
        return [known.index(language) for language in languages]

    @cached_property
    def _similarity(self) -> _Similarity:
        archive = Archive(
            self._archive_file,
            self._overrides,
            owner="The 'archive_file' of the weights",
            remedy="One is trained with training_configs/cross_lingual/similarity.jsonnet.",
        )
        with preserved_random_state(), archive:
            loaded = archive.load()
        if not isinstance(loaded.model, LanguageSimilarity) or not isinstance(
            loaded.dataset_reader, LanguageVectorsReader
        ):
            raise ConfigurationError(
                f"{self._archive_file} says nothing of languages: its model is a {type(loaded.model).__name__}. Take the "
                "archive of a 'language_similarity'."
            )
        settings = loaded.config["dataset_reader"]["encoder"].as_dict(quiet=True)
        # Where it was trained is not where it is used.
        settings.update(cuda_device=self._cuda_device, batch_size=self._batch_size)
        return _Similarity(loaded.model.eval(), SentenceEncoder.from_params(Params(settings)))


def _tau(scores: numpy.ndarray) -> float:
    """1 / Var of all scores, estimated without bias as in the released code; 0 where they differ by rounding alone."""
    if differ_by_rounding(scores):
        return 0.0
    return 1 / float(numpy.var(scores, ddof=1, dtype=numpy.float64))


def _softmax(scores: numpy.ndarray) -> numpy.ndarray:
    """By rows."""
    return torch.softmax(torch.from_numpy(scores).double(), dim=-1).numpy()
