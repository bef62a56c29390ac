"""A tagger made of an encoder and a tag head."""

from typing import Any, Dict, List, Optional

import torch
from allennlp.common import Lazy
from allennlp.common.checks import ConfigurationError
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder
from allennlp.nn import InitializerApplicator, RegularizerApplicator
from allennlp.nn.util import get_text_field_mask
from allennlp.training.metrics import Metric

from lowresource_ner.metrics import SeqevalF1
from lowresource_ner.models.counted_sentences import counted_sentences
from lowresource_ner.models.labels import labels_of
from lowresource_ner.models.tagger import Tagger
from lowresource_ner.models.warm_start import warm_start
from lowresource_ner.modules.tag_heads import SoftmaxHead, TagHead
from lowresource_ner.modules.token_axes import token_axes_of


@Model.register("mbert_tagger")
class MbertTagger(Tagger):
    """
    Encoder, dropout and a tag head; with the default head p(x_i) = softmax(W h_i + b), the teacher of Wu et al. (2020,
    arXiv:2004.12440, section 3.1).

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
        "softmax" (the paper's), "crf" or "biaffine".
    metric : `Lazy[Metric]`, optional (default = `seqeval_f1` in its default mode)
    label_namespace : `str`, optional (default = `"labels"`)
    r_drop : `float`, optional (default = `0.0`)
        α of R-Drop (Liang et al. 2021, arXiv:2106.14448), for the heads softmax and crf. Above 0, each batch passes through the
        model twice, with different dropout. The training loss is the mean of both losses plus α/2 times the symmetric
        Kullback-Leibler divergence between the tag distributions of the two passes, averaged over words; see
        `TagHead.divergence`. (In the paper's equation the losses are added, in its released code their mean is taken.)
    pretrained_file : `Optional[str]`
        An archive of this package to initialise the model from. Weights of the same name and shape are copied; those of the head
        tag by tag, for the tags that both models have. AllenNLP ignores it when it loads the model from its own archive.
    initializer, regularizer
        See `allennlp.models.Model`.

    # Raises

    `ConfigurationError`
        If the labels do not fit the scheme, or there are none; if α is below 0, or the head cannot be trained with R-Drop.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        dropout: float = 0.1,
        tag_scheme: str = "IOB2",
        head: Lazy[TagHead] = Lazy(SoftmaxHead),  # noqa: B008  AllenNLP's way of a default
        metric: Lazy[Metric] = Lazy(SeqevalF1),  # noqa: B008
        label_namespace: str = "labels",
        r_drop: float = 0.0,
        pretrained_file: Optional[str] = None,
        initializer: Optional[InitializerApplicator] = None,
        regularizer: Optional[RegularizerApplicator] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, tag_scheme, regularizer, **kwargs)
        self.labels = labels_of(vocab, label_namespace)
        self._embedder = text_field_embedder
        self._dropout = torch.nn.Dropout(dropout)
        self._head = head.construct(
            labels=self.labels,
            tag_scheme=self.tag_scheme.name,
            input_dim=text_field_embedder.get_output_dim(),
            label_namespace=label_namespace,
        )
        self._r_drop = self._checked_r_drop(r_drop)
        self._metric = metric.construct(vocab=vocab, label_namespace=label_namespace, tag_scheme=self.tag_scheme.name)
        if initializer is not None:
            initializer(self)
        if pretrained_file is not None:
            warm_start(self, pretrained_file, token_axes_of(self), label_namespace)

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
            One dictionary per sentence; "words" is passed on to the output.

        # Returns

        logits : the head's, usually (batch_size, num_words, num_tags); mask : (batch_size, num_words); loss : scalar, if there
        are tags; words : if there is metadata.
        """
        mask = get_text_field_mask(tokens)
        logits = self._logits(tokens)
        output: Dict[str, Any] = {"logits": logits, "mask": mask}
        if tags is not None:
            output["loss"] = self._head.loss(logits, tags, mask)
            if self.training and self._r_drop:
                others = self._logits(tokens)
                mean = (output["loss"] + self._head.loss(others, tags, mask)) / 2
                output["loss"] = mean + self._r_drop / 2 * self._head.divergence(logits, others, mask)
            if not self.training or self._head.best_is_cheap:
                rows = counted_sentences(metadata)
                counted: Any = mask[rows]
                self._metric(self._head(logits, mask).best[rows], tags[rows], counted)
        if metadata is not None:
            output["words"] = [sentence["words"] for sentence in metadata]
        return output

    def tag_head(self, output: Dict[str, Any]) -> TagHead:
        return self._head

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        return self._metric.get_metric(reset)

    def _logits(self, tokens: TextFieldTensors) -> torch.Tensor:
        return self._head.logits(self._dropout(self._embedder(tokens)))

    def _checked_r_drop(self, weight: float) -> float:
        if not weight >= 0:
            raise ConfigurationError(f"'r_drop' is {weight}; it is at least 0, and 0 for a single pass.")
        if weight:  # a head without marginals says so before the training
            one_word = self._head.logits(torch.zeros(1, 1, self._embedder.get_output_dim()))
            self._head.marginal_logits(one_word, torch.ones(1, 1, dtype=torch.bool))
        return weight
