"""A head that predicts sub-words which the encoder does not see."""

from typing import Dict, Optional, Sequence

import torch
from allennlp.common import Lazy
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.modules import TextFieldEmbedder
from allennlp.training.metrics import Metric

from lowresource_ner.metrics import WordPerplexity
from lowresource_ner.models.heads.module_head import HeadInputs, ModuleHead
from lowresource_ner.modules.masked_language_model import MaskedLanguageModel


@ModuleHead.register("masked_language_model")
class MaskedLanguageModelHead(ModuleHead):
    """
    Predicts sub-words that are hidden from the encoder, in the sentences of its own module; see `MaskedLanguageModel`. It makes
    its targets itself: its readers need no `lm_namespace`. The perplexity is over the hidden sub-words.

    Registered as a `ModuleHead` with name "masked_language_model".

    # Parameters

    vocab, embedder, input_dim, label_namespaces, tag_scheme
        See `ModuleHead`.
    mask_share : `float`, optional (default = `0.15`)

    # Raises

    `ConfigurationError`
        As `MaskedLanguageModel`.
    """

    is_language_model = True

    def __init__(
        self,
        vocab: Vocabulary,
        embedder: TextFieldEmbedder,
        input_dim: int,
        label_namespaces: Sequence[str],
        tag_scheme: str,
        mask_share: float = 0.15,
    ) -> None:
        super().__init__(vocab, input_dim, label_namespaces, tag_scheme)
        self.model = MaskedLanguageModel(embedder, input_dim, mask_share)

    def prepare(self, tokens: TextFieldTensors, targets: Optional[torch.Tensor] = None) -> HeadInputs:
        return HeadInputs(*self.model.hide(tokens))

    def forward(
        self, encoded: torch.Tensor, mask: torch.Tensor, targets: Optional[torch.Tensor] = None, namespace: str = ""
    ) -> Dict[str, torch.Tensor]:
        """As `ModuleHead`, over sub-words; the mask is that of the hidden ones."""
        return {} if targets is None else {"loss": self.model(encoded, mask, targets)}

    def new_metric(self, metric: Lazy[Metric]) -> Metric:
        return WordPerplexity()

    def measure(
        self, metric: Metric, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: torch.Tensor, namespace: str
    ) -> None:
        assert isinstance(metric, WordPerplexity)
        metric(output["loss"], int(mask.sum()))
