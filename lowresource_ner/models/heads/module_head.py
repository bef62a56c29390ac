"""The base class of a model's heads, which turn the states of an encoder into a loss and predictions."""

from typing import Dict, NamedTuple, Optional, Sequence

import torch
from allennlp.common import Lazy, Registrable
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Metric


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


class ModuleHead(torch.nn.Module, Registrable):
    """
    The output layer of one `Branch` of a model, or of several.

    # Parameters

    vocab : `Vocabulary`
    input_dim : `int`
        Of the encoder's states. Given by the model.
    label_namespaces : `Sequence[str]`
        Of the branches that share the head. Given by the model.
    tag_scheme : `str`
        Given by the model.

    A head that asks for the `embedder`, the model's `TextFieldEmbedder`, is given it as well.
    """

    default_implementation = "tagging"

    target_field = ""
    """The field of an instance that the head is trained on. Empty for a head that makes its targets itself."""

    loss_name = "loss"
    """What the training loss is called where it is logged."""

    is_language_model = False
    """Whether it predicts text, and needs no labels."""

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
            (batch_size, num_words), the targets in `namespace`.

        # Returns

        loss : scalar, summed over the batch, where there are targets; and what the methods below need.
        """
        raise NotImplementedError

    def new_metric(self, metric: Lazy[Metric]) -> Metric:
        """A metric for a branch; heads that find entities make it from `metric`, the config's."""
        raise NotImplementedError

    def measure(
        self, metric: Metric, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: torch.Tensor, namespace: str
    ) -> None:
        """Adds a batch to the metric; `output` is that of `forward`."""
        raise NotImplementedError
