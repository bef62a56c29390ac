"""The base class of sources of encoder weights for tasks and domains."""

import contextlib
from typing import Dict, Iterator, NamedTuple, Optional, Sequence

import torch
from allennlp.common import Registrable


class TaskAndDomain(NamedTuple):
    """The names of a task and a domain, for which an encoder is generated."""

    task: str
    domain: str


class EncoderParameters(torch.nn.Module, Registrable):
    """
    Generates the encoder's parameters θ of a task in a domain, as one vector. The encoder defines their meaning: `GeneratedLstm`
    uses θ as the weights of an LSTM, `TransformerAdapters` as those of small layers in a transformer.

    A plain call generates θ with a graph, like any module. With several pairs of task and domain in one update (Jia et al. 2019,
    P19-1236, algorithm 1), this would read and write the generator's weights once per pair. Within `step`, θ of all pairs is
    generated together and their gradients are propagated together; the resulting gradients are the same.

    # Parameters

    tasks, domains : `Sequence[str]`
        Passed by the model.
    num_parameters : `int`
        P, the length of θ. Passed by the model.
    hidden_size : `int`
        The size of the encoder's states (of an LSTM, per direction), for the initialisation. Passed by the model.
    initial_scales : `torch.Tensor`, optional (default = `None`)
        (num_parameters,): a factor for the initial value of each number of θ; None for 1. Passed by the model.
    """

    default_implementation = "parameter_generator"

    def __init__(
        self,
        tasks: Sequence[str],
        domains: Sequence[str],
        num_parameters: int,
        hidden_size: int,
        initial_scales: Optional[torch.Tensor] = None,
    ) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.domains = list(domains)
        self.num_parameters = num_parameters
        # θ of each pair of the open step.
        self._thetas: Dict[TaskAndDomain, torch.Tensor] = {}

    def generate(self, pairs: Sequence[TaskAndDomain]) -> torch.Tensor:
        """Returns θ of each pair, (len(pairs), num_parameters), differentiable."""
        raise NotImplementedError

    def generate_backward(self, pairs: Sequence[TaskAndDomain], gradient: torch.Tensor) -> None:
        """
        Propagates gradients of θ to the parameters of this module.

        # Parameters

        pairs : `Sequence[TaskAndDomain]`
        gradient : `torch.Tensor`
            (len(pairs), num_parameters), the gradient of the loss with respect to `generate(pairs)`.
        """
        with torch.enable_grad():
            generated = self.generate(pairs)
        if generated.requires_grad:  # unless everything is frozen
            generated.backward(gradient)

    def forward(self, pair: TaskAndDomain) -> torch.Tensor:
        """Returns θ of one pair, (num_parameters,); in training, the one of the open step if the pair is part of it."""
        theta: Optional[torch.Tensor] = self._thetas.get(pair)
        if theta is not None and self.training and torch.is_grad_enabled():
            return theta
        return self.generate([pair])[0]

    @contextlib.contextmanager
    def step(self, pairs: Sequence[TaskAndDomain]) -> Iterator[Dict[TaskAndDomain, torch.Tensor]]:
        """
        Generates θ of the given pairs once, and propagates their gradients when the context is left, unless by an exception.

        # Yields

        θ of each pair, (num_parameters,): a leaf tensor whose `grad` is filled by the backward passes of the step.
        """
        pairs = list(dict.fromkeys(pairs))
        with torch.no_grad():
            generated = self.generate(pairs)
        thetas = {pair: row.requires_grad_() for pair, row in zip(pairs, generated.detach().unbind())}
        self._thetas = thetas
        try:
            yield thetas
            gradients = {pair: theta.grad for pair, theta in thetas.items() if theta.grad is not None}
            if gradients:
                self.generate_backward(list(gradients), torch.stack(list(gradients.values())))
        finally:
            self._thetas = {}
