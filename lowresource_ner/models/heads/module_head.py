"""The base class of the heads of cross-domain taggers, which turn an encoder's states into a loss and predictions."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import torch
from allennlp.common import Lazy, Registrable
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Metric

from lowresource_ner.common.renamed import refuse_earlier_names


class HeadInputs(NamedTuple):
    """
    What the encoder and a head are given of a batch.

    `tokens` : what the encoder reads.
    `mask` : (batch_size, num_tokens), whose states the head reads.
    `targets` : (batch_size, num_tokens), `None` where there are none.
    """

    tokens: TextFieldTensors
    mask: torch.Tensor
    targets: Optional[torch.Tensor]


class SoftTargets(NamedTuple):
    """
    The soft labels of a batch.

    `probabilities` : (batch_size, num_words, num_tags), of the tags of a label namespace.
    `weights` : (batch_size, num_words), factors for the words' losses; `None` where all are 1.
    """

    probabilities: torch.Tensor
    weights: Optional[torch.Tensor] = None

    def rows(self, rows: List[int]) -> "SoftTargets":
        """Those of some sentences."""
        return SoftTargets(self.probabilities[rows], None if self.weights is None else self.weights[rows])


class ModuleHead(torch.nn.Module, Registrable):
    """
    The output layer of one or more `Branch` objects of a model.

    # Parameters

    vocab : `Vocabulary`
    input_dim : `int`
        The size of the encoder's states. Passed by the model.
    label_namespaces : `Sequence[str]`
        Those of the branches that share the head. Passed by the model.
    tag_scheme : `str`
        Passed by the model.

    A head that takes an `embedder` is also passed the model's `TextFieldEmbedder`.
    """

    default_implementation = "tagging"

    target_field = ""
    """The field of an instance that holds the head's targets. Empty for a head that makes its targets itself."""

    loss_name = "loss"
    """The name of the training loss in the metrics."""

    is_language_model = False
    """Whether the head predicts text. It then needs no labels."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_earlier_names(cls, {"reads_ahead": "'is_language_model', its opposite,"})

    def __init__(self, vocab: Vocabulary, input_dim: int, label_namespaces: Sequence[str], tag_scheme: str) -> None:
        super().__init__()
        self.vocab = vocab
        self.input_dim = input_dim
        self.label_namespaces = list(dict.fromkeys(label_namespaces))
        self.tag_scheme = tag_scheme

    def prepare(self, tokens: TextFieldTensors, targets: Optional[torch.Tensor] = None) -> HeadInputs:
        """What the encoder reads of a batch, and what the head then reads: by default all words, as they are."""
        return HeadInputs(tokens, get_text_field_mask(tokens), targets)

    def forward(
        self, encoded: torch.Tensor, mask: torch.Tensor, targets: Optional[torch.Tensor] = None, namespace: str = ""
    ) -> Dict[str, torch.Tensor]:
        """
        # Parameters

        encoded : `torch.Tensor`
            (batch_size, num_words, input_dim)
        mask, targets : `torch.Tensor`
            (batch_size, num_words). Targets are indices in `namespace`.

        # Returns

        loss : scalar, summed over the batch, if there are targets; and whatever `measure` needs.
        """
        raise NotImplementedError

    def distillation_loss(
        self, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: SoftTargets, namespace: str
    ) -> torch.Tensor:
        """
        Returns the loss between an output of `forward` and soft labels in `namespace`, summed over the batch, a scalar.

        # Raises

        `ConfigurationError`
            If the head does not predict tags.
        """
        raise ConfigurationError(
            f"A {type(self).__name__} cannot learn from a teacher's probabilities. Give the reader 'teacher_labelled' to modules "
            "of taggers only."
        )

    def new_metric(self, metric: Lazy[Metric]) -> Metric:
        """Returns a new metric for a branch. Heads that find entities construct it from `metric`, the one in the config."""
        raise NotImplementedError

    def measure(
        self, metric: Metric, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: torch.Tensor, namespace: str
    ) -> None:
        """Updates the metric with a batch and the output of `forward` for it."""
        raise NotImplementedError
