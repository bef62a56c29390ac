"""A task in a domain, with its head and its metrics."""

from typing import Any, Dict, List, Optional, Union

import torch
from allennlp.common import Lazy
from allennlp.training.metrics import Metric

from lowresource_ner.metrics import MeanLoss
from lowresource_ner.models.heads import ModuleHead, SoftTargets
from lowresource_ner.models.module_config import ModuleConfig
from lowresource_ner.modules.encoder_parameters import TaskAndDomain


class Branch:
    """
    A module of the config: a task and a domain, for which an encoder is generated, and the head on top of its states. It
    has metrics of its own, but no weights: these belong to the head and to `EncoderParameters`.

    # Parameters

    name : `str`
        The name of the module in the config.
    config : `ModuleConfig`
    head : `ModuleHead`
        May be shared with other branches.
    metric : `Lazy[Metric]`
        The metric of heads that find entities.
    """

    def __init__(self, name: str, config: ModuleConfig, head: ModuleHead, metric: Lazy[Metric]) -> None:
        self.name = name
        self.pair = TaskAndDomain(config.task, config.domain)
        self.label_namespace = config.label_namespace
        self.head = head
        self.needs_labels = not head.is_language_model
        self.metric = head.new_metric(metric)
        self.training_loss = MeanLoss(f"{name}_{head.loss_name}")
        self.distillation_loss = MeanLoss(f"{name}_distillation_loss")
        self.gradient_norm = MeanLoss(f"{name}_gradient_norm")

    def read(
        self,
        states: torch.Tensor,
        mask: torch.Tensor,
        targets: Optional[torch.Tensor],
        counted: Union[slice, List[int]],
        label_namespace: Optional[str] = None,
    ) -> Dict[str, Any]:
        """
        Runs the head on a batch. If there are targets, the loss is divided by the number of sentences, as in the released code
        of Jia et al. The metrics are updated with the loss in training and with the predictions in evaluation.

        # Parameters

        states : `torch.Tensor`
            (batch_size, num_words, input_dim)
        mask, targets : `torch.Tensor`
            (batch_size, num_words). Targets are indices in `label_namespace`, by default the branch's.
        counted : `Union[slice, List[int]]`
            The sentences that count in evaluation metrics.
        """
        namespace = label_namespace or self.label_namespace
        output = self.head(states, mask, targets, namespace)
        if targets is None:
            return output
        if not self.head.training and len(mask[counted]):
            mask_of, targets_of = mask[counted], targets[counted]
            scored = (
                output if isinstance(counted, slice) else self.head(states[counted], mask_of, targets_of, namespace)
            )
            self.head.measure(self.metric, scored, mask_of, targets_of, namespace)
        output["loss"] = output["loss"] / len(mask)
        if self.head.training:
            self.training_loss(output["loss"], 1)
        return output

    def distil(
        self,
        output: Dict[str, Any],
        mask: torch.Tensor,
        targets: SoftTargets,
        counted: Union[slice, List[int]],
        label_namespace: Optional[str] = None,
    ) -> torch.Tensor:
        """
        Returns the loss between an output of `read` and soft labels, divided by the number of sentences, and updates its mean.
        The parameters are those of `read`.
        """
        namespace = label_namespace or self.label_namespace
        loss = total = self.head.distillation_loss(output, mask, targets, namespace)
        if isinstance(counted, list):  # some sentences are left out
            with torch.no_grad():
                rows = {"logits": output["logits"][counted]}
                total = self.head.distillation_loss(rows, mask[counted], targets.rows(counted), namespace)
        self.distillation_loss(total, len(mask[counted]))
        return loss / len(mask)

    def get_metrics(self, is_default: bool, reset: bool) -> Dict[str, float]:
        """Returns all metrics. Training means always have the branch's name as prefix, scores unless it is the default branch."""
        prefix = "" if is_default else f"{self.name}_"
        scores: Dict[str, float] = {prefix + key: value for key, value in self.metric.get_metric(reset).items()}
        for mean in (self.training_loss, self.distillation_loss, self.gradient_norm):
            scores.update(mean.get_metric(reset))
        return scores
