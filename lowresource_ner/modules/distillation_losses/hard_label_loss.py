"""Cross-entropy with the teacher's most probable tags."""

import torch

from lowresource_ner.modules.distillation_losses.distillation_loss import DistillationLoss


@DistillationLoss.register("hard_labels")
class HardLabelLoss(DistillationLoss):
    """
    - log q_ŷ with q = softmax(logits) and ŷ = argmax_c p_c, the teacher's most probable tag: the ablation HL of Wu et al. (2020,
    arXiv:2004.12440).

    The released code trains HL on all sub-words, including [CLS] and [SEP]; this loss is over words.

    Registered as a `DistillationLoss` with name "hard_labels".
    """

    def word_losses(self, logits: torch.Tensor, teacher_probabilities: torch.Tensor) -> torch.Tensor:
        labels = teacher_probabilities.argmax(dim=-1)  # (num_words,)
        return torch.nn.functional.cross_entropy(logits, labels, reduction="none")
