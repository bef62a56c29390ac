"""Cross-domain NER with a transformer and adapters whose weights are generated for each task and domain."""

from typing import Any

import torch
from allennlp.common import Lazy
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder

from lowresource_ner.models.branch import Branch
from lowresource_ner.models.cross_domain_tagger import CrossDomainTagger
from lowresource_ner.modules.encoder_parameters import EncoderParameters, ParameterGenerator
from lowresource_ner.modules.transformer_adapters import TransformerAdapters


@Model.register("pgn_transformer")
class PgnTransformer(CrossDomainTagger):
    """
    The parameter generation network of Jia, Liang and Zhang (2019, P19-1236) on a pretrained transformer: it generates the
    weights of adapters in the transformer's layers (Houlsby et al. 2019, arXiv:1902.00751) from the embeddings of a task and a
    domain. The transformer itself is shared by all modules, and can be frozen with the trainer's `no_grad`. See
    `CrossDomainTagger`.

    Adapters are initialised as the identity, so that all modules start from the pretrained transformer.

    Registered as a `Model` with name "pgn_transformer".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
        A single `subword_transformer`. Its language models must hide the words that they predict: `masked_language_model`.
    encoder : `Lazy[TransformerAdapters]`, optional (default = `{}`)
        The adapters' shape, such as `{"bottleneck_size": 16}`.
    adapter_parameters : `Lazy[EncoderParameters]`, optional (default = `parameter_generator`)
        "parameter_generator", or "shared" for one set of adapters for all modules.
    dropout : `float`, optional (default = `0.1`)
        On the states that the heads read.
    tasks, domains, heads, modules, default_module, unlabelled_domains, tag_scheme, metric, pretrained_file, initializer, \
regularizer
        See `CrossDomainTagger`.

    # Raises

    `ConfigurationError`
        See `CrossDomainTagger` and `TransformerAdapters`.
    """

    parameters_name = "adapter_parameters"

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        encoder: Lazy[TransformerAdapters] = Lazy(TransformerAdapters),  # noqa: B008  AllenNLP's way of a default
        adapter_parameters: Lazy[EncoderParameters] = Lazy(ParameterGenerator),  # noqa: B008
        dropout: float = 0.1,
        **kwargs: Any,
    ) -> None:
        adapters = encoder.construct(embedder=text_field_embedder)
        super().__init__(
            vocab, text_field_embedder, adapters, encoder_parameters=adapter_parameters, dropout=dropout, **kwargs
        )

    def _inputs(self, tokens: TextFieldTensors) -> TextFieldTensors:
        return tokens

    def _states(self, branch: Branch, inputs: TextFieldTensors, mask: torch.Tensor) -> torch.Tensor:
        assert isinstance(self._encoder, TransformerAdapters)
        with self._encoder.inserted(self._embedder, self.encoder_parameters(branch.pair)):
            return self._dropout(self._embedder(inputs))
