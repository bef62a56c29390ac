"""Where the weights of each module's LSTM come from."""

from typing import Dict, List, NamedTuple, Optional, Sequence

import torch
from allennlp.common import Registrable


class TaskAndDomain(NamedTuple):
    """A module's task and domain, by name."""

    task: str
    domain: str


class LstmParameters(torch.nn.Module, Registrable):
    """
    Gives each pair of a task and a domain the parameters θ of its LSTM, as one vector in the order of `GeneratedLstm`.

    By itself, each call of `of` generates θ, and the loss is differentiated through it. Where several modules are trained in
    one step (Jia et al. 2019, algorithm 1), that would read and write the generator's weights once for each. `collect`
    therefore lets the parameters of all modules be generated at once, when the first is asked for, and `finish_step` carries
    the gradients of all of them back at once. The gradients are the same; a test compares them.

    # Parameters

    tasks, domains : `Sequence[str]`
        Given by the model.
    num_parameters : `int`
        P, the length of θ. Given by the model.
    hidden_size : `int`
        Of the LSTM, per direction, for the initialisation. Given by the model.
    """

    default_implementation = "parameter_generator"

    def __init__(self, tasks: Sequence[str], domains: Sequence[str], num_parameters: int, hidden_size: int) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.domains = list(domains)
        self.num_parameters = num_parameters
        self._collected: List[TaskAndDomain] = []
        self._step: Optional[Dict[TaskAndDomain, torch.Tensor]] = None

    def generate(self, modules: Sequence[TaskAndDomain]) -> torch.Tensor:
        """(len(modules), num_parameters): θ of each, differentiable."""
        raise NotImplementedError

    def generate_backward(self, modules: Sequence[TaskAndDomain], gradient: torch.Tensor) -> None:
        """
        Adds to the gradients of what θ is made from.

        # Parameters

        modules : `Sequence[TaskAndDomain]`
        gradient : `torch.Tensor`
            (len(modules), num_parameters), of the loss with respect to `generate(modules)`.
        """
        with torch.enable_grad():
            generated = self.generate(modules)
        if generated.requires_grad:  # not where all is frozen
            generated.backward(gradient)

    def of(self, module: TaskAndDomain) -> torch.Tensor:
        """(num_parameters,): θ of one module."""
        if module not in self._collected or not (self.training and torch.is_grad_enabled()):
            return self.generate([module])[0]
        if self._step is None:
            with torch.no_grad():
                generated = self.generate(self._collected)
            self._step = {each: row.requires_grad_() for each, row in zip(self._collected, generated.detach().unbind())}
        return self._step[module]

    def collect(self, modules: Sequence[TaskAndDomain]) -> None:
        """From now on, the parameters of `modules` are generated once a step, until `finish_step`. None to stop it."""
        self._collected = list(modules)
        self._step = None

    def step_gradients(self) -> Dict[TaskAndDomain, torch.Tensor]:
        """(num_parameters,) for each module that has been differentiated in this step; the others are not there."""
        step = self._step or {}
        return {module: row.grad for module, row in step.items() if row.grad is not None}

    def finish_step(self) -> None:
        """Carries the gradients of this step's θ on to what they are made from, and ends the step."""
        gradients = self.step_gradients()
        if gradients:
            self.generate_backward(list(gradients), torch.stack(list(gradients.values())))
        self._step = None
