"""A model that scores how close a sentence is to each source language."""

from typing import Any, Dict, List, Mapping, Optional

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.models import Model

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.metrics import MeanLoss
from lowresource_ner.models.counted_sentences import counted_sentences
from lowresource_ner.modules.language_scores import LanguageScores


@Model.register("language_similarity")
class LanguageSimilarity(Model):
    """
    Classifies sentences by language from their vectors, which come from a frozen pretrained encoder (Wu et al. 2020,
    arXiv:2004.12440, section 3.3). For text in other languages, the scores show which source languages are close; the teacher
    weights "similarity" are computed from them.

    The loss is the cross-entropy over the source languages plus γ ‖Pᵀ P − I_H‖_F², up to a constant; see `LanguageScores`. Train
    it with the callback `language_means`.

    Registered as a `Model` with name "language_similarity".

    # Parameters

    vocab : `Vocabulary`
    model_name : `str`
        The encoder of the sentence vectors, the same as in the reader; their size is read from its config.
    rank : `int`, optional (default = `64`)
    orthogonality_weight : `float`, optional (default = `0.01`)
        γ.
    label_namespace : `str`, optional (default = `"language_labels"`)
    serialization_dir : `Optional[str]`
        Passed by AllenNLP: the folder of the run or archive that holds the encoder's config.

    # Raises

    `ConfigurationError`
        If there are no languages, or the encoder cannot be found.
    """

    default_predictor = "language_similarity"

    def __init__(
        self,
        vocab: Vocabulary,
        model_name: str,
        rank: int = 64,
        orthogonality_weight: float = 0.01,
        label_namespace: str = "language_labels",
        serialization_dir: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, serialization_dir=serialization_dir, **kwargs)
        by_index = vocab.get_index_to_token_vocabulary(label_namespace)
        self.languages = [by_index[index] for index in range(len(by_index))]
        """The source languages, in the order of the scores."""
        if not self.languages:
            raise ConfigurationError(
                f"The data of language_similarity has no languages (namespace '{label_namespace}'). Read it with the reader "
                "language_vectors."
            )
        hidden_size = EncoderFiles(model_name, serialization_dir).config().hidden_size
        self._scores = LanguageScores(len(self.languages), hidden_size, rank)
        self._orthogonality_weight = orthogonality_weight
        self._accuracy = MeanLoss("accuracy")

    @property
    def has_means(self) -> bool:
        """Whether the languages' means have been set or loaded."""
        return bool(self._scores.has_means)

    def set_means(self, means: Mapping[str, torch.Tensor]) -> None:
        """
        Sets the mean sentence vector of each language, and initialises the languages' embeddings with them.

        # Parameters

        means : `Mapping[str, torch.Tensor]`
            (vector_dim,) for each language.
        """
        self._scores.set_means(torch.stack([means[language] for language in self.languages]))

    def scores(self, vectors: torch.Tensor, measure: str = "learned") -> torch.Tensor:
        """
        Scores how close sentences are to each language.

        # Parameters

        vectors : `torch.Tensor`
            (num_sentences, vector_dim)
        measure : `str`
            "learned"; or "cosine", "l1" or "l2" (negated distances) to the mean of each language's sentences.

        # Returns

        `torch.Tensor` : (num_sentences, num_languages), higher is closer.
        """
        return self._scores(vectors, measure)

    def forward(
        self,
        vector: torch.Tensor,
        language: Optional[torch.Tensor] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        vector : `torch.Tensor`
            (batch_size, vector_dim)
        language : `torch.Tensor`, optional
            (batch_size,)
        metadata : `List[Dict[str, Any]]`, optional
            One dictionary per sentence.

        # Returns

        scores : (batch_size, num_languages); loss : scalar, if `language` is given.
        """
        scores = self.scores(vector)
        output = {"scores": scores}
        if language is not None:
            penalty = self._orthogonality_weight * self._scores.orthogonality_penalty()
            output["loss"] = torch.nn.functional.cross_entropy(scores, language) + penalty
            rows = counted_sentences(metadata)
            is_right = scores.argmax(dim=-1)[rows] == language[rows]
            self._accuracy(is_right.sum(), len(is_right))
        return output

    def make_output_human_readable(self, output_dict: Dict[str, Any]) -> Dict[str, Any]:
        """Adds "language", the closest language of each sentence."""
        best = output_dict["scores"].argmax(dim=-1).tolist()
        return {**output_dict, "language": [self.languages[index] for index in best]}

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        """Returns "accuracy", the share of sentences whose language was identified; nothing before the first sentence."""
        return self._accuracy.get_metric(reset)
