"""Soft labels on disk, so that a teacher computes them once and not once an epoch."""

import json
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import StrPath
from lowresource_ner.distillation.store.soft_label_index import SoftLabelIndex, as_entries, sentence_key
from lowresource_ner.distillation.store.soft_label_rows import ROW_TYPE, checked_rows, read_only_copy
from lowresource_ner.distillation.store.soft_label_segments import (
    SoftLabelSegment,
    remove_stale,
    segment_paths,
    write_chunks,
    write_segment,
)

_HEADER = "header.json"
_WORDS_PER_SEGMENT = 1 << 19


class SoftLabelStore:
    """
    The probability distributions that one teacher gives to the words of sentences, found by the sentences' words.

    They are float16 (relative error 2⁻¹¹ from 6e-5 up, an error of 3e-8 below) and lie in a folder of this teacher's own below
    `folder`, in files of many sentences that are written once, each as a whole. So several processes may read and write a store
    at the same time, on one machine or on several; one that is killed loses what it had not yet written, and harms nothing. What
    two of them compute is stored twice and read once. In memory a sentence takes 28 bytes, however long it is.

    What `add` was given is written when there is enough of it for a file, by `flush`, and at the end of a `with`. A pickled store
    is opened anew where it is unpickled, without what was not yet written.

    # Parameters

    folder : `StrPath`
        Where the stores of all teachers are. It is made if it is missing.
    teacher_fingerprint : `str`
        What makes this teacher's distributions what they are, in a string: another teacher, another fingerprint.
    labels : `Sequence[str]`
        The labels, in the order of the distributions' columns.
    sentences_per_segment : `int`
        With so many new sentences (or with half a million words) a file is written.

    # Raises

    `ConfigurationError`
        Where the teacher's folder is another's or none of this kind, or a file of it is damaged.
    """

    def __init__(
        self,
        folder: StrPath,
        teacher_fingerprint: str,
        labels: Sequence[str],
        sentences_per_segment: int = 16384,
    ) -> None:
        self.labels = _checked_labels(labels)
        self.teacher_fingerprint = teacher_fingerprint
        if not teacher_fingerprint or sentences_per_segment < 1:
            raise ConfigurationError(
                f"'teacher_fingerprint' is '{teacher_fingerprint}' and 'sentences_per_segment' is {sentences_per_segment}; give "
                "a string that is not empty, and a number from 1."
            )
        self._parent = Path(folder)
        self._sentences_per_segment = sentences_per_segment
        header = _header(teacher_fingerprint, self.labels)
        self._id = blake2b(json.dumps(header).encode(), digest_size=16).digest()
        self.folder = self._parent / f"teacher-{blake2b(teacher_fingerprint.encode(), digest_size=8).hexdigest()}"
        _open_folder(self.folder, header)
        remove_stale(self.folder)
        self._segments: List[SoftLabelSegment] = []
        self._index = SoftLabelIndex()
        self._pending: Dict[bytes, numpy.ndarray] = {}
        self._num_pending_words = 0
        self.refresh()

    def __len__(self) -> int:
        """The number of sentences that are stored, with those that are not yet written."""
        return len(self._index) + len(self._pending)

    def get_many(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """
        The distributions of sentences, without copying them.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence a read-only float16 array (num_words, num_labels), a view of the mapped file, or of memory where
            it is not yet written; `None` where the sentence is not stored.
        """
        keys = [sentence_key(words) for words in sentences]
        places = zip(keys, sentences, *self._index.find(as_entries(keys)))
        return [
            self._pending.get(key) if segment < 0 else self._segments[segment].rows[row : row + len(words)]
            for key, words, segment, row in places
        ]

    def missing(self, sentences: Sequence[Sequence[str]]) -> List[int]:
        """The positions of those sentences that are not stored; of equal ones the first only, since one need be computed."""
        keys = [sentence_key(words) for words in sentences]
        segments, _ = self._index.find(as_entries(keys))
        firsts: Dict[bytes, int] = {}
        for position, (key, segment) in enumerate(zip(keys, segments)):
            if segment < 0 and key not in self._pending:
                firsts.setdefault(key, position)
        return list(firsts.values())

    def add(self, sentences: Sequence[Sequence[str]], distributions: Sequence[numpy.ndarray]) -> None:
        """
        Stores distributions; those of sentences that are stored already stay as they are.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.
        distributions : `Sequence[numpy.ndarray]`
            For each sentence (num_words, num_labels): finite, from 0 to 1, every row with the sum 1.

        # Raises

        `ConfigurationError`
            Where they are not. Then none of them is stored.
        """
        starts, rows = checked_rows(sentences, distributions, len(self.labels))
        keys = [sentence_key(words) for words in sentences]
        segments, _ = self._index.find(as_entries(keys))
        for key, segment, start, end in zip(keys, segments, starts, starts[1:]):
            if segment < 0 and key not in self._pending:
                self._pending[key] = read_only_copy(rows[start:end])
                self._num_pending_words += end - start
                if len(self._pending) >= self._sentences_per_segment or self._num_pending_words >= _WORDS_PER_SEGMENT:
                    self.flush()

    def flush(self) -> None:
        """Writes what is not yet written, as a file of its own."""
        if self._pending:
            path = write_segment(self.folder, self._id, b"".join(self._pending), list(self._pending.values()))
            self._set_pending({})
            self._take([path])

    def refresh(self) -> None:
        """
        Takes up the files that other writers have finished.

        # Raises

        `ConfigurationError`
            Where one is damaged, or that of another teacher. Then none is taken up.
        """
        known = {segment.path for segment in self._segments}
        self._take([path for path in segment_paths(self.folder) if path not in known])
        stored, _ = self._index.find(as_entries(self._pending))
        self._set_pending({key: rows for (key, rows), segment in zip(self._pending.items(), stored) if segment < 0})

    def verify(self) -> None:
        """
        Reads all files and compares the digests of all that is in them. Opening a store does so for the entries only.

        # Raises

        `ConfigurationError`
            Where a file is damaged.
        """
        for segment in self._segments:
            segment.verify()

    def __enter__(self) -> "SoftLabelStore":
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.flush()

    def __reduce__(self) -> Tuple:
        return type(self), (self._parent, self.teacher_fingerprint, self.labels, self._sentences_per_segment)

    def _take(self, paths: Sequence[Path]) -> None:
        opened = [SoftLabelSegment(path, self._id, len(self.labels)) for path in paths]
        numbers = range(len(self._segments), len(self._segments) + len(opened))
        self._index.extend([(number, segment.read_entries()) for number, segment in zip(numbers, opened)])
        self._segments += opened

    def _set_pending(self, pending: Dict[bytes, numpy.ndarray]) -> None:
        self._pending = pending
        self._num_pending_words = sum(map(len, pending.values()))


def _checked_labels(labels: Sequence[str]) -> List[str]:
    if isinstance(labels, str) or not labels or len(set(labels)) < len(labels):
        raise ConfigurationError(f"'labels' is {labels!r}; give a list of strings, at least one, each once.")
    return list(labels)


def _header(teacher_fingerprint: str, labels: List[str]) -> Dict[str, Any]:
    return {
        "format": "lowresource_ner soft labels",
        "version": 1,
        "teacher_fingerprint": teacher_fingerprint,
        "labels": labels,
        "dtype": ROW_TYPE.name,
    }


def _open_folder(folder: Path, header: Dict[str, Any]) -> None:
    """Makes a store's folder, or makes sure that it is the one that this header belongs to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: this folder for soft labels cannot be made ({error.strerror}); give another folder"
        ) from error
    path = folder / _HEADER
    if not path.exists():
        others = [child for child in folder.iterdir() if not child.name.startswith(".")]
        # Another process may have made the store meanwhile; it wrote the header first.
        if others and not path.exists():
            raise _folder_error(path, f"there is no such file, but others are there, such as {min(others).name}")
        write_chunks(path, [json.dumps(header, indent=1).encode()])
    _check_header(path, header)


def _check_header(path: Path, header: Dict[str, Any]) -> None:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise _folder_error(path, f"the file is damaged ({error})") from error
    if not isinstance(found, dict):
        raise _folder_error(path, f"the file is damaged (it holds a {type(found).__name__} in place of an object)")
    for name, expected in header.items():
        if found.get(name) != expected:
            raise _folder_error(path, f"{name} is {found.get(name)!r}, expected was {expected!r}")


def _folder_error(path: Path, complaint: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: {complaint}; remove the folder {path.parent}, and its soft labels are computed anew, or give another folder"
    )
