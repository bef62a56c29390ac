"""A head for tagging."""

from typing import Dict, List, Optional, Sequence

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.training.metrics import Metric

from lowresource_ner.models.heads.module_head import ModuleHead, SoftTargets
from lowresource_ner.models.labels import labels_of
from lowresource_ner.modules.distillation_losses import DistillationLoss, SoftCrossEntropyLoss
from lowresource_ner.modules.tag_heads import CrfHead, TagHead


@ModuleHead.register("tagging")
class TaggingHead(ModuleHead):
    """
    A linear layer and a first-order CRF (Jia et al. 2019, P19-1236, section 3.3). Domains with the same labels can share a head.
    Each still has its own label namespace, so that differing labels are detected.

    Registered as a `ModuleHead` with name "tagging".

    # Parameters

    vocab, input_dim, label_namespaces, tag_scheme
        See `ModuleHead`.
    tagger : `Lazy[TagHead]`, optional (default = `crf`)
    labels_from : `Optional[str]`
        The label namespace that defines the head's labels. The others may then lack some of them, as a small sample may; by
        default, all must be the same.
    distillation_loss : `Optional[DistillationLoss]`, optional (default = `soft_cross_entropy` with `"average": "words"`)
        The loss of batches with a teacher's probabilities, between these and the marginals of the head. With a CRF, the default
        is the posterior distillation of Wang et al. (2020, arXiv:2004.03846, section 3.3). Each sentence counts with the sum of
        its words' losses if the loss averages over "words", with their mean if it averages over "sentences".

    # Raises

    `ConfigurationError`
        If the labels of namespaces that share the head differ.
    """

    target_field = "tags"

    def __init__(
        self,
        vocab: Vocabulary,
        input_dim: int,
        label_namespaces: Sequence[str],
        tag_scheme: str,
        tagger: Lazy[TagHead] = Lazy(CrfHead),  # noqa: B008  AllenNLP's way of a default
        labels_from: Optional[str] = None,
        distillation_loss: Optional[DistillationLoss] = None,
    ) -> None:
        super().__init__(vocab, input_dim, label_namespaces, tag_scheme)
        if labels_from is not None and labels_from not in self.label_namespaces:
            raise ConfigurationError(
                f"'labels_from' is '{labels_from}', and the head's label namespaces are {', '.join(self.label_namespaces)}."
            )
        self.leading_namespace = labels_from or self.label_namespaces[0]
        self.labels = labels_of(vocab, self.leading_namespace)
        for number, namespace in enumerate(self.label_namespaces):
            own = labels_of(vocab, namespace)
            _check(self.labels, own, self.leading_namespace, namespace, subsets_allowed=labels_from is not None)
            # See `_order`. Numbered, since a namespace's name may contain a dot.
            order = torch.tensor([self.labels.index(label) for label in own])
            self.register_buffer(f"_order_{number}", order, persistent=False)
        self.tagger = tagger.construct(
            labels=self.labels, tag_scheme=tag_scheme, input_dim=input_dim, label_namespace=self.leading_namespace
        )
        self._distillation_loss = distillation_loss or SoftCrossEntropyLoss(average="words")

    def forward(
        self, encoded: torch.Tensor, mask: torch.Tensor, targets: Optional[torch.Tensor] = None, namespace: str = ""
    ) -> Dict[str, torch.Tensor]:
        """See `ModuleHead`; logits : (batch_size, num_words, num_tags)."""
        logits = self.tagger.logits(encoded)
        output = {"logits": logits}
        if targets is not None:
            output["loss"] = self.tagger.total_loss(logits, self.head_indices(targets, namespace), mask)
        return output

    def distillation_loss(
        self, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: SoftTargets, namespace: str
    ) -> torch.Tensor:
        logits = output["logits"]
        own = targets.probabilities
        probabilities = own.new_zeros(*own.shape[:2], len(self.labels)).index_copy(2, self._order(namespace), own)
        marginals = self.tagger.marginal_logits(logits, mask)
        loss = self._distillation_loss.summed(marginals, probabilities, mask, targets.weights).total
        return loss.to(torch.promote_types(logits.dtype, torch.float32))

    def new_metric(self, metric: Lazy[Metric]) -> Metric:
        return metric.construct(vocab=self.vocab, label_namespace=self.leading_namespace, tag_scheme=self.tag_scheme)

    def measure(
        self, metric: Metric, output: Dict[str, torch.Tensor], mask: torch.Tensor, targets: torch.Tensor, namespace: str
    ) -> None:
        best = self.tagger(output["logits"], mask).best
        metric(best, self.head_indices(targets, namespace), mask)  # type: ignore[arg-type]

    def head_indices(self, tags: torch.Tensor, namespace: str) -> torch.Tensor:
        """
        Converts indices of tags in a namespace to the head's.

        # Raises

        `ConfigurationError`
            If the namespace is not one of the head's.
        """
        return self._order(namespace)[tags]

    def _order(self, namespace: str) -> torch.Tensor:
        """(num_tags of the namespace,): the head's index of each tag."""
        if namespace not in self.label_namespaces:
            raise ConfigurationError(
                f"The reader numbers its tags by '{namespace}', and the module's head by {', '.join(self.label_namespaces)}. "
                "With another 'model.default_module', override 'validation_dataset_reader.label_namespace' as well, to "
                f"'{self.label_namespaces[0]}'."
            )
        order: torch.Tensor = getattr(self, f"_order_{self.label_namespaces.index(namespace)}")
        return order


def _check(labels: List[str], own: List[str], leading: str, namespace: str, subsets_allowed: bool) -> None:
    strangers = sorted(set(own) - set(labels))
    missing = sorted(set(labels) - set(own))
    if strangers or (missing and not subsets_allowed):
        raise ConfigurationError(
            f"Modules that share a head have different labels: '{leading}' has {', '.join(missing) or 'none'} that "
            f"'{namespace}' lacks, and '{namespace}' has {', '.join(strangers) or 'none'} that '{leading}' lacks. Rename or drop "
            "types with the reader's 'label_map', give each module a head of its own, or, where a small sample lacks some, set "
            f"the head's 'labels_from' to '{leading}'."
        )
