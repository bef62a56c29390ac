"""A tagger that averages the probabilities of several teachers."""

from typing import Any, Dict, List, Optional

import numpy
import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Metric

from lowresource_ner.common.rounding import with_ties
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble
from lowresource_ner.distillation.teachers.teacher import Teacher
from lowresource_ner.distillation.weights.teacher_weights import TeacherWeights
from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.models.labels import labels_of
from lowresource_ner.models.tagger import Tagger
from lowresource_ner.modules.tag_heads import SoftmaxHead, TagHead


@Model.register("teacher_vote")
class TeacherVote(Tagger):
    """
    Tags each word by the vote of several teachers, argmax_c Σ_k α_k p_k(c); if tags tie, the first one in the vocabulary wins. A
    baseline for students of several teachers, from the released code of Wu et al. (2020, arXiv:2004.12440). It is not trained:
    use the trainer `no_op`. Its archive contains only the paths of the teachers' files, which must exist wherever it is used.

    Registered as a `Model` with name "teacher_vote".

    # Parameters

    vocab : `Vocabulary`
        The teachers' labels are added to it.
    teachers : `Dict[str, Teacher]`
        By name.
    label_maps, weights
        See `TeacherEnsemble`. Weights that depend on the whole corpus (`similarity`) cannot be used; instead, pass those that a
        student's training has written to `teachers.json` as `given`.
    tag_scheme : `str`, optional (default = `"IOB2"`)
    metric : `Lazy[Metric]`, optional (default = `seqeval_f1` in its default mode)
    label_namespace : `str`, optional (default = `"labels"`)

    # Raises

    `ConfigurationError`
        As `TeacherEnsemble`; and if the weights depend on the whole corpus.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        teachers: Dict[str, Teacher],
        label_maps: Optional[Dict[str, Dict[str, str]]] = None,
        weights: Optional[TeacherWeights] = None,
        tag_scheme: str = "IOB2",
        metric: Lazy[Metric] = Lazy(SeqevalF1),  # noqa: B008  AllenNLP's way of a default
        label_namespace: str = "labels",
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, tag_scheme, **kwargs)
        if weights is not None and weights.needs_corpus:
            raise ConfigurationError(
                "The 'weights' of teacher_vote depend on the whole text, but it reads one sentence after the other. Give "
                "{'type': 'given', 'values': {...}}; the training of a student with these weights writes them to teachers.json."
            )
        self._ensemble = TeacherEnsemble(teachers, tag_scheme, label_maps, weights)
        vocab.add_tokens_to_namespace(self._ensemble.labels, label_namespace)
        self.labels = labels_of(vocab, label_namespace)
        if set(self.labels) != set(self._ensemble.labels):
            raise ConfigurationError(
                f"The vocabulary has the tags {', '.join(self.labels)}; the teachers have {', '.join(self._ensemble.labels)}. "
                "Build the vocabulary from text without labels ('labelled': false), or give 'label_maps'."
            )
        self._columns = [self._ensemble.labels.index(label) for label in self.labels]
        self._head = SoftmaxHead(self.labels, self.tag_scheme.name)
        self._metric = metric.construct(vocab=vocab, label_namespace=label_namespace, tag_scheme=self.tag_scheme.name)
        # A parameter, because AllenNLP's predictors need one to find the model's device.
        self.temperature = torch.nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(
        self,
        tokens: TextFieldTensors,
        metadata: List[Dict[str, Any]],
        tags: Optional[torch.Tensor] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        tokens : `TextFieldTensors`
            Only their mask is used.
        metadata : `List[Dict[str, Any]]`
            One dictionary per sentence; the teachers label its "words".
        tags : `torch.Tensor`, optional
            (batch_size, num_words) Gold tags, for the metric.

        # Returns

        logits : (batch_size, num_words, num_tags), the logarithms of the probabilities; mask : (batch_size, num_words); words;
        loss : scalar, - log p(tags), if there are tags.
        """
        mask = get_text_field_mask(tokens)
        logits = torch.zeros(*mask.shape, len(self.labels), device=mask.device)
        soft_labels = self._ensemble.label([sentence["words"] for sentence in metadata])
        for row, each, sentence in zip(logits, soft_labels, metadata):
            if each is None:
                raise ConfigurationError(
                    f"A teacher has no labels for the sentence '{' '.join(sentence['words'][:8])}', so there is no vote. Use "
                    "teachers with 'missing': 'error'."
                )
            probabilities = each.probabilities[:, self._columns].astype(numpy.float32)  # (num_words, num_tags)
            # Logarithms of equal numbers may differ in the last bit, depending on their place in memory.
            logarithms = with_ties(numpy.log(probabilities.clip(min=numpy.finfo(numpy.float32).tiny)))
            row[: len(logarithms)] = torch.from_numpy(logarithms).to(row)
        output: Dict[str, Any] = {"logits": logits, "mask": mask, "words": [each["words"] for each in metadata]}
        if tags is not None:
            output["loss"] = self._head.loss(logits, tags, mask)
            self._metric(self._head(logits, mask).best, tags, mask)
        return output

    def tag_head(self, output: Dict[str, Any]) -> TagHead:
        return self._head

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        return self._metric.get_metric(reset)
