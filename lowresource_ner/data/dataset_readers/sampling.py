"""Seeded samples of a corpus for low-resource curves, and sentences that are held out."""

import random
from hashlib import blake2b
from typing import Optional, Sequence

from allennlp.common.checks import ConfigurationError


class Sample:
    """
    Chooses a random sample of a corpus.

    With the same seed a smaller sample is a subset of a larger one, so that the points of a low-resource curve differ only by the
    added sentences. The order of the corpus is kept.

    # Parameters

    number : `Optional[int]`
        The number of sentences; `None` for all.
    share : `Optional[float]`
        The share of the sentences, above 0 and up to 1; `None` for all.
    seed : `int`

    # Raises

    `ConfigurationError`
        For an invalid number or share, or both; in `kept`, for more sentences than there are.
    """

    def __init__(self, number: Optional[int], share: Optional[float], seed: int) -> None:
        if number is not None and share is not None:
            raise ConfigurationError(
                "'sample' (a number of sentences) and 'sample_share' are both given. Leave one out."
            )
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise ConfigurationError(
                f"'sample' is {number!r}; it is a number of sentences, 1 or more, or null for all."
            )
        if share is not None and not 0 < share <= 1:
            raise ConfigurationError(f"'sample_share' is {share!r}; it is above 0 and up to 1, or null for all.")
        self._number = number
        self._share = share
        self._seed = seed

    @property
    def is_everything(self) -> bool:
        return self._number is None and self._share is None

    def kept(self, total: int, corpus: str) -> bytearray:
        """For each of `total` sentences of a corpus (its name is for messages) 1 if it is in the sample, else 0."""
        if self.is_everything:
            return bytearray([1]) * total
        wanted = self._number if self._number is not None else max(1, round((self._share or 1) * total))
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


class HeldOut:
    """
    Holds out sentences by a digest of their words: all copies of a sentence are held out, or none, and adding sentences does not
    change what is held out of the others.

    # Parameters

    share : `Optional[float]`
        The approximate share of distinct sentences to hold out, above 0 and below 1; `None` to hold out nothing.
    is_held_out : `bool`
        True to read the sentences that are held out, False to read the others.

    # Raises

    `ConfigurationError`
        For an invalid share, and for `is_held_out` without a share.
    """

    def __init__(self, share: Optional[float], is_held_out: bool) -> None:
        if share is not None and not 0 < share < 1:
            raise ConfigurationError(f"'held_out_share' is {share!r}; it is above 0 and below 1, or null for none.")
        if share is None and is_held_out:
            raise ConfigurationError(
                "'held_out' is true, and there is no 'held_out_share'. Give the share that the training reader leaves out."
            )
        self._share = share
        self.is_held_out = is_held_out

    def includes(self, words: Sequence[str]) -> bool:
        """Whether a sentence is read."""
        if self._share is None:
            return True
        digest = blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest, "little") < self._share * 2**64) == self.is_held_out
