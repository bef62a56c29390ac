"""The tagger of the cross-lingual paper: teacher, and the shape of the student."""

from typing import Any, Dict, List, Optional

import torch
from allennlp.common import Lazy
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder
from allennlp.nn import InitializerApplicator, RegularizerApplicator
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Metric

from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.models.counted_sentences import counted_sentences
from lowresource_ner.models.labels import labels_of
from lowresource_ner.models.readable_tags import readable_tags
from lowresource_ner.models.warm_start import tag_axes, warm_start
from lowresource_ner.modules.tag_heads import SoftmaxHead, TagHead
from lowresource_ner.tagging import get_scheme


@Model.register("mbert_tagger")
class MbertTagger(Model):
    """
    Encoder, dropout, one linear layer, softmax: p(x_i) = softmax(W h_i + b) (Wu et al. 2020, section 3.1).

    Registered as a `Model` with name "mbert_tagger".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
        Words to vectors; `subword_transformer` for a Hugging Face encoder.
    dropout : `float`, optional (default = `0.1`)
        On the word vectors.
    tag_scheme : `str`, optional (default = `"IOB2"`)
        The scheme of the reader's tags.
    head : `Lazy[TagHead]`, optional (default = `softmax`)
        "softmax" (the paper's) or "crf".
    metric : `Lazy[Metric]`, optional (default = `seqeval_f1` in its default mode)
    label_namespace : `str`, optional (default = `"labels"`)
    pretrained_file : `Optional[str]`
        An archive of this package to continue from: every weight of the same name and shape is taken over, and the linear
        layer and the CRF tag by tag, for the tags of the same name. AllenNLP takes no notice of it when it loads an archive.
    initializer, regularizer
        AllenNLP's.

    # Raises

    `ConfigurationError`
        Where the labels do not fit the scheme, or there are none.
    """

    default_predictor = "ner"

    temperature: torch.Tensor

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        dropout: float = 0.1,
        tag_scheme: str = "IOB2",
        head: Lazy[TagHead] = Lazy(SoftmaxHead),  # noqa: B008  AllenNLP's way of a default
        metric: Lazy[Metric] = Lazy(SeqevalF1),  # noqa: B008
        label_namespace: str = "labels",
        pretrained_file: Optional[str] = None,
        initializer: Optional[InitializerApplicator] = None,
        regularizer: Optional[RegularizerApplicator] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, regularizer, **kwargs)
        self.tag_scheme = get_scheme(tag_scheme)
        self.labels = labels_of(vocab, label_namespace)
        self._embedder = text_field_embedder
        self._dropout = torch.nn.Dropout(dropout)
        self._projection = torch.nn.Linear(text_field_embedder.get_output_dim(), len(self.labels))
        self._head = head.construct(labels=self.labels, tag_scheme=self.tag_scheme.name)
        self._metric = metric.construct(vocab=vocab, label_namespace=label_namespace, tag_scheme=self.tag_scheme.name)
        self.register_buffer("temperature", torch.ones(()))
        if initializer is not None:
            initializer(self)
        if pretrained_file is not None:
            warm_start(self, pretrained_file, tag_axes(label_namespace, "_projection", "_head"), label_namespace)

    def forward(
        self,
        tokens: TextFieldTensors,
        tags: Optional[torch.Tensor] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        tokens : `TextFieldTensors`
        tags : `torch.Tensor`, optional
            (batch_size, num_words)
        metadata : `List[Dict[str, Any]]`, optional
            Of each sentence; "words" is passed on to the output.

        # Returns

        logits : (batch_size, num_words, num_tags); mask : (batch_size, num_words); loss : scalar, where there are tags; words,
        where there is metadata.
        """
        mask = get_text_field_mask(tokens)
        logits = self._projection(self._dropout(self._embedder(tokens)))
        output: Dict[str, Any] = {"logits": logits, "mask": mask}
        if tags is not None:
            output["loss"] = self._head.loss(logits, tags, mask)
            if not self.training or self._head.decides_per_word:
                rows = counted_sentences(metadata)
                counted: Any = mask[rows]
                self._metric(self._head.best_tags(logits, mask)[rows], tags[rows], counted)
        if metadata is not None:
            output["words"] = [sentence["words"] for sentence in metadata]
        return output

    def make_output_human_readable(self, output_dict: Dict[str, Any]) -> Dict[str, Any]:
        """Adds what `readable_tags` says."""
        output_dict.update(
            readable_tags(self._head, self.tag_scheme, output_dict["logits"], output_dict["mask"], self.temperature)
        )
        return output_dict

    def distributions(self, output_dict: Dict[str, Any]) -> torch.Tensor:
        """(batch_size, num_words, num_tags): of what `readable_tags` says the "distributions" alone, which cost far less."""
        return self._head.probabilities(output_dict["logits"], output_dict["mask"], self.temperature)

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        return self._metric.get_metric(reset)

    def calibration_loss(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        """- log p(tags) at a temperature, summed over the batch; see the callback `temperature_scaling`."""
        return self._head.negative_log_likelihood(logits, tags, mask, temperature)
