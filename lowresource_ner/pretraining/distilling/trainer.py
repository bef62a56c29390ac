"""Trains a student to reproduce its teacher's hidden states and to predict masked words."""

from typing import Any, Dict, Sequence

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from lowresource_ner.pretraining.trainer import Batch, Loss, MaskedLanguageModelTrainer


class DistillationTrainer(MaskedLanguageModelTrainer):
    """
    Trains a student, which reads masked text, with a teacher, which reads the same text unmasked (compare Baevski et al. 2022,
    data2vec, arXiv:2202.03555).

    # Parameters

    teacher : `PreTrainedModel`
        An encoder with the same pieces and hidden size, without output layer.
    taught_by : `Sequence[int]`
        For each layer of the student, the number of the teacher's layer that it learns from, counted from 0.
    hidden_weight, mlm_weight : `float`
        The weights of the two losses.
    """

    def __init__(
        self,
        *args: Any,
        teacher: PreTrainedModel,
        taught_by: Sequence[int],
        hidden_weight: float,
        mlm_weight: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.loss_weights = {"hidden_loss": hidden_weight, "mlm_loss": mlm_weight}
        self._teacher = teacher.to(self.args.device).eval().requires_grad_(False)
        self._taught_by = taught_by

    def losses(self, model: Any, inputs: Batch) -> Dict[str, Loss]:
        outputs, num_masked = self.outputs_at_masked(model, inputs, output_hidden_states=True)
        present = inputs["attention_mask"].bool()
        # The first hidden states are the word vectors, not those of a layer.
        hidden_loss = hidden_state_loss(outputs.hidden_states[1:], self._targets(inputs), present)
        return {"hidden_loss": Loss(hidden_loss, present.sum()), "mlm_loss": self.masked_loss(outputs, num_masked)}

    def _targets(self, inputs: Batch) -> Sequence[torch.Tensor]:
        """The teacher's hidden states of the unmasked text, one tensor for each of the student's layers."""
        labels = inputs["labels"]
        whole = torch.where(labels == -100, inputs["input_ids"], labels)
        device = self.args.device.type
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=self.args.bf16):
            states = self._teacher(
                input_ids=whole, attention_mask=inputs["attention_mask"], output_hidden_states=True
            ).hidden_states
        return [states[layer + 1] for layer in self._taught_by]


def hidden_state_loss(
    student: Sequence[torch.Tensor], teacher: Sequence[torch.Tensor], present: torch.Tensor
) -> torch.Tensor:
    """
    The mean over layers of the mean squared error of hidden states (Jiao et al. 2020, TinyBERT, arXiv:1909.10351, equation 8),
    each divided by the variance of the teacher's states, so that all layers count alike. Predicting the mean of a layer's states
    would give about 1.

    # Parameters

    student, teacher : `Sequence[torch.Tensor]`
        One tensor for each layer. Shape: (batch_size, max_length, hidden_dim)
    present : `torch.Tensor`
        True where there is a sub-word. Shape: (batch_size, max_length)

    # Returns

    `torch.Tensor`
        A scalar.
    """
    losses = []
    for found, expected in zip(student, teacher):
        # Shape of both: (num_present, hidden_dim)
        found, expected = found[present].float(), expected[present].float()
        losses.append(functional.mse_loss(found, expected) / expected.var())
    return torch.stack(losses).mean()
