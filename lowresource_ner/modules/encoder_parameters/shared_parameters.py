"""The same weights for every task and domain: the baselines without a parameter generation network."""

import math
from typing import Optional, Sequence

import torch

from lowresource_ner.modules.encoder_parameters.encoder_parameters import EncoderParameters, TaskAndDomain


@EncoderParameters.register("shared")
class SharedParameters(EncoderParameters):
    """
    The same θ for every task and domain: with one of each the ordinary BiLSTM-CRF (STM), with several the multi-task baselines
    of Jia et al. (2019, P19-1236), section 4.3. θ begins as U(-1/√h, 1/√h), as torch's LSTM does.

    Registered as an `EncoderParameters` with name "shared".
    """

    def __init__(
        self,
        tasks: Sequence[str],
        domains: Sequence[str],
        num_parameters: int,
        hidden_size: int,
        initial_scales: Optional[torch.Tensor] = None,
    ) -> None:
        super().__init__(tasks, domains, num_parameters, hidden_size, initial_scales)
        bound = 1 / math.sqrt(hidden_size)
        self.weight = torch.nn.Parameter(torch.empty(num_parameters).uniform_(-bound, bound))
        if initial_scales is not None:
            self.weight.data.mul_(initial_scales)

    def generate(self, pairs: Sequence[TaskAndDomain]) -> torch.Tensor:
        return self.weight.expand(len(pairs), -1)
