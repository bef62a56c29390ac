"""SGD with lazy weight decay for sparse gradients."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.training.optimizers import Optimizer, make_parameter_groups
from torch.optim.sgd import sgd


@Optimizer.register("lazy_sgd")
class LazySgd(Optimizer):
    """
    SGD without momentum, with weight decay (L2), for dense and sparse gradients: p - lr * (g + weight_decay * p).

    Dense gradients update the whole parameter, with torch's fused kernel if possible. Sparse gradients, those of embeddings with
    `sparse: true`, update only the rows that they contain, including weight decay ("lazy", as in LazyAdam), so that a step does
    not depend on the size of the table. (torch's SGD does not support weight decay with sparse gradients.)

    Registered as an `Optimizer` with name "lazy_sgd".

    # Parameters

    model_parameters : `List[Tuple[str, torch.nn.Parameter]]`
        Passed by the trainer.
    lr : `float`
    parameter_groups : `List[Tuple[List[str], Dict[str, Any]]]`, optional
        Another "lr" or "weight_decay" for parameters whose names match regular expressions.
    weight_decay : `float`, optional (default = `0.0`)

    # Raises

    `ConfigurationError`
        If "lr" or "weight_decay" is negative, or a group has a momentum.
    """

    takes_sparse_gradients = True

    def __init__(
        self,
        model_parameters: List[Tuple[str, torch.nn.Parameter]],
        lr: float,
        parameter_groups: Optional[List[Tuple[List[str], Dict[str, Any]]]] = None,
        weight_decay: float = 0.0,
    ) -> None:
        groups = make_parameter_groups(model_parameters, parameter_groups)
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        for group in self.param_groups:
            for name in ("lr", "weight_decay"):
                if not group[name] >= 0:
                    raise ConfigurationError(f"'{name}' of lazy_sgd is {group[name]}; it must be 0 or more.")
            if "momentum" in group:
                raise ConfigurationError("lazy_sgd has no momentum. Remove 'momentum' from its 'parameter_groups'.")

    @torch.no_grad()
    def step(self, closure: Optional[Callable[[], Any]] = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            lr, weight_decay = group["lr"], group["weight_decay"]
            trained = [parameter for parameter in group["params"] if parameter.grad is not None]
            dense = [parameter for parameter in trained if not parameter.grad.is_sparse]
            _update([p for p in dense if _supports_fused(p)], lr, weight_decay, fused=True)
            _update([p for p in dense if not _supports_fused(p)], lr, weight_decay, fused=None)
            for parameter in trained:
                if parameter.grad.is_sparse:
                    _update_sparse(parameter, lr, weight_decay)
        return loss


def _supports_fused(parameter: torch.Tensor) -> bool:
    # The fused kernel ignores strides: if they differ between parameter and gradient, it silently gives wrong values.
    return (
        parameter.device.type in ("cpu", "cuda")
        and parameter.is_floating_point()
        and parameter.is_contiguous()
        and parameter.grad is not None
        and parameter.grad.is_contiguous()
    )


def _update(parameters: List[torch.Tensor], lr: float, weight_decay: float, fused: Optional[bool]) -> None:
    """With `fused=None`, torch chooses among its other kernels."""
    sgd(
        parameters,
        [parameter.grad for parameter in parameters if parameter.grad is not None],
        [],
        fused=fused,
        weight_decay=weight_decay,
        lr=lr,
        momentum=0.0,
        dampening=0.0,
        nesterov=False,
        maximize=False,
    )


def _update_sparse(parameter: torch.Tensor, lr: float, weight_decay: float) -> None:
    assert parameter.grad is not None
    gradient = parameter.grad.coalesce()
    indices = tuple(gradient.indices())
    rows = parameter[indices]  # (num_rows, embedding_dim)
    parameter[indices] = rows - lr * (gradient.values() + weight_decay * rows)
