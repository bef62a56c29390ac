"""Seeded samples for low-resource curves."""

import random
from typing import Union

from allennlp.common.checks import ConfigurationError


class Sample:
    """
    Which sentences of a corpus are kept.

    With one seed a smaller sample is always part of a larger one, so that the points of a low-resource curve differ by what is
    added and not by chance; the order of the corpus is kept.

    # Parameters

    size : `Union[int, float, None]`
        A number of sentences (int), a share of them (float between 0 and 1), or None for all.
    seed : `int`

    # Raises

    `ConfigurationError`
        For a size that is neither, here, or for more sentences than there are, in `kept`.
    """

    def __init__(self, size: Union[int, float, None], seed: int) -> None:
        is_number = isinstance(size, int) and not isinstance(size, bool) and size > 0
        is_share = isinstance(size, float) and 0 < size <= 1
        if size is not None and not is_number and not is_share:
            raise ConfigurationError(
                f"'sample' is {size!r}; it is a number of sentences (1, 2, ...), or a share of them above 0.0 and up to 1.0."
            )
        self._size = size
        self._seed = seed

    @property
    def is_everything(self) -> bool:
        return self._size is None

    def kept(self, total: int, corpus: str) -> bytearray:
        """For each of `total` sentences 1 if it is kept and 0 if not."""
        if self._size is None:
            return bytearray([1]) * total
        wanted = self._size if isinstance(self._size, int) else max(1, round(self._size * total))
        if wanted > total:
            raise ConfigurationError(
                f"'sample' asks for {wanted} sentences, and {corpus} has {total}. Ask for fewer, or for all (null)."
            )
        order = list(range(total))
        random.Random(self._seed).shuffle(order)
        kept = bytearray(total)
        for index in order[:wanted]:
            kept[index] = 1
        return kept
