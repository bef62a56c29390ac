"""Work in the middle of a training that must not change what the training draws."""

import contextlib
import random
from typing import Iterator

import numpy
import torch


@contextlib.contextmanager
def untouched_randomness() -> Iterator[None]:
    """
    Leaves the random generators of Python, numpy and torch (on the CPU) as they were.

    A model is built with random weights before its own are read, so a teacher that is loaded on demand would change the run
    that asks it, and a run that finds all answers in a store would differ from the one that filled it.
    """
    python_state = random.getstate()
    numpy_state = numpy.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python_state)
        numpy.random.set_state(numpy_state)
