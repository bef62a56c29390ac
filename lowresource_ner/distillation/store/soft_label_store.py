"""Stores soft labels on disk, so that a teacher computes them only once."""

import json
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.archives.archive import StrPath
from lowresource_ner.distillation.store.sentence_index import KEY_BYTES, SentenceIndex, sentence_key
from lowresource_ner.distillation.store.soft_label_segment import (
    SoftLabelSegment,
    remove_stale,
    segment_paths,
    write_chunks,
    write_segment,
)
from lowresource_ner.distillation.store.stored_probabilities import STORED_TYPE, checked_probabilities

_HEADER = "header.json"
_WORDS_PER_SEGMENT = 1 << 19
_ROW_BITS = 32
"""The place of a sentence in the index is the number of its segment and, in the lower bits, its first row there."""

_NO_PLACES = numpy.empty(0, numpy.int64)


class SoftLabelStore:
    """
    Stores the probabilities of one teacher, and finds them by the words of a sentence.

    Probabilities are float16 (relative error 2⁻¹¹ from 6e-5 up, absolute error 3e-8 below). They are kept in a subfolder of
    `folder` for each teacher, in files of many sentences ("segments") that are written once and atomically. So several processes
    can read and write a store at the same time, also on different machines; a process that is killed loses only what it had not
    yet written. Sentences that two processes compute are stored twice and read once. A sentence takes 28 bytes of memory.

    A segment is written when enough sentences have been added, by `flush`, and at the end of a `with` block. Unpickling a store
    opens it again, without sentences that had not been written.

    # Parameters

    folder : `StrPath`
        The folder of the stores of all teachers, created if it does not exist.
    teacher_fingerprint : `str`
        A string that differs for teachers with different probabilities.
    labels : `Sequence[str]`
        The labels of the columns of probabilities.
    sentences_per_segment : `int`
        The number of new sentences after which a segment is written (or after half a million words).

    # Raises

    `ConfigurationError`
        If the teacher's folder belongs to another teacher or is not a store, or a file is damaged.
    """

    def __init__(
        self,
        folder: StrPath,
        teacher_fingerprint: str,
        labels: Sequence[str],
        sentences_per_segment: int = 16384,
    ) -> None:
        if isinstance(labels, str) or not labels or len(set(labels)) < len(labels):
            raise ConfigurationError(
                f"'labels' is {labels!r}; give a list of strings, not empty and without duplicates."
            )
        if not teacher_fingerprint or sentences_per_segment < 1:
            raise ConfigurationError(
                f"'teacher_fingerprint' is '{teacher_fingerprint}' and 'sentences_per_segment' is {sentences_per_segment}; give "
                "a string that is not empty, and a number from 1."
            )
        self.labels = list(labels)
        self.teacher_fingerprint = teacher_fingerprint
        self._parent = Path(folder)
        self._sentences_per_segment = sentences_per_segment
        header = {
            "format": "lowresource_ner soft labels",
            "version": 1,
            "teacher_fingerprint": teacher_fingerprint,
            "labels": self.labels,
            "dtype": STORED_TYPE.name,
        }
        self._id = blake2b(json.dumps(header).encode(), digest_size=16).digest()
        self.folder = self._parent / f"teacher-{blake2b(teacher_fingerprint.encode(), digest_size=8).hexdigest()}"
        _open_folder(self.folder, header)
        self._segments: List[SoftLabelSegment] = []
        self._index = SentenceIndex()
        self._pending: Dict[bytes, numpy.ndarray] = {}
        self._num_pending_words = 0
        self.refresh()

    def __len__(self) -> int:
        """The number of stored sentences, including those that are not yet written."""
        return len(self._index) + len(self._pending)

    def get_many(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        """
        Returns the probabilities of sentences, without copying.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `List[Optional[numpy.ndarray]]`
            For each sentence a read-only float16 array (num_words, num_labels), usually a view of the memory map; `None` if the
            sentence is not stored.
        """
        keys = [sentence_key(words) for words in sentences]
        places = self._index.find(keys)
        segments, rows = (places >> _ROW_BITS).tolist(), (places & ((1 << _ROW_BITS) - 1)).tolist()
        return [
            self._pending.get(key) if segment < 0 else self._segments[segment].probabilities[row : row + len(words)]
            for key, words, segment, row in zip(keys, sentences, segments, rows)
        ]

    def missing(self, sentences: Sequence[Sequence[str]]) -> List[int]:
        """Returns the positions of sentences that are not stored; of duplicates, only the first."""
        return list(self._missing(sentences).values())

    def add(self, sentences: Sequence[Sequence[str]], probabilities: Sequence[numpy.ndarray]) -> None:
        """
        Stores probabilities. Sentences that are already stored are skipped.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.
        probabilities : `Sequence[numpy.ndarray]`
            For each sentence (num_words, num_labels): finite, from 0 to 1, rows sum to 1.

        # Raises

        `ConfigurationError`
            If they are not. Then none of them is stored.
        """
        starts, joined = checked_probabilities(sentences, probabilities, len(self.labels))
        for key, position in self._missing(sentences).items():
            copy = joined[starts[position] : starts[position + 1]].copy()  # a view would keep all of them alive
            copy.flags.writeable = False
            self._pending[key] = copy
            self._num_pending_words += len(copy)
            if len(self._pending) >= self._sentences_per_segment or self._num_pending_words >= _WORDS_PER_SEGMENT:
                self.flush()

    def flush(self) -> None:
        """Writes pending sentences to a new segment."""
        if self._pending:
            path = write_segment(self.folder, self._id, b"".join(self._pending), list(self._pending.values()))
            self._pending, self._num_pending_words = {}, 0
            self._open_segments([path])

    def refresh(self) -> None:
        """
        Opens the segments that other writers have finished.

        # Raises

        `ConfigurationError`
            If one is damaged or belongs to another teacher. Then none is opened.
        """
        known = {segment.path for segment in self._segments}
        self._open_segments([path for path in segment_paths(self.folder) if path not in known])
        places = self._index.find(self._pending)
        self._pending = {key: each for (key, each), place in zip(self._pending.items(), places) if place < 0}
        self._num_pending_words = sum(map(len, self._pending.values()))

    def verify(self) -> None:
        """
        Reads all segments and checks all digests. (Opening a store checks only those of the keys.)

        # Raises

        `ConfigurationError`
            If a file is damaged.
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

    def _missing(self, sentences: Sequence[Sequence[str]]) -> Dict[bytes, int]:
        """Maps the keys of sentences that are not stored to the position of the first such sentence."""
        keys = [sentence_key(words) for words in sentences]
        firsts: Dict[bytes, int] = {}
        for position, (key, place) in enumerate(zip(keys, self._index.find(keys).tolist())):
            if place < 0 and key not in self._pending:
                firsts.setdefault(key, position)
        return firsts

    def _open_segments(self, paths: Sequence[Path]) -> None:
        opened = [SoftLabelSegment(path, self._id, len(self.labels)) for path in paths]
        keys = [segment.read_keys() for segment in opened]
        numbered = enumerate(keys, start=len(self._segments))
        places = numpy.concatenate(
            [_NO_PLACES, *((number << _ROW_BITS) + _first_rows(each) for number, each in numbered)]
        )
        self._index.extend(keys, places)
        self._segments += opened


def _first_rows(keys: bytes) -> numpy.ndarray:
    """(num_sentences,): the row of each sentence's first word, from the numbers of words in the keys."""
    num_words = numpy.frombuffer(keys, "<u4").reshape(-1, KEY_BYTES // 4)[:, -1].astype(numpy.int64)
    return numpy.cumsum(num_words) - num_words


def _open_folder(folder: Path, header: Dict[str, Any]) -> None:
    """Creates a store's folder, or checks that it has the expected header."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: this folder for soft labels cannot be created ({error.strerror}); give another folder"
        ) from error
    path = folder / _HEADER
    if not path.exists():
        others = [child for child in folder.iterdir() if not child.name.startswith(".")]
        # Another process may have created the store meanwhile, the header first.
        if others and not path.exists():
            raise _folder_error(path, f"this file is missing, but the folder has others, such as {min(others).name}")
        write_chunks(path, [json.dumps(header, indent=1).encode()])
    _check_header(path, header)
    remove_stale(folder)


def _check_header(path: Path, header: Dict[str, Any]) -> None:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise _folder_error(path, f"the file is damaged ({error})") from error
    if not isinstance(found, dict):
        raise _folder_error(path, f"the file is damaged (it holds a {type(found).__name__} instead of an object)")
    for name, expected in header.items():
        if found.get(name) != expected:
            raise _folder_error(path, f"{name} is {found.get(name)!r} instead of {expected!r}")


def _folder_error(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: {problem}; remove the folder {path.parent}, and its soft labels are computed again, or give another folder"
    )
