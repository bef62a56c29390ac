"""Cross-domain NER with LSTM weights that are generated for each task and domain."""

from typing import Any

import torch
from allennlp.common import Lazy
from allennlp.data import Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder

from lowresource_ner.models.branch import Branch
from lowresource_ner.models.cross_domain_tagger import CrossDomainTagger
from lowresource_ner.modules.encoder_parameters import EncoderParameters, ParameterGenerator
from lowresource_ner.modules.generated_lstm import GeneratedLstm


@Model.register("pgn_bilstm_crossdomain")
class PgnBilstmCrossdomain(CrossDomainTagger):
    """
    NER and language modelling in several domains: word vectors, a BiLSTM whose weights are generated from the embeddings of
    a task and a domain, and a head (Jia, Liang and Zhang 2019, P19-1236). See `CrossDomainTagger`.

    Registered as a `Model` with name "pgn_bilstm_crossdomain".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
        Word representations, shared by all modules. If one of these is a language model, they must not depend on context, unless
        the language model hides the words that it predicts.
    encoder : `Lazy[GeneratedLstm]`
        The LSTM's shape, such as `{"hidden_size": 100}` (each direction).
    lstm_parameters : `Lazy[EncoderParameters]`, optional (default = `parameter_generator`)
        "parameter_generator", or "shared" for one LSTM for all modules.
    tasks, domains, heads, modules, default_module, unlabelled_domains, dropout, tag_scheme, metric, pretrained_file, \
initializer, regularizer
        See `CrossDomainTagger`.

    # Raises

    `ConfigurationError`
        See `CrossDomainTagger`.
    """

    parameters_name = "lstm_parameters"

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        encoder: Lazy[GeneratedLstm],
        lstm_parameters: Lazy[EncoderParameters] = Lazy(ParameterGenerator),  # noqa: B008  AllenNLP's way of a default
        **kwargs: Any,
    ) -> None:
        lstm = encoder.construct(input_size=text_field_embedder.get_output_dim())
        super().__init__(vocab, text_field_embedder, lstm, encoder_parameters=lstm_parameters, **kwargs)

    def _states(self, branch: Branch, inputs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self._dropout(self._encoder(self._dropout(inputs), mask, self.encoder_parameters(branch.pair)))
