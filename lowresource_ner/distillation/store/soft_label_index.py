"""Which sentence's soft labels are where, in a few bytes a sentence."""

from hashlib import blake2b
from typing import Dict, Iterable, List, Sequence, Tuple

import numpy

ENTRY = numpy.dtype([("high", "<u8"), ("low", "<u8"), ("num_words", "<u4")])
"""What is known of a sentence: the two halves of its words' digest, and their number. 20 bytes, in files as in keys."""


def sentence_key(words: Sequence[str]) -> bytes:
    """The entry of a sentence as bytes. The words' lengths are digested before the words, so that no two sentences are alike."""
    lengths = " ".join(map(str, map(len, words)))
    text = f"{lengths}\n{''.join(words)}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest() + len(words).to_bytes(4, "little")


def as_entries(keys: Iterable[bytes]) -> numpy.ndarray:
    """Keys as an array of type `ENTRY`, shape (num_keys,)."""
    return numpy.frombuffer(b"".join(keys), ENTRY)


class SoftLabelIndex:
    """
    The entries of many segments in one sorted table: 28 bytes a sentence, and no Python objects.

    A sentence that several segments hold is kept once, as the first of them has it.
    """

    def __init__(self) -> None:
        # Sorted by "high". Columns lie apart, because the search reads one of them only.
        self._columns: Dict[str, numpy.ndarray] = {
            "high": numpy.empty(0, numpy.uint64),
            "low": numpy.empty(0, numpy.uint64),
            "num_words": numpy.empty(0, numpy.uint32),
            "segment": numpy.empty(0, numpy.uint32),
            "row": numpy.empty(0, numpy.uint32),
        }

    def __len__(self) -> int:
        return len(self._columns["high"])

    @property
    def num_bytes(self) -> int:
        return sum(column.nbytes for column in self._columns.values())

    def extend(self, segments: Sequence[Tuple[int, numpy.ndarray]]) -> None:
        """
        Takes up the entries of segments.

        # Parameters

        segments : `Sequence[Tuple[int, numpy.ndarray]]`
            The number of each segment, and its entries (type `ENTRY`) in the order of their rows.
        """
        if not segments:
            return
        added = [_columns_of(number, entries) for number, entries in segments]
        columns = {
            name: numpy.concatenate([column, *(new[name] for new in added)]) for name, column in self._columns.items()
        }
        # Stable, so that the first of equal entries stays the first; and fast, because most of the table is in order already.
        order = numpy.argsort(columns["high"], kind="stable")
        order = order[_is_new(columns, order)]
        self._columns = {name: column[order] for name, column in columns.items()}

    def find(self, entries: numpy.ndarray) -> Tuple[List[int], List[int]]:
        """
        Where sentences are.

        # Parameters

        entries : `numpy.ndarray`
            Of type `ENTRY`, shape (num_sentences,).

        # Returns

        `Tuple[List[int], List[int]]`
            For each sentence the number of its segment, -1 where there is none, and its first row there.
        """
        table = self._columns
        segments = numpy.full(len(entries), -1, numpy.int64)
        rows = numpy.zeros(len(entries), numpy.int64)
        positions = numpy.searchsorted(table["high"], entries["high"])
        sought = numpy.arange(len(entries))
        while sought.size:  # once, unless digests agree in one half
            sought = sought[positions[sought] < len(self)]
            sought = sought[table["high"][positions[sought]] == entries["high"][sought]]
            at = positions[sought]
            same = (table["low"][at] == entries["low"][sought]) & (
                table["num_words"][at] == entries["num_words"][sought]
            )
            segments[sought[same]] = table["segment"][at[same]]
            rows[sought[same]] = table["row"][at[same]]
            sought = sought[~same]
            positions[sought] += 1
        return segments.tolist(), rows.tolist()


def _columns_of(number: int, entries: numpy.ndarray) -> Dict[str, numpy.ndarray]:
    num_words = entries["num_words"]
    return {
        "high": entries["high"].astype(numpy.uint64),
        "low": entries["low"].astype(numpy.uint64),
        "num_words": num_words.astype(numpy.uint32),
        "segment": numpy.full(len(entries), number, numpy.uint32),
        "row": (numpy.cumsum(num_words, dtype=numpy.uint64) - num_words).astype(numpy.uint32),
    }


def _is_new(columns: Dict[str, numpy.ndarray], order: numpy.ndarray) -> numpy.ndarray:
    """In this order, true for entries that differ from the one before."""
    is_new = numpy.zeros(len(order), bool)
    is_new[:1] = True
    for name in ("high", "low", "num_words"):
        column = columns[name][order]
        is_new[1:] |= column[1:] != column[:-1]
    return is_new
