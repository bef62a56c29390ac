"""Trains a student to have its teacher's hidden states, and to know masked words."""

from typing import Any, Dict, Sequence

import torch
from lowresource_ner.pretraining.trainer import Batch, Loss, MaskedLanguageModelTrainer
from torch.nn import functional
from transformers import PreTrainedModel


class DistillationTrainer(MaskedLanguageModelTrainer):
    """
    The student reads masked text, and the teacher the same text whole (compare Baevski et al. 2022, data2vec,
    https://arxiv.org/abs/2202.03555).

    # Parameters

    teacher : `PreTrainedModel`
        An encoder of the same pieces and width, without output layer.
    taught_by : `Sequence[int]`
        Of each of the student's layers the teacher's layer that it learns from, counted from 0.
    hidden_weight, mlm_weight : `float`
        Of the two losses.
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
        hidden_loss = hidden_state_loss(
            outputs.hidden_states[1:],
            self._targets(inputs),
            present,  # the first are not a layer's, but the word vectors
        )
        return {"hidden_loss": Loss(hidden_loss, present.sum()), "mlm_loss": self.masked_loss(outputs, num_masked)}

    def _targets(self, inputs: Batch) -> Sequence[torch.Tensor]:
        """The teacher's hidden states of the whole text, one tensor for each of the student's layers."""
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
    The mean over layers of the mean squared error of hidden states (Jiao et al. 2020, TinyBERT, https://arxiv.org/abs/1909.10351,
    equation 8), over the variance of the teacher's, so that each layer counts alike: 1 is what the mean of all would give.

    # Parameters

    student, teacher : `Sequence[torch.Tensor]`
        Of each layer. Shape: (batch_size, max_length, hidden_dim)
    present : `torch.Tensor`
        True where there is a sub-word. Shape: (batch_size, max_length)

    # Returns

    `torch.Tensor`
        A number.
    """
    losses = []
    for found, expected in zip(student, teacher):
        # Shape of both: (num_present, hidden_dim)
        found, expected = found[present].float(), expected[present].float()
        losses.append(functional.mse_loss(found, expected) / expected.var())
    return torch.stack(losses).mean()
