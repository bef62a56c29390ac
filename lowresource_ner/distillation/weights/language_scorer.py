"""Scores the similarity of sentences to source languages with a trained `language_similarity` model."""

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
    Scores sentences with a trained `language_similarity` model. The encoder of its sentence vectors is loaded on first use.

    # Parameters

    archive_file : `str`
        An archive (`model.tar.gz`), or the folder of a finished training run. It does not contain the encoder, which is loaded by
        the name given in the config.
    overrides : `Optional[Dict[str, Any]]`
        Overrides for the config of the archive, such as `{"dataset_reader.encoder.model_name": "encoders/mbert"}`.
    owner : `str`, optional (default = `"ARCHIVE"`)
        The option or argument that gives the archive, for error messages.
    cuda_device, batch_size
        See `SentenceEncoder`.

    # Raises

    `ConfigurationError`
        If the archive does not exist, or its model is not a `language_similarity`.
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
            remedy="Train one with training_configs/cross_lingual/similarity.jsonnet.",
        )
        with preserved_random_state(), archive:
            loaded = archive.load()
        if not isinstance(loaded.model, LanguageSimilarity) or not isinstance(
            loaded.dataset_reader, LanguageVectorsReader
        ):
            raise ConfigurationError(
                f"{archive_file} cannot score languages: its model is a {type(loaded.model).__name__}. Use the archive of "
                "a 'language_similarity' model."
            )
        settings = loaded.config["dataset_reader"]["encoder"].as_dict(quiet=True)
        # These two may differ from those of the training.
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
            For each measure, the scores, (num_sentences, num_languages) float32. Higher scores mean more similar.
        """
        vectors = torch.from_numpy(self._encoder.encode(sentences))
        with torch.inference_mode():
            return [self._model.scores(vectors, measure).numpy() for measure in measures]


def inverse_variance(scores: numpy.ndarray) -> float:
    """
    Returns τ, the inverse of the variance of all scores, or 0 if the scores differ only by rounding. The variance is unbiased, as
    in the released code of Wu et al. (2020, arXiv:2004.12440).
    """
    if differ_by_rounding(scores):
        return 0.0
    return 1 / float(numpy.var(scores, ddof=1, dtype=numpy.float64))


def softmax(scores: numpy.ndarray) -> numpy.ndarray:
    """Computes the softmax over the last dimension in float64."""
    return torch.softmax(torch.from_numpy(scores).double(), dim=-1).numpy()


def mean_weights(scores: numpy.ndarray) -> Tuple[float, numpy.ndarray]:
    """
    Returns τ and the mean over sentences of softmax(τ · scores), (num_languages,), from scores of shape (num_sentences,
    num_languages) (arXiv:2004.12440, section 3.3). The weights are uniform if there are no sentences.
    """
    tau = inverse_variance(scores)
    num_languages = scores.shape[1]
    return tau, softmax(tau * scores).mean(axis=0) if len(scores) else numpy.full(num_languages, 1 / num_languages)
