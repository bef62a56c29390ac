"""Mean squared error between probabilities."""

import torch

from lowresource_ner.modules.distillation_losses.distillation_loss import DistillationLoss


@DistillationLoss.register("mse")
class MseLoss(DistillationLoss):
    """
    (1/C) Σ_c (q_c - p_c)² over the C tags, with q = softmax(logits) and the teacher's p: between probabilities, not between
    logits (Wu et al. 2020, arXiv:2004.12440, section 3.2).

    Registered as a `DistillationLoss` with name "mse".
    """

    def word_losses(self, logits: torch.Tensor, teacher_probabilities: torch.Tensor) -> torch.Tensor:
        return (torch.softmax(logits, dim=-1) - teacher_probabilities).square().mean(dim=-1)
