"""Cross-entropy with the teacher's probabilities."""

import torch

from lowresource_ner.modules.distillation_losses.distillation_loss import DistillationLoss


@DistillationLoss.register("soft_cross_entropy")
class SoftCrossEntropyLoss(DistillationLoss):
    """
    - Σ_c p_c log q_c with q = softmax(logits) and the teacher's p (Hinton, Vinyals and Dean 2015, arXiv:1503.02531, section 2, at
    temperature 1). This is `kl` at temperature 1 plus the teacher's entropy: the gradients are the same, the minimum is not 0.

    Registered as a `DistillationLoss` with name "soft_cross_entropy".
    """

    def word_losses(self, logits: torch.Tensor, teacher_probabilities: torch.Tensor) -> torch.Tensor:
        return -(teacher_probabilities * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
