"""The predictor of the similarity of texts to source languages."""

from typing import Any, Dict, List, Optional, Sequence, Union

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.common.util import JsonDict
from allennlp.data import DatasetReader, Instance
from allennlp.models import Model
from allennlp.predictors import Predictor

from lowresource_ner.models.language_similarity import LanguageSimilarity
from lowresource_ner.predictors.request import Request, request_of_tokens
from lowresource_ner.predictors.text_predictor import TextPredictor

_DIGITS = 6


@Predictor.register("language_similarity")
class LanguageSimilarityPredictor(TextPredictor):
    """
    Scores the similarity of each sentence to every source language of a `language_similarity`, from which the teacher weights
    "similarity" are computed (Wu et al. 2020, arXiv:2004.12440, section 3.3).

    The input is that of the predictor `ner`: "text" or "tokens". A line of output is a JSON object: "text"; "tokens"; "language",
    the most similar one; and "scores" by language, higher for more similar ones. (A text without words has no scores, and its
    language is null.) With `--use-dataset-reader` and without an `input_format`, the input is a path for the archive's reader,
    such as `en=en.conll`, and the output has "gold_language" as well.

    Registered as a `Predictor` with name "language_similarity".

    # Parameters

    model : `Model`
        A `language_similarity`.
    dataset_reader : `DatasetReader`
        Its `language_vectors`.
    frozen : `bool`
    measure : `str`, optional (default = `"learned"`)
        "learned"; or "cosine", "l1" or "l2" (negated distances), to the mean vector of each language's sentences:
        `--predictor-args '{"measure": "cosine"}'`.
    input_format, tokenizer
        As those of `ner`.

    # Raises

    `ConfigurationError`
        For the archive of another model, and for an unknown `measure`.
    """

    def __init__(
        self,
        model: Model,
        dataset_reader: DatasetReader,
        frozen: bool = True,
        input_format: Optional[str] = None,
        tokenizer: Union[str, Dict[str, Any], None] = None,
        measure: str = "learned",
    ) -> None:
        super().__init__(model, dataset_reader, frozen, input_format, tokenizer)
        if not isinstance(model, LanguageSimilarity) or not hasattr(dataset_reader, "encoder"):
            raise ConfigurationError(
                f"The archive's model is a {type(model).__name__} and its reader a {type(dataset_reader).__name__}, which do "
                "not score languages. Predict with the archive of a 'language_similarity'."
            )
        self._similarity = model
        self._measure = measure
        self._encoder: Any = dataset_reader.encoder
        self._scores(
            torch.from_numpy(self._encoder.encode([]))
        )  # raises an error for an unknown measure before the first line

    def answer_instances(self, instances: List[Instance]) -> List[JsonDict]:
        metadata: List[Any] = [instance["metadata"] for instance in instances]
        vectors: List[Any] = [instance["vector"] for instance in instances]
        requests = [request_of_tokens(each["words"], {}) for each in metadata]
        outputs = self._output(requests, torch.stack([torch.from_numpy(vector.array) for vector in vectors]))
        return [{**_gold_language(instance), **output} for instance, output in zip(instances, outputs)]

    def answer(self, requests: Sequence[Request]) -> List[JsonDict]:
        return self._output(requests, torch.from_numpy(self._encoder.encode([request.words for request in requests])))

    def _output(self, requests: Sequence[Request], vectors: torch.Tensor) -> List[JsonDict]:
        """`vectors`: (num_requests, vector_dim)."""
        outputs = []
        for request, row in zip(requests, self._scores(vectors).tolist()):
            scores = dict(zip(self._similarity.languages, row)) if request.words else {}
            outputs.append(
                {
                    "text": request.text,
                    "tokens": request.words,
                    "language": max(scores, key=scores.__getitem__, default=None),
                    "scores": {language: round(score, _DIGITS) for language, score in scores.items()},
                }
            )
        return outputs

    def _scores(self, vectors: torch.Tensor) -> torch.Tensor:
        """(num_sentences, vector_dim) -> (num_sentences, num_languages)"""
        device = next(self._similarity.parameters()).device
        with torch.inference_mode():
            return self._similarity.scores(vectors.to(device), self._measure).cpu()


def _gold_language(instance: Instance) -> JsonDict:
    language: Any = instance.fields.get("language")
    return {} if language is None else {"gold_language": language.label}
