"""One set of LSTM weights for all tasks and domains, for baselines without a parameter generation network."""

import math
from typing import Sequence

import torch

from lowresource_ner.modules.lstm_parameters.lstm_parameters import LstmParameters, TaskAndDomain


@LstmParameters.register("shared")
class SharedParameters(LstmParameters):
    """
    The same θ for all tasks and domains: an ordinary BiLSTM-CRF (STM) if there is one of each, else the multi-task baselines of
    Jia et al. (2019, P19-1236, section 4.3). Initialised from U(-1/√h, 1/√h), like torch's LSTM.

    Registered as an `LstmParameters` with name "shared".
    """

    def __init__(self, tasks: Sequence[str], domains: Sequence[str], num_parameters: int, hidden_size: int) -> None:
        super().__init__(tasks, domains, num_parameters, hidden_size)
        bound = 1 / math.sqrt(hidden_size)
        self.weight = torch.nn.Parameter(torch.empty(num_parameters).uniform_(-bound, bound))

    def generate(self, pairs: Sequence[TaskAndDomain]) -> torch.Tensor:
        return self.weight.expand(len(pairs), -1)
