"""An in-memory index from sentences to integers."""

from hashlib import blake2b
from typing import Iterable, Sequence

import numpy

KEY_BYTES = 20

# "rest" distinguishes digests whose first halves collide, which is very rare.
_KEY = numpy.dtype([("high", "<u8"), ("rest", "S12")])


def sentence_key(words: Sequence[str]) -> bytes:
    """
    Returns a digest of a sentence's words and their number, 20 bytes. The digest covers the words' lengths, so that `["a b"]` and
    `["a", "b"]` have different keys.
    """
    lengths = " ".join(map(str, map(len, words)))
    text = f"{lengths}\n{''.join(words)}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest() + len(words).to_bytes(4, "little")


class SentenceIndex:
    """
    A sorted table that maps sentence keys to places, such as positions in a file. A sentence takes 28 bytes.

    A key that is added twice keeps its first place.
    """

    def __init__(self) -> None:
        # Sorted by the first half of the digest. Columns are separate arrays, because the search reads only one of them.
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
            Keys of single sentences, or concatenated keys.
        places : `numpy.ndarray`
            (num_sentences,) int64, from 0.
        """
        added = numpy.frombuffer(b"".join(keys), _KEY)
        high = numpy.concatenate([self._high, added["high"]])
        rest = numpy.concatenate([self._rest, added["rest"]])
        # Stable, so that the first of equal keys stays first; and fast, because most of the table is already sorted.
        order = numpy.argsort(high, kind="stable")
        is_new = numpy.ones(len(order), bool)
        is_new[1:] = _differs_from_previous(high[order]) | _differs_from_previous(rest[order])
        order = order[is_new]
        self._high, self._rest = high[order], rest[order]
        self._places = numpy.concatenate([self._places, places])[order]

    def find(self, keys: Iterable[bytes]) -> numpy.ndarray:
        """Returns the place of each key, (num_keys,) int64; -1 if it was not added."""
        sought = numpy.frombuffer(b"".join(keys), _KEY)
        places = numpy.full(len(sought), -1)
        rows = numpy.searchsorted(self._high, sought["high"])
        left = numpy.arange(len(sought))
        while left.size:  # once, unless first halves of digests collide
            left = left[rows[left] < len(self._high)]
            left = left[self._high[rows[left]] == sought["high"][left]]
            is_found = self._rest[rows[left]] == sought["rest"][left]
            places[left[is_found]] = self._places[rows[left[is_found]]]
            left = left[~is_found]
            rows[left] += 1
        return places


def _differs_from_previous(values: numpy.ndarray) -> numpy.ndarray:
    return values[1:] != values[:-1]
