"""Gives each task in each domain the weights of its encoder."""

import contextlib
from typing import Dict, Iterator, NamedTuple, Optional, Sequence

import torch
from allennlp.common import Registrable


class TaskAndDomain(NamedTuple):
    """A task and a domain, by name: what an encoder is generated for."""

    task: str
    domain: str


class EncoderParameters(torch.nn.Module, Registrable):
    """
    Gives each pair of a task and a domain the parameters θ of its encoder, as one vector. What they are the encoder says:
    `GeneratedLstm` reads θ as the weights of an LSTM, `TransformerAdapters` as those of small layers in a transformer.

    A plain call generates θ, and the loss is differentiated through it. With several pairs in one update (Jia et al. 2019,
    P19-1236, algorithm 1), that would read and write the generator's weights once for each. Within `step`, θ of all pairs is
    therefore generated at once, and the gradients of all are carried back at once. The gradients are the same.

    # Parameters

    tasks, domains : `Sequence[str]`
        Given by the model.
    num_parameters : `int`
        P, the length of θ. Given by the model.
    hidden_size : `int`
        Of the encoder (of an LSTM, per direction), for the initialisation. Given by the model.
    initial_scales : `torch.Tensor`, optional (default = `None`)
        (num_parameters,): how many times as large each number of θ begins. None for 1. Given by the model.
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
        # θ of the pairs of the open step.
        self._thetas: Dict[TaskAndDomain, torch.Tensor] = {}

    def generate(self, pairs: Sequence[TaskAndDomain]) -> torch.Tensor:
        """(len(pairs), num_parameters): θ of each, differentiable."""
        raise NotImplementedError

    def generate_backward(self, pairs: Sequence[TaskAndDomain], gradient: torch.Tensor) -> None:
        """
        Adds to the gradients of what θ is made from.

        # Parameters

        pairs : `Sequence[TaskAndDomain]`
        gradient : `torch.Tensor`
            (len(pairs), num_parameters), of the loss with respect to `generate(pairs)`.
        """
        with torch.enable_grad():
            generated = self.generate(pairs)
        if generated.requires_grad:  # not where all is frozen
            generated.backward(gradient)

    def forward(self, pair: TaskAndDomain) -> torch.Tensor:
        """(num_parameters,): θ of one pair; in training, that of the open step where the pair is among the step's."""
        theta: Optional[torch.Tensor] = self._thetas.get(pair)
        if theta is not None and self.training and torch.is_grad_enabled():
            return theta
        return self.generate([pair])[0]

    @contextlib.contextmanager
    def step(self, pairs: Sequence[TaskAndDomain]) -> Iterator[Dict[TaskAndDomain, torch.Tensor]]:
        """
        Opens a step, in which θ of the given pairs is generated once; its end carries the gradients back. A step that ends
        in an exception carries nothing back.

        # Yields

        (num_parameters,) for each pair: θ, a leaf of the graph, whose `grad` the backward passes of the step fill.
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
