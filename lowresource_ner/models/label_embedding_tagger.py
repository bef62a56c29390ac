"""NER with the predictions of a tagger of another domain as features. The two may have different labels."""

from typing import Any, Dict, List, Mapping, Optional

import numpy
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder

from lowresource_ner.models.pgn_bilstm_crossdomain import PgnBilstmCrossdomain
from lowresource_ner.models.source_tagger import SourceTagger
from lowresource_ner.modules.tag_embedding import TagEmbedding

_SOURCE_TAGS = "source_tags"


@Model.register("label_embedding_tagger")
class LabelEmbeddingTagger(PgnBilstmCrossdomain):
    """
    A `pgn_bilstm_crossdomain` with the predictions of a source tagger as features: the expected embedding of a word's source tag,
    Σ_t p(t) e(t), is concatenated with its word vector (after the feature transfer of Kim, Stratos, Sarikaya and Jeong 2015,
    P15-1046).

    The source tagger is loaded from its archive and not trained, and it becomes a part of the archive of this model. The tag
    embeddings are trained. The callback `label_embeddings` initialises them as label embeddings, which relate source and target
    labels; without it they are initialised at random.

    With one module and "shared" `lstm_parameters`, this is an ordinary BiLSTM-CRF. It cannot have language models, since the
    source tagger reads the words that they would predict.

    Registered as a `Model` with name "label_embedding_tagger".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
    source_archive : `str`
        The source tagger: a `model.tar.gz` of this package, or the folder of a finished training run. It is only read in
        training; the archive of this model contains a copy.
    label_embedding_dim : `int`, optional (default = `20`)
        Label embeddings have one dimension less than source and target have labels; the rest is initialised to 0.
    serialization_dir : `Optional[str]`
        The folder of the run, or of the archive that is being loaded. Passed by AllenNLP.
    kwargs
        See `PgnBilstmCrossdomain`.

    # Raises

    `ConfigurationError`
        See `SourceTagger` and `PgnBilstmCrossdomain`.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        source_archive: str,
        label_embedding_dim: int = 20,
        serialization_dir: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        source = SourceTagger(source_archive, serialization_dir)
        embedder = _WordsAndTags(text_field_embedder, TagEmbedding(source.labels, label_embedding_dim))
        super().__init__(vocab, embedder, serialization_dir=serialization_dir, **kwargs)
        self.source = source

    @property
    def has_label_embeddings(self) -> bool:
        """Whether the tag embeddings were initialised as label embeddings."""
        return bool(self._tag_embedding.has_label_embeddings)

    def set_label_embeddings(self, embeddings: Mapping[str, numpy.ndarray]) -> None:
        """Initialises the tag embeddings with embeddings of the source labels, (dim,) each; see `TagEmbedding`."""
        weight = self._tag_embedding.weight
        self._tag_embedding.set_label_embeddings(
            {label: torch.from_numpy(vector).to(weight) for label, vector in embeddings.items()}
        )

    def forward(
        self,
        tokens: TextFieldTensors,
        tags: Optional[torch.Tensor] = None,
        lm_words: Optional[TextFieldTensors] = None,
        module_name: Optional[List[str]] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
        task: Optional[List[str]] = None,
        teacher_probabilities: Optional[torch.Tensor] = None,
        word_weights: Optional[torch.Tensor] = None,
    ) -> Dict[str, Any]:
        """See `CrossDomainTagger`. The metadata is required, since the source tagger reads the words."""
        if metadata is None:
            raise ConfigurationError(
                "label_embedding_tagger needs the words of each sentence in the field 'metadata', as from the readers of this "
                "package."
            )
        words = [sentence["words"] for sentence in metadata]
        probabilities = self.source(words, self._tag_embedding.weight.device)
        tokens = {**tokens, _SOURCE_TAGS: {"probabilities": probabilities}}
        return super().forward(tokens, tags, lm_words, module_name, metadata, task, teacher_probabilities, word_weights)

    @property
    def _tag_embedding(self) -> TagEmbedding:
        assert isinstance(self._embedder, _WordsAndTags)
        return self._embedder.tags


class _WordsAndTags(TextFieldEmbedder):
    """Concatenates word vectors with the embedding of the tag distribution in the input `_SOURCE_TAGS`."""

    def __init__(self, words: TextFieldEmbedder, tags: TagEmbedding) -> None:
        super().__init__()
        self.words = words
        self.tags = tags

    def get_output_dim(self) -> int:
        return self.words.get_output_dim() + self.tags.get_output_dim()

    def forward(self, text_field_input: TextFieldTensors, num_wrapping_dims: int = 0, **kwargs: Any) -> torch.Tensor:
        """(batch_size, num_words, get_output_dim())"""
        words = {name: tensors for name, tensors in text_field_input.items() if name != _SOURCE_TAGS}
        vectors = self.words(words, num_wrapping_dims, **kwargs)
        return torch.cat([vectors, self.tags(text_field_input[_SOURCE_TAGS]["probabilities"])], dim=-1)
