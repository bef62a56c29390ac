"""A tagger whose encoder is trained against a language discriminator."""

from typing import Any, Dict, List, Optional, Tuple

import torch
from allennlp.data import TextFieldTensors, Vocabulary
from allennlp.models import Model
from allennlp.modules import TextFieldEmbedder
from allennlp.nn.util import get_text_field_mask

from lowresource_ner.metrics import MeanLoss
from lowresource_ner.models.mbert_tagger import MbertTagger
from lowresource_ner.modules.language_discriminator import LanguageDiscriminator

EncodedBatch = Tuple[torch.Tensor, torch.Tensor]
"""Vectors of words, (batch_size, num_words, dim), and their mask, (batch_size, num_words)."""


@Model.register("adversarial_tagger")
class AdversarialTagger(MbertTagger):
    """
    An `mbert_tagger` with a language discriminator on its encoder (AdvPicker: Chen et al. 2021, arXiv:2106.02300). The callback
    `adversarial_updates` trains the tagger on labelled text of the source language, the discriminator to tell words of the two
    languages apart, and the encoder to make that hard.

    The discriminator classifies each word once, by the vector of its first sub-word; the released code classifies every sub-word
    and the special tokens. Its weights have `requires_grad` only in its own step, so that the trainer's optimizer does not get
    them, and no gradients are computed for them in the encoder's step.

    Registered as a `Model` with name "adversarial_tagger".

    # Parameters

    vocab : `Vocabulary`
    text_field_embedder : `TextFieldEmbedder`
    discriminator_hidden_dim : `int`, optional (default = `500`)
        The default is that of the released code.
    dropout, tag_scheme, head, metric, label_namespace, r_drop, pretrained_file, initializer, regularizer
        See `MbertTagger`. The last three do not apply to the discriminator, which always starts from new weights.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        text_field_embedder: TextFieldEmbedder,
        discriminator_hidden_dim: int = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, text_field_embedder, **kwargs)
        self.discriminator = LanguageDiscriminator(text_field_embedder.get_output_dim(), discriminator_hidden_dim)
        self.discriminator.requires_grad_(False)
        self._losses = {name: MeanLoss(f"{name}_loss") for name in ("ner", "discriminator", "generator")}
        self._accuracy = MeanLoss("discriminator_accuracy")

    @property
    def encoder(self) -> TextFieldEmbedder:
        """The part of the model that is trained against the discriminator."""
        return self._embedder

    def forward(
        self,
        tokens: TextFieldTensors,
        tags: Optional[torch.Tensor] = None,
        metadata: Optional[List[Dict[str, Any]]] = None,
        module_name: Optional[List[str]] = None,
        task: Optional[List[str]] = None,
    ) -> Dict[str, Any]:
        """
        # Parameters

        tokens : `TextFieldTensors`
        tags : `torch.Tensor`, optional
            (batch_size, num_words)
        metadata : `List[Dict[str, Any]]`, optional
            One dictionary per sentence; "words" is passed on to the output.
        module_name : `List[str]`, optional
            The module of each sentence, the same for the whole batch; set by the data loader `one_batch_per_module`.
        task : `List[str]`, optional
            The `module_name` of batches from AllenNLP's own `multitask` data loader.

        # Returns

        The output of `MbertTagger`, and module : the name of the batch's module, if given. In training, a module's batch without
        tags has loss 0 and no logits: the callback trains on it.
        """
        module_name = module_name or task
        if self.training and module_name is not None and tags is None:
            # Computed from a parameter, so that the trainer can call `backward`.
            return {"loss": 0 * next(self._head.parameters()).sum(), "module": module_name[0]}
        output = super().forward(tokens, tags, metadata)
        if self.training and tags is not None:
            self._losses["ner"](output["loss"], 1)
        if module_name is not None:
            output["module"] = module_name[0]
        return output

    def encode(self, tokens: TextFieldTensors) -> EncodedBatch:
        """
        Computes the word vectors that the discriminator classifies.

        # Returns

        vectors : (batch_size, num_words, dim); mask : (batch_size, num_words).
        """
        return self._embedder(tokens), get_text_field_mask(tokens)

    def discriminator_loss(self, source: EncodedBatch, target: EncodedBatch) -> torch.Tensor:
        """
        Returns the discriminator's loss, a scalar: the mean of - log p(source) over the source's words, plus the mean of
        - log(1 - p(source)) over the target's, as in the released code. At chance level it is 2 log 2. No gradients flow into
        the vectors.

        # Parameters

        source, target : `Tuple[torch.Tensor, torch.Tensor]`
            The outputs of `encode` for a batch of each language.
        """
        losses = []
        for (vectors, mask), is_source in ((source, True), (target, False)):
            logits = self.discriminator(vectors.detach())
            losses.append(self.discriminator.loss(logits, mask, is_source))
            self._accuracy((((logits > 0) == is_source) & mask).sum(), mask.sum())
        loss = losses[0] + losses[1]
        self._losses["discriminator"](loss, 1)
        return loss

    def generator_loss(self, source: EncodedBatch, target: EncodedBatch) -> torch.Tensor:
        """Returns the encoder's loss, a scalar: the discriminator's with the languages swapped. The vectors get gradients."""
        losses = [
            self.discriminator.loss(self.discriminator(vectors), mask, is_source)
            for (vectors, mask), is_source in ((source, False), (target, True))
        ]
        loss = losses[0] + losses[1]
        self._losses["generator"](loss, 1)
        return loss

    def language_probabilities(self, tokens: TextFieldTensors) -> torch.Tensor:
        """
        Returns the probability that each word is in the source language.

        # Returns

        `torch.Tensor`
            (batch_size, num_words); undefined where the mask is False.
        """
        return torch.sigmoid(self.discriminator(self._embedder(tokens)))

    def get_metrics(self, reset: bool = False) -> Dict[str, float]:
        """
        Returns the metrics of `MbertTagger` and, in training, the mean "ner_loss", "discriminator_loss" and "generator_loss" of
        the steps and "discriminator_accuracy", the share of the words of both languages that are classified correctly.
        """
        metrics = super().get_metrics(reset)
        for metric in (*self._losses.values(), self._accuracy):
            metrics.update(metric.get_metric(reset))
        return metrics
