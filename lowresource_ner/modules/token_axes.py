"""Describes the weights of a model that have a row for each token of a vocabulary namespace."""

from typing import Dict, Mapping, NamedTuple, Protocol, runtime_checkable

import torch


class TokenAxes(NamedTuple):
    """
    The first `number` axes of a weight are indexed by the tokens of a vocabulary namespace, starting at the token of index
    `first`; with `of_types`, by the sorted entity types of the namespace's tags.
    """

    namespace: str
    number: int = 1
    first: int = 0
    of_types: bool = False


@runtime_checkable
class HasTokenAxes(Protocol):
    """A submodule that has such weights."""

    def token_axes(self) -> Mapping[str, TokenAxes]:
        """Returns the axes by name of the weight, relative to the submodule."""


def token_axes_of(model: torch.nn.Module) -> Dict[str, TokenAxes]:
    """Collects the axes of all submodules, by full name of the weight."""
    return {
        f"{part_name}.{weight_name}".lstrip("."): axes
        for part_name, part in model.named_modules()
        if isinstance(part, HasTokenAxes)
        for weight_name, axes in part.token_axes().items()
    }
