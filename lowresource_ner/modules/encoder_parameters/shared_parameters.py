"""One set of encoder weights for all tasks and domains, for baselines without a parameter generation network."""

import math
from typing import Optional, Sequence

import torch

from lowresource_ner.modules.encoder_parameters.encoder_parameters import EncoderParameters, TaskAndDomain


@EncoderParameters.register("shared")
class SharedParameters(EncoderParameters):
    """
    The same θ for all tasks and domains: an ordinary BiLSTM-CRF (STM) if there is one of each, else the multi-task baselines of
    Jia et al. (2019, P19-1236, section 4.3). Initialised from U(-1/√h, 1/√h), like torch's LSTM.

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
