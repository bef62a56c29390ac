"""The base class of the heads of `pgn_bilstm_crossdomain`, which turn LSTM states into a loss and predictions."""

from typing import Any, Dict, Optional, Sequence

import torch
from allennlp.common import Lazy, Registrable
from allennlp.data import Vocabulary
from allennlp.training.metrics import Metric

from lowresource_ner.common.renamed import refuse_earlier_names


class ModuleHead(torch.nn.Module, Registrable):
    """
    The output layer of one or more `Branch` objects of a model.

    # Parameters

    vocab : `Vocabulary`
    input_dim : `int`
        The size of the LSTM's states, both directions together. Passed by the model.
    label_namespaces : `Sequence[str]`
        Those of the branches that share the head. Passed by the model.
    tag_scheme : `str`
        Passed by the model.
    """

    default_implementation = "tagging"

    target_field = ""
    """The field of an instance that holds the head's targets."""

    loss_name = "loss"
    """The name of the training loss in the metrics."""

    is_language_model = False
    """Whether the head predicts the LSTM's input words. It then needs no labels, but states that do not depend on their word."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_earlier_names(cls, {"reads_ahead": "'is_language_model', its opposite,"})

    def __init__(self, vocab: Vocabulary, input_dim: int, label_namespaces: Sequence[str], tag_scheme: str) -> None:
        super().__init__()
        self.vocab = vocab
        self.input_dim = input_dim
        self.label_namespaces = list(dict.fromkeys(label_namespaces))
        self.tag_scheme = tag_scheme

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

    def new_metric(self, metric: Lazy[Metric]) -> Metric:
        """Returns a new metric for a branch. Heads that find entities construct it from `metric`, the one in the config."""
        raise NotImplementedError

    def measure(
        self, metric: Metric, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: torch.Tensor, namespace: str
    ) -> None:
        """Updates the metric with a batch and the output of `forward` for it."""
        raise NotImplementedError
