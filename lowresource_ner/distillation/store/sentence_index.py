"""Finds sentences by their words: an index in memory from a digest of the words to a number."""

from hashlib import blake2b
from typing import Iterable, Sequence

import numpy

KEY_BYTES = 20

# "rest" tells apart digests that are alike in their first half, which hardly ever happens.
_KEY = numpy.dtype([("high", "<u8"), ("rest", "S12")])


def sentence_key(words: Sequence[str]) -> bytes:
    """
    A digest of a sentence's words, and their number: 20 bytes. The lengths of the words are digested before the words, so that
    `["a b"]` and `["a", "b"]` have different keys.
    """
    lengths = " ".join(map(str, map(len, words)))
    text = f"{lengths}\n{''.join(words)}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest() + len(words).to_bytes(4, "little")


class SentenceIndex:
    """
    A sorted table of sentences' keys, each with a number that says where the sentence is. A sentence takes 28 bytes.

    A key that is added twice keeps the number that it had first.
    """

    def __init__(self) -> None:
        # Sorted by the first half of the digest. Columns lie apart, because the search reads one of them only.
        self._high = numpy.empty(0, numpy.uint64)
        self._rest = numpy.empty(0, _KEY["rest"])
        self._places = numpy.empty(0, numpy.int64)

    def __len__(self) -> int:
        return len(self._high)

    def extend(self, keys: Iterable[bytes], places: numpy.ndarray) -> None:
        """
        Adds sentences.

        # Parameters

        keys : `Iterable[bytes]`
            Keys, or the joined keys of several sentences.
        places : `numpy.ndarray`
            (num_sentences,) int64, from 0.
        """
        added = numpy.frombuffer(b"".join(keys), _KEY)
        high = numpy.concatenate([self._high, added["high"]])
        rest = numpy.concatenate([self._rest, added["rest"]])
        # Stable, so that the first of equal keys stays the first; and fast, because most of the table is in order already.
        order = numpy.argsort(high, kind="stable")
        is_new = numpy.ones(len(order), bool)
        is_new[1:] = _differs_from_previous(high[order]) | _differs_from_previous(rest[order])
        order = order[is_new]
        self._high, self._rest = high[order], rest[order]
        self._places = numpy.concatenate([self._places, places])[order]

    def find(self, keys: Iterable[bytes]) -> numpy.ndarray:
        """(num_keys,) int64, the number of each sentence, -1 for one that was not added."""
        sought = numpy.frombuffer(b"".join(keys), _KEY)
        places = numpy.full(len(sought), -1)
        rows = numpy.searchsorted(self._high, sought["high"])
        left = numpy.arange(len(sought))
        while left.size:  # once, unless digests are alike in their first half
            left = left[rows[left] < len(self._high)]
            left = left[self._high[rows[left]] == sought["high"][left]]
            is_found = self._rest[rows[left]] == sought["rest"][left]
            places[left[is_found]] = self._places[rows[left[is_found]]]
            left = left[~is_found]
            rows[left] += 1
        return places


def _differs_from_previous(values: numpy.ndarray) -> numpy.ndarray:
    return values[1:] != values[:-1]
