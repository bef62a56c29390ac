"""Tags the entities of one domain with the help of a tagger of another, whose labels may be others."""

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
    A `pgn_bilstm_crossdomain` whose words also have the embedded prediction of a tagger of the source domain: the expected
    embedding of the word's source tag, Σ_t p(t) e(t), beside its word vector (feature transfer, after Kim, Stratos, Sarikaya and
    Jeong 2015, P15-1046).

    The source tagger is an archive; its weights stay as they are, and it travels in the archive of this model. The tag embeddings
    are trained. With the callback `label_embeddings` they begin as label embeddings, by which source and target labels are
    related; without it, as random numbers.

    With one module, and "shared" as `lstm_parameters`, it is an ordinary BiLSTM-CRF. Language models are refused, since the
    source tagger sees the words that they would predict.

    Registered as a `Model` with name "label_embedding_tagger".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
    source_archive : `str`
        The source tagger: a `model.tar.gz` of this package, or the folder of a finished training run. It is read in training;
        when this model's archive is loaded, its copy of it.
    label_embedding_dim : `int`, optional (default = `20`)
        Label embeddings have one dimension less than there are labels of source and target; the rest begins as 0.
    serialization_dir : `Optional[str]`
        Given by AllenNLP: the run, or the archive that is being loaded.
    kwargs
        As `PgnBilstmCrossdomain`.

    # Raises

    `ConfigurationError`
        Where `SourceTagger` refuses the source's archive, or as `PgnBilstmCrossdomain`.
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
        embedder = _WithTags(text_field_embedder, TagEmbedding(source.labels, label_embedding_dim))
        super().__init__(vocab, embedder, serialization_dir=serialization_dir, **kwargs)
        self.source = source

    @property
    def has_label_embeddings(self) -> bool:
        """Whether the tag embeddings began as label embeddings."""
        return bool(self._tag_embedding.has_label_embeddings)

    def set_label_embeddings(self, embeddings: Mapping[str, numpy.ndarray]) -> None:
        """Lets the tag embeddings begin as the embeddings of the source's labels, (dim,) each; see `TagEmbedding`."""
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
    ) -> Dict[str, Any]:
        """See `CrossDomainTagger`. The metadata is required, since the source tagger reads the words."""
        if metadata is None:
            raise ConfigurationError(
                "label_embedding_tagger needs the words of each sentence (the field 'metadata'), which the readers of this "
                "package give."
            )
        words = [sentence["words"] for sentence in metadata]
        probabilities = self.source(words, self._tag_embedding.weight.device)
        tokens = {**tokens, _SOURCE_TAGS: {"probabilities": probabilities}}
        return super().forward(tokens, tags, lm_words, module_name, metadata, task)

    @property
    def _tag_embedding(self) -> TagEmbedding:
        assert isinstance(self._embedder, _WithTags)
        return self._embedder.tags


class _WithTags(TextFieldEmbedder):
    """Word vectors, and behind them the embedded distribution over tags that the input has as `_SOURCE_TAGS`."""

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
