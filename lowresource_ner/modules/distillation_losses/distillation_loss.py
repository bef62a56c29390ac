"""The base class of losses between a student and its teacher."""

from typing import NamedTuple, Optional

import torch
from allennlp.common import Registrable
from allennlp.common.checks import ConfigurationError

_AVERAGES = ("sentences", "words")


class SummedLoss(NamedTuple):
    """The sum of the losses of a batch's sentences or words, and their number: two scalars."""

    total: torch.Tensor
    number: torch.Tensor

    @property
    def mean(self) -> torch.Tensor:
        """A scalar, 0 if nothing was counted."""
        return self.total / self.number.clamp(min=1)


class DistillationLoss(torch.nn.Module, Registrable):
    """
    Compares a student's logits with a teacher's probabilities, word by word, and averages over the words.

    Words count if the mask is True and their weight, if given, is above 0.

    # Parameters

    average : `str`, optional (default = `"sentences"`)
        "sentences": the mean over sentences of (1/L) Σ_i loss(x_i), where L is the length of the sentence, so that all sentences
        have the same weight (Wu et al. 2020, arXiv:2004.12440, section 3.2, sum over sentences). "words": the mean over all words
        of the batch, so that long sentences have more weight (their released code).

    # Raises

    `ConfigurationError`
        If `average` is unknown.
    """

    default_implementation = "mse"

    def __init__(self, average: str = "sentences") -> None:
        super().__init__()
        if average not in _AVERAGES:
            raise ConfigurationError(
                f"'average' of a distillation loss is '{average}'; it is one of {', '.join(_AVERAGES)}."
            )
        self.average = average

    def forward(
        self,
        logits: torch.Tensor,
        teacher_probabilities: torch.Tensor,
        mask: torch.Tensor,
        weights: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """Returns the mean loss, a scalar; 0 with zero gradients if no word is counted. The parameters are those of `summed`."""
        return self.summed(logits, teacher_probabilities, mask, weights).mean

    def summed(
        self,
        logits: torch.Tensor,
        teacher_probabilities: torch.Tensor,
        mask: torch.Tensor,
        weights: Optional[torch.Tensor] = None,
    ) -> SummedLoss:
        """
        Sums the losses of a batch.

        # Parameters

        logits : `torch.Tensor`
            (batch_size, num_words, num_tags), the student's.
        teacher_probabilities : `torch.Tensor`
            (batch_size, num_words, num_tags), of any dtype; converted to the logits', at least float32.
        mask : `torch.BoolTensor`
            (batch_size, num_words) True for words.
        weights : `torch.Tensor`, optional
            (batch_size, num_words) Factors for the words' losses. A word of weight 0 or less does not count; any other counts as
            one word in the mean, so that a sentence of low weight contributes little.

        # Returns

        `SummedLoss`
            Its `number` is that of counted words, or that of sentences with counted words, depending on `average`.

        # Raises

        `ConfigurationError`
            If the shapes of logits and probabilities differ.
        """
        if logits.shape != teacher_probabilities.shape:
            raise ConfigurationError(
                f"A distillation loss compares logits of shape {tuple(logits.shape)} with the teacher's probabilities of shape "
                f"{tuple(teacher_probabilities.shape)}; both are (sentences, words, tags). Give the student the vocabulary of "
                "the teacher, and the teacher's probabilities for the same sentences."
            )
        counted = mask if weights is None else mask & (weights > 0)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        losses = self.word_losses(logits[counted].to(dtype), teacher_probabilities[counted].to(dtype))  # (num_counted,)
        if weights is not None:
            losses = losses * weights[counted].to(dtype)
        if self.average == "words":
            return SummedLoss(losses.sum(), counted.sum())
        lengths = counted.sum(dim=1, keepdim=True)  # (batch_size, 1)
        return SummedLoss((losses / lengths.expand_as(counted)[counted]).sum(), (lengths > 0).sum())

    def word_losses(self, logits: torch.Tensor, teacher_probabilities: torch.Tensor) -> torch.Tensor:
        """
        # Parameters

        logits, teacher_probabilities : `torch.Tensor`
            (num_words, num_tags), of the same type.

        # Returns

        (num_words,): the loss of each word.
        """
        raise NotImplementedError
