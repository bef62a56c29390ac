"""Says which weights of a model have a row for each token of its vocabulary."""

from typing import Dict, Mapping, NamedTuple, Protocol, runtime_checkable

import torch


class TokenAxes(NamedTuple):
    """
    The first `number` axes of a weight run over the tokens of a vocabulary namespace, from its token of index `first` on; with
    `of_types`, over the entity types of the namespace's tags, sorted.
    """

    namespace: str
    number: int = 1
    first: int = 0
    of_types: bool = False


@runtime_checkable
class HasTokenAxes(Protocol):
    """A part of a model that has such weights."""

    def token_axes(self) -> Mapping[str, TokenAxes]:
        """By names of the part's weights."""


def token_axes_of(model: torch.nn.Module) -> Dict[str, TokenAxes]:
    """By names of the model's weights, what its parts say."""
    return {
        f"{part_name}.{weight_name}".lstrip("."): axes
        for part_name, part in model.named_modules()
        if isinstance(part, HasTokenAxes)
        for weight_name, axes in part.token_axes().items()
    }
