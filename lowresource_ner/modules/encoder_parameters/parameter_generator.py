"""A parameter generation network: generates an encoder's weights from embeddings of task and domain."""

import math
from typing import Optional, Sequence

import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.modules.encoder_parameters.encoder_parameters import EncoderParameters, TaskAndDomain


@EncoderParameters.register("parameter_generator")
class ParameterGenerator(EncoderParameters):
    """
    θ = W ⊗ I_d ⊗ I_t for all weights and biases of an encoder: W is a tensor of shape P × V × U, I_t ∈ R^V the embedding of the
    task, I_d ∈ R^U the embedding of the domain (Jia, Liang and Zhang 2019, P19-1236).

    W is initialised from U(-1/√h, 1/√h), where h is the hidden size of a direction, the embeddings from U(-b, b) with
    b = √(3/√(V·U)), so that θ has the variance of an ordinary LSTM's weights.

    Registered as an `EncoderParameters` with name "parameter_generator".

    # Parameters

    task_dim, domain_dim : `int`, optional (default = `8`)
        V and U.
    domain_difference : `float`, optional (default = `1.0`)
        δ, how much the initial embeddings of domains differ, from 0 (not at all) to 1 (independent, as in the paper): I_d =
        √(1 - δ²) · common + δ · own, both drawn as above, so that the variance is the same. Use a value near 0 if some task is
        never trained in some domain: training in other domains helps there only if the domains' embeddings are similar.

    # Raises

    `ConfigurationError`
        If the difference is outside [0, 1].
    """

    def __init__(
        self,
        tasks: Sequence[str],
        domains: Sequence[str],
        num_parameters: int,
        hidden_size: int,
        task_dim: int = 8,
        domain_dim: int = 8,
        domain_difference: float = 1.0,
        initial_scales: Optional[torch.Tensor] = None,
    ) -> None:
        super().__init__(tasks, domains, num_parameters, hidden_size, initial_scales)
        if not 0 <= domain_difference <= 1:
            raise ConfigurationError(f"'domain_difference' is {domain_difference}; it is from 0 to 1.")
        # W with its last two axes flattened: (P, V · U).
        self.weight = torch.nn.Parameter(torch.empty(num_parameters, task_dim * domain_dim))
        self._num_blocks = _num_blocks(num_parameters)
        self.task_embeddings = torch.nn.Parameter(torch.empty(len(tasks), task_dim))
        self.domain_embeddings = torch.nn.Parameter(torch.empty(len(domains), domain_dim))
        bound = 1 / math.sqrt(hidden_size)
        torch.nn.init.uniform_(self.weight, -bound, bound)
        if initial_scales is not None:
            self.weight.data.mul_(initial_scales.unsqueeze(1))
        bound = math.sqrt(3 / math.sqrt(task_dim * domain_dim))
        torch.nn.init.uniform_(self.task_embeddings, -bound, bound)
        torch.nn.init.uniform_(self.domain_embeddings, -bound, bound)
        if domain_difference < 1:
            common = torch.empty(domain_dim).uniform_(-bound, bound)
            self.domain_embeddings.data.mul_(domain_difference).add_(math.sqrt(1 - domain_difference**2) * common)
        self._weight_gradient: Optional[torch.Tensor] = None

    def generate(self, pairs: Sequence[TaskAndDomain]) -> torch.Tensor:
        with torch.autocast(self.weight.device.type, enabled=False):
            coefficients = self._coefficients(pairs)  # (len(pairs), V · U)
            blocks = self._blocks(self.weight) @ coefficients.t()  # (num_blocks, P / num_blocks, len(pairs))
            return blocks.flatten(0, 1).t().contiguous()

    def generate_backward(self, pairs: Sequence[TaskAndDomain], gradient: torch.Tensor) -> None:
        """
        See `EncoderParameters`. The gradient of W is written to memory that is reused, since allocating its 41 MB in every step
        takes longer than computing it. So the next step overwrites a `weight.grad` that a caller has kept.
        """
        with torch.enable_grad():
            coefficients = self._coefficients(pairs)
        if coefficients.requires_grad:
            coefficients.backward(gradient @ self.weight.detach())
        if not self.weight.requires_grad:
            return
        by_block = self._blocks(gradient.t().contiguous())  # (num_blocks, P / num_blocks, len(pairs))
        repeated = coefficients.detach().expand(self._num_blocks, -1, -1)
        if self.weight.grad is not None:
            self._blocks(self.weight.grad).baddbmm_(by_block, repeated)
            return
        kept = self._weight_gradient
        if kept is None or (kept.device, kept.dtype) != (self.weight.device, self.weight.dtype):
            kept = self._weight_gradient = torch.empty_like(self.weight)
        torch.bmm(by_block, repeated, out=self._blocks(kept))
        self.weight.grad = kept

    def _blocks(self, rows: torch.Tensor) -> torch.Tensor:
        """(P, n) as (num_blocks, P / num_blocks, n)."""
        return rows.view(self._num_blocks, -1, rows.size(1))

    def _coefficients(self, pairs: Sequence[TaskAndDomain]) -> torch.Tensor:
        """(len(pairs), V · U): I_t ⊗ I_d of each pair."""
        tasks = self.task_embeddings[[self.tasks.index(pair.task) for pair in pairs]]
        domains = self.domain_embeddings[[self.domains.index(pair.domain) for pair in pairs]]
        return (tasks.unsqueeze(2) * domains.unsqueeze(1)).flatten(1)


def _num_blocks(num_parameters: int) -> int:
    """The number of blocks of about 2,000 rows that W is divided into: thin products are fastest if a block fits the cache."""
    wanted = max(1, num_parameters // 2048)
    return next(count for count in range(wanted, 0, -1) if num_parameters % count == 0)
