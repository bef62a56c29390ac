"""Scores how close sentences are to the source languages of a trained `language_similarity`."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
import torch
from allennlp.common import Params
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import Archive
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.common.rounding import differ_by_rounding
from lowresource_ner.distillation.weights.language_vectors import LanguageVectorsReader
from lowresource_ner.distillation.weights.sentence_vectors import SentenceEncoder
from lowresource_ner.models.language_similarity import LanguageSimilarity


class LanguageScorer:
    """
    A trained `language_similarity` with the encoder of its sentence vectors, which is loaded for the first sentence.

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`), or the folder of a finished training run. The encoder is not in it, but loaded by the name in
        its config.
    overrides : `Optional[Dict[str, Any]]`
        Changes to the archive's config: `{"dataset_reader.encoder.model_name": "encoders/mbert"}`.
    owner : `str`, optional (default = `"ARCHIVE"`)
        What names the archive, for error messages.
    cuda_device, batch_size
        See `SentenceEncoder`.

    # Raises

    `ConfigurationError`
        If the archive does not exist, or its model is another one.
    """

    def __init__(
        self,
        archive_file: str,
        overrides: Optional[Dict[str, Any]] = None,
        owner: str = "ARCHIVE",
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        archive = Archive(
            archive_file,
            dict(overrides or {}),
            owner=owner,
            remedy="One is trained with training_configs/cross_lingual/similarity.jsonnet.",
        )
        with preserved_random_state(), archive:
            loaded = archive.load()
        if not isinstance(loaded.model, LanguageSimilarity) or not isinstance(
            loaded.dataset_reader, LanguageVectorsReader
        ):
            raise ConfigurationError(
                f"{archive_file} cannot score languages: its model is a {type(loaded.model).__name__}. Take the archive of "
                "a 'language_similarity'."
            )
        settings = loaded.config["dataset_reader"]["encoder"].as_dict(quiet=True)
        # These may differ from training.
        settings.update(cuda_device=cuda_device, batch_size=batch_size)
        self._model = loaded.model.eval()
        self._encoder = SentenceEncoder.from_params(Params(settings))

    @property
    def languages(self) -> List[str]:
        """The source languages, in the order of the scores."""
        return self._model.languages

    def scores(self, sentences: Sequence[Sequence[str]], measures: Sequence[str]) -> List[numpy.ndarray]:
        """
        Scores sentences by one or more measures.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.
        measures : `Sequence[str]`
            See `LanguageSimilarity.scores`.

        # Returns

        `List[numpy.ndarray]`
            For each measure (num_sentences, num_languages), float32, higher is closer.
        """
        vectors = torch.from_numpy(self._encoder.encode(sentences))
        with torch.inference_mode():
            return [self._model.scores(vectors, measure).numpy() for measure in measures]


def inverse_variance(scores: numpy.ndarray) -> float:
    """
    Returns τ = 1 / Var of all scores, the unbiased variance as in the released code of Wu et al. (2020, arXiv:2004.12440); 0 if
    they differ only by rounding.
    """
    if differ_by_rounding(scores):
        return 0.0
    return 1 / float(numpy.var(scores, ddof=1, dtype=numpy.float64))


def softmax(scores: numpy.ndarray) -> numpy.ndarray:
    """By rows, in float64."""
    return torch.softmax(torch.from_numpy(scores).double(), dim=-1).numpy()


def mean_weights(scores: numpy.ndarray) -> Tuple[float, numpy.ndarray]:
    """
    Returns τ and the mean over sentences of softmax(τ · scores) (arXiv:2004.12440, section 3.3): (num_languages,), all the same
    if there are no sentences. scores : (num_sentences, num_languages)
    """
    tau = inverse_variance(scores)
    num_languages = scores.shape[1]
    return tau, softmax(tau * scores).mean(axis=0) if len(scores) else numpy.full(num_languages, 1 / num_languages)
