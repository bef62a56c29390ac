"""A tagger that learns from a teacher's probabilities."""

from typing import Any, Dict, List, Optional

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder

from lowresource_ner.metrics import MeanLoss
from lowresource_ner.models.counted_sentences import counted_sentences
from lowresource_ner.models.mbert_tagger import MbertTagger
from lowresource_ner.modules.distillation_losses import DistillationLoss, HardLabelLoss, MseLoss
from lowresource_ner.modules.tag_heads import SoftmaxHead


@Model.register("kd_student")
class KdStudent(MbertTagger):
    """
    An `mbert_tagger` that is trained on unlabelled text with a teacher's tag probabilities for each word (Wu et al. 2020,
    arXiv:2004.12440, section 3.2).

    Gold tags, if the reader provides them, are used for `f1` only: they do not enter the loss of a batch that has a teacher's
    probabilities. With "-distillation_loss" as the trainer's `validation_metric`, validation on held-out text needs no gold tags.

    Registered as a `Model` with name "kd_student".

    # Parameters

    vocab : `Vocabulary`
        Its tags must be in the order of the teacher's probabilities.
    text_field_embedder : `TextFieldEmbedder`
    loss : `Optional[DistillationLoss]`, optional (default = `mse`)
        "mse" (the paper's), "kl", "soft_cross_entropy" or "hard_labels".
    agreed_label_weight : `float`, optional (default = `0.0`)
        η: the loss is the distillation loss plus η times the cross-entropy of the words on whose tag all teachers agree
        (UniTrans: Wu et al. 2020, arXiv:2007.07683), averaged over these words as the distillation loss is over all. The reader
        needs `agreement: true`.
    dropout, tag_scheme, head, metric, label_namespace, pretrained_file, initializer, regularizer
        See `MbertTagger`; `head` must be "softmax".

    # Raises

    `ConfigurationError`
        If the head is not "softmax", η is below 0, or `r_drop`, which is for gold tags, is given.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        loss: Optional[DistillationLoss] = None,
        agreed_label_weight: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, text_field_embedder, **kwargs)
        if not isinstance(self._head, SoftmaxHead):
            raise ConfigurationError(
                f"The 'head' of kd_student is a {type(self._head).__name__}. The student's probabilities must "
                "be those of single words, like the teacher's: leave 'head' out, or give 'softmax'."
            )
        if self._r_drop:
            raise ConfigurationError(
                f"'r_drop' of kd_student is {self._r_drop}, but R-Drop is for the training on gold tags. Give it to the teacher "
                "(training_configs/cross_lingual/teacher_rdrop.jsonnet)."
            )
        if agreed_label_weight < 0:
            raise ConfigurationError(f"'agreed_label_weight' is {agreed_label_weight}; it must not be below 0.")
        self._distillation_loss = loss or MseLoss()
        self._agreed_label_loss = HardLabelLoss(average=self._distillation_loss.average)
        self._agreed_label_weight = agreed_label_weight
        self._mean_distillation_loss = MeanLoss("distillation_loss")

    def forward(  # type: ignore[override]  # AllenNLP gives the fields of a batch by name
        self,
        tokens: TextFieldTensors,
        teacher_probabilities: Optional[torch.Tensor] = None,
        word_weights: Optional[torch.Tensor] = None,
        agreement: Optional[torch.Tensor] = None,
        tags: Optional[torch.Tensor] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        tokens : `TextFieldTensors`
        teacher_probabilities : `torch.Tensor`, optional
            (batch_size, num_words, num_tags) Required in training.
        word_weights : `torch.Tensor`, optional
            (batch_size, num_words) Factors for the words' losses; a word of weight 0 does not count.
        agreement : `torch.Tensor`, optional
            (batch_size, num_words) True for words whose most probable tag is the same for all teachers. Required in training if
            η is above 0.
        tags : `torch.Tensor`, optional
            (batch_size, num_words) Gold tags, for the metric.
        metadata : `List[Dict[str, Any]]`, optional
            One dictionary per sentence; "words" is passed on to the output.

        # Returns

        logits : (batch_size, num_words, num_tags); mask : (batch_size, num_words); loss : scalar, the distillation loss if there
        are a teacher's probabilities, else, in evaluation, the loss of `mbert_tagger` if there are tags; words : if there is
        metadata.

        # Raises

        `ConfigurationError`
            In training, if the teacher's probabilities are missing, or the agreement that η requires.
        """
        if self.training:
            self._check_batch(teacher_probabilities, agreement)
        output = super().forward(tokens, tags, metadata)
        if teacher_probabilities is not None:
            output["loss"] = self._loss(
                output["logits"], output["mask"], teacher_probabilities, word_weights, agreement, metadata
            )
        return output

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        """
        Returns "distillation_loss", which leaves out the agreed labels, if there were a teacher's probabilities, and the tag
        metric if there were gold tags.
        """
        return {**super().get_metrics(reset), **self._mean_distillation_loss.get_metric(reset)}

    def _loss(
        self,
        logits: torch.Tensor,
        mask: torch.Tensor,
        teacher_probabilities: torch.Tensor,
        word_weights: Optional[torch.Tensor],
        agreement: Optional[torch.Tensor],
        metadata: Optional[List[Dict[str, Any]]],
    ) -> torch.Tensor:
        distillation = counted = self._distillation_loss.summed(logits, teacher_probabilities, mask, word_weights)
        rows = counted_sentences(metadata)
        if isinstance(rows, list):  # some rows are left out
            weights = None if word_weights is None else word_weights[rows]
            counted = self._distillation_loss.summed(logits[rows], teacher_probabilities[rows], mask[rows], weights)
        self._mean_distillation_loss(counted.total, counted.number)
        if agreement is None or self._agreed_label_weight == 0:
            return distillation.mean
        # A tag that is the most probable for every teacher is also the most probable in their mixture, the hard label here.
        agreed = self._agreed_label_loss(logits, teacher_probabilities, mask & agreement, word_weights)
        return distillation.mean + self._agreed_label_weight * agreed

    def _check_batch(self, teacher_probabilities: Optional[torch.Tensor], agreement: Optional[torch.Tensor]) -> None:
        if teacher_probabilities is None:
            raise ConfigurationError(
                "kd_student learns from a teacher's probabilities, and a batch of its training data has none (the field "
                "'teacher_probabilities'). Train it with the reader teacher_labelled; to learn from gold tags, use mbert_tagger."
            )
        if agreement is None and self._agreed_label_weight > 0:
            raise ConfigurationError(
                f"'agreed_label_weight' is {self._agreed_label_weight}, and a batch of the training data does not say where the "
                "teachers agree (the field 'agreement'). Give the reader teacher_labelled 'agreement': true, or leave the weight "
                "out."
            )
