"""The field of a numpy array."""

from typing import Dict

import numpy
import torch
from allennlp.data import Field


class NumpyField(Field[torch.Tensor]):
    """
    Holds a numpy array, which becomes a tensor when a batch is made; shorter ones are padded with zeros along the first axis.

    AllenNLP's `TensorField` holds a tensor of torch. Each tensor that a data loader's worker sends keeps a file open, and a
    thousand sentences need more open files than many machines allow.

    # Parameters

    array : `numpy.ndarray`
        (length, ...); the other sizes are the same for all sentences.
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
