"""
The files of a soft-label store.

A segment is written once and never changed:

    head             magic and version   8 bytes
                     id of the store    16 bytes, a digest of teacher, labels and dtype
                     digest             16 bytes, of the probabilities
                     num_sentences       8 bytes
                     num_words           8 bytes
                     digest             16 bytes, of the head up to here and the keys
    keys             20 bytes per sentence, `sentence_key`
    probabilities    float16, (num_words, num_labels)
"""

import contextlib
import functools
import hashlib
import os
import struct
import time
import uuid
from pathlib import Path
from typing import Iterable, List

import numpy
import torch
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.whole_files import PART, written_whole
from lowresource_ner.distillation.store.sentence_index import KEY_BYTES
from lowresource_ner.distillation.store.stored_probabilities import STORED_TYPE

_MAGIC = b"NERsoft1"
_HEAD = struct.Struct("<8s16s16sQQ16s")
_DIGEST_BYTES = 16
_DIGEST = functools.partial(hashlib.blake2b, digest_size=_DIGEST_BYTES)
_STALE_SECONDS = 24 * 60 * 60
"""Temporary files are short-lived; the writer of one that is a day old is gone, even if it was on another machine."""


class SoftLabelSegment:
    """
    A finished segment, open for reading.

    # Parameters

    path : `Path`
    store_id : `bytes`
        The id of the store that the segment must belong to.
    num_labels : `int`
        The number of the store's labels.

    # Raises

    `ConfigurationError`
        If the file is not a segment, belongs to another store, or its size differs from that in its head.
    """

    def __init__(self, path: Path, store_id: bytes, num_labels: int) -> None:
        self.path = path
        self._num_labels = num_labels
        with path.open("rb") as file:
            self._head = file.read(_HEAD.size)
            self._size = os.fstat(file.fileno()).st_size
        if self._size < _HEAD.size:
            raise self._error(f"the file is cut short, to {self._size} bytes")
        magic, owner, self._probabilities_digest, num_sentences, num_words, self._digest = _HEAD.unpack(self._head)
        if magic != _MAGIC:
            raise self._error("this is not a segment of soft labels of this version")
        if owner != store_id:
            raise self._error("the segment belongs to another teacher or other labels, or is damaged")
        self._start = _HEAD.size + num_sentences * KEY_BYTES  # of the probabilities
        expected = self._start + num_words * num_labels * STORED_TYPE.itemsize
        if self._size != expected:
            raise self._error(f"the file is cut short or damaged: it has {self._size} bytes instead of {expected}")

    def read_keys(self) -> bytes:
        """
        Returns the concatenated keys of the segment's sentences, in the order of their probabilities.

        # Raises

        `ConfigurationError`
            If their digest differs from that in the head.
        """
        with self.path.open("rb") as file:
            file.seek(_HEAD.size)
            keys = file.read(self._start - _HEAD.size)
        if _DIGEST(self._head[:-_DIGEST_BYTES] + keys).digest() != self._digest:
            raise self._error("the file is damaged: the digest of its keys differs from that in its head")
        return keys

    @functools.cached_property
    def probabilities(self) -> numpy.ndarray:
        """The probabilities of all words, float16, (num_words, num_labels): a read-only memory map."""
        # Unlike numpy's, torch's memory map keeps no file open: a store may have more segments than a process may open files.
        mapped = torch.from_file(str(self.path), shared=False, size=self._size, dtype=torch.uint8).numpy()
        mapped.flags.writeable = False
        return mapped[self._start :].view(STORED_TYPE).reshape(-1, self._num_labels)

    def verify(self) -> None:
        """
        Reads the whole file and checks its digests.

        # Raises

        `ConfigurationError`
            If a digest differs from that in the head.
        """
        self.read_keys()
        with self.path.open("rb") as file:
            file.seek(self._start)
            digest = hashlib.file_digest(file, _DIGEST).digest()
        if digest != self._probabilities_digest:
            raise self._error("the file is damaged: the digest of its probabilities differs from that in its head")

    def _error(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}: {problem}; remove this file, and its contents are computed again")


def write_segment(folder: Path, store_id: bytes, keys: bytes, probabilities: List[numpy.ndarray]) -> Path:
    """
    Writes a segment with a unique name, and returns its path.

    # Parameters

    folder : `Path`
        The store's folder.
    store_id : `bytes`
    keys : `bytes`
        The concatenated keys of the sentences.
    probabilities : `List[numpy.ndarray]`
        For each sentence (num_words, num_labels).
    """
    joined = numpy.concatenate(probabilities, dtype=STORED_TYPE).tobytes()
    num_words = sum(map(len, probabilities))
    head = _HEAD.pack(_MAGIC, store_id, _DIGEST(joined).digest(), len(probabilities), num_words, b"")[:-_DIGEST_BYTES]
    path = folder / f"segment-{uuid.uuid4().hex}.bin"
    write_chunks(path, [head, _DIGEST(head + keys).digest(), keys, joined])
    return path


def segment_paths(folder: Path) -> List[Path]:
    """The finished segments of a folder, sorted by name."""
    return sorted(folder.glob("segment-*.bin"))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """
    Writes a file atomically: it is complete or absent, even if the process or the machine fails.

    # Raises

    `ConfigurationError`
        If it cannot be written, usually because the disk is full.
    """
    try:
        with written_whole(path) as new, new.open("wb") as file:
            file.writelines(chunks)
    except OSError as error:
        raise ConfigurationError(
            f"'{path}' of the soft-label store cannot be written: {error.strerror or error}. Free space or check permissions; "
            "the same command then continues with what is already stored."
        ) from error


def remove_stale(folder: Path) -> None:
    """Removes the temporary files of killed writers, if permissions allow."""
    oldest = time.time() - _STALE_SECONDS
    for path in folder.glob(f".*{PART}"):
        with contextlib.suppress(OSError):  # removed by another process, or the folder is read-only
            if path.stat().st_mtime < oldest:
                path.unlink()
