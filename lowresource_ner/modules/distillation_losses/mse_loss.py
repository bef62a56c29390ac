"""Mean squared error between probabilities."""

import torch

from lowresource_ner.modules.distillation_losses.distillation_loss import DistillationLoss


@DistillationLoss.register("mse")
class MseLoss(DistillationLoss):
    """
    (1/C) Σ_c (q_c - p_c)² with q = softmax(logits) and the teacher's p, over the C tags: between probabilities, not between
    logits (Wu et al. 2020, arXiv:2004.12440, section 3.2).

    The paper averages over the words of each sentence, the default here. Its released code averages over all words of the
    batch, which is `average: "words"`.

    Registered as a `DistillationLoss` with name "mse".
    """

    def word_losses(self, logits: torch.Tensor, teacher_probabilities: torch.Tensor) -> torch.Tensor:
        return (torch.softmax(logits, dim=-1) - teacher_probabilities).square().mean(dim=-1)
