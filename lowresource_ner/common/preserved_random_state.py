"""Keeps other work from changing the random numbers of a training."""

import contextlib
import random
from typing import Iterator

import numpy
import torch


@contextlib.contextmanager
def preserved_random_state() -> Iterator[None]:
    """
    Restores the random generators of Python, numpy and torch (CPU) when the `with` block ends.

    Building a model draws random weights, even where saved ones replace them. Loading a teacher on demand would therefore change
    the training of its student, and a run that finds all labels in a store would differ from the one that filled it.
    """
    python_state = random.getstate()
    numpy_state = numpy.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python_state)
        numpy.random.set_state(numpy_state)
