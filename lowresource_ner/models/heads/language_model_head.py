"""A head for language modelling."""

from typing import Dict, Optional, Sequence

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.training.metrics import Metric

from lowresource_ner.metrics import WordPerplexity
from lowresource_ner.models.heads.module_head import ModuleHead
from lowresource_ner.modules.bidirectional_language_model import BidirectionalLanguageModel
from lowresource_ner.modules.token_axes import TokenAxes


@ModuleHead.register("language_model")
class LanguageModelHead(ModuleHead):
    """
    Predicts each word from the words before it and from the words after it; see `BidirectionalLanguageModel`.

    Its vocabulary is a namespace that the readers of its text fill (`lm_namespace`), sorted by frequency, and not the one of the
    word vectors.

    Registered as a `ModuleHead` with name "language_model".

    # Parameters

    vocab, input_dim, label_namespaces, tag_scheme
        See `ModuleHead`.
    namespace : `str`, optional (default = `"lm_words"`)
    num_samples : `int`, optional (default = `50`)
    sparse : `bool`, optional (default = `True`)
        See `WordVectors`.

    # Raises

    `ConfigurationError`
        If the namespace is empty, or has no more words than `num_samples`.
    """

    target_field = "lm_words"
    loss_name = "sampled_loss"
    is_language_model = True

    def __init__(
        self,
        vocab: Vocabulary,
        input_dim: int,
        label_namespaces: Sequence[str],
        tag_scheme: str,
        namespace: str = "lm_words",
        num_samples: int = 50,
        sparse: bool = True,
    ) -> None:
        super().__init__(vocab, input_dim, label_namespaces, tag_scheme)
        self.namespace = namespace
        num_words = vocab.get_vocab_size(namespace) - 1  # no padding
        if num_words < 2:
            raise ConfigurationError(
                f"The language model has no words: namespace '{namespace}' is empty. Give the reader of its text "
                f"'lm_namespace': '{namespace}', and a text that is not empty."
            )
        self.model = BidirectionalLanguageModel(num_words, input_dim // 2, num_samples, sparse)

    def forward(
        self, encoded: torch.Tensor, mask: torch.Tensor, targets: Optional[torch.Tensor] = None, namespace: str = ""
    ) -> Dict[str, torch.Tensor]:
        """See `ModuleHead`. In training, the loss is that of the sampled softmax."""
        if targets is None:
            return {}
        # There is no class for padding; unknown words are class 0.
        return {"loss": self.model(encoded, (targets - 1).clamp(min=0), mask)}

    def new_metric(self, metric: Lazy[Metric]) -> Metric:
        return WordPerplexity()

    def measure(
        self, metric: Metric, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: torch.Tensor, namespace: str
    ) -> None:
        assert isinstance(metric, WordPerplexity)
        metric(output["loss"], int(mask.sum()))

    def token_axes(self) -> Dict[str, TokenAxes]:
        # The softmax has no class for padding. If it is sparse, its weights are two embedding tables.
        names = ("softmax_w", "softmax_b", "softmax_w.weight", "softmax_b.weight")
        return {f"model.softmax.{name}": TokenAxes(self.namespace, first=1) for name in names}
