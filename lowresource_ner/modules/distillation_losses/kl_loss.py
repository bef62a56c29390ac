"""Kullback-Leibler divergence at a temperature."""

import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.distillation_losses.distillation_loss import DistillationLoss

_MIN_PROBABILITY = 2.0**-25


@DistillationLoss.register("kl")
class KlLoss(DistillationLoss):
    """
    T² Σ_c p_c (log p_c - log q_c), where q = softmax(logits / T) and p is the teacher at temperature T (Hinton, Vinyals and Dean
    2015, arXiv:1503.02531, section 2). T² makes up for gradients that shrink by 1/T². With T above 1, the teacher's less probable
    tags have more weight.

    The teacher's probabilities p¹ are at temperature 1. Its logits are their logarithms up to a constant, so p is (p¹)^(1/T),
    normalised. If T is not 1, p¹ is clipped at 2⁻²⁵, which half precision does not distinguish from 0: a high temperature would
    magnify differences that a soft-label store does not keep.

    Registered as a `DistillationLoss` with name "kl".

    # Parameters

    temperature : `float`, optional (default = `1.0`)
        T > 0.
    average : `str`, optional (default = `"sentences"`)
        See `DistillationLoss`.

    # Raises

    `ConfigurationError`
        If the temperature is not above 0.
    """

    def __init__(self, temperature: float = 1.0, average: str = "sentences") -> None:
        super().__init__(average)
        if not temperature > 0:
            raise ConfigurationError(f"'temperature' of the loss kl is {temperature}; it must be above 0.")
        self.temperature = temperature

    def word_losses(self, logits: torch.Tensor, teacher_probabilities: torch.Tensor) -> torch.Tensor:
        tempered = teacher_probabilities
        if self.temperature != 1:
            tempered = tempered.clamp(min=_MIN_PROBABILITY) ** (1 / self.temperature)
            tempered = tempered / tempered.sum(dim=-1, keepdim=True)
        log_student = torch.log_softmax(logits / self.temperature, dim=-1)
        # xlogy: 0 log 0 is 0, and probabilities stored in half precision are often 0.
        divergences = (torch.xlogy(tempered, tempered) - tempered * log_student).sum(dim=-1)
        return self.temperature**2 * divergences
