"""An array of a sentence, as a field."""

from typing import Dict

import numpy
import torch
from allennlp.data import Field


class NumpyField(Field[torch.Tensor]):
    """
    An array that stays one of numpy until a batch is made of it. (Each tensor of torch that a loader's worker has sent holds a
    file open: with AllenNLP's `TensorField` a thousand sentences are more than many machines allow.) As a tensor it is padded
    with zeros along its first axis.

    # Parameters

    array : `numpy.ndarray`
        (length, ...); of all sentences the same but for the length.
    """

    __slots__ = ["array"]

    def __init__(self, array: numpy.ndarray) -> None:
        self.array = array

    def get_padding_lengths(self) -> Dict[str, int]:
        return {"length": len(self.array)}

    def as_tensor(self, padding_lengths: Dict[str, int]) -> torch.Tensor:
        padded = numpy.zeros((padding_lengths["length"], *self.array.shape[1:]), self.array.dtype)
        padded[: len(self.array)] = self.array
        return torch.from_numpy(padded)

    def empty_field(self) -> "NumpyField":
        return NumpyField(self.array[:0])

    def __len__(self) -> int:
        return len(self.array)
