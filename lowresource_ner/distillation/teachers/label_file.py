"""Reads a label file of any size: every line is checked once, and found by the words of its sentence afterwards."""

import contextlib
import hashlib
import logging
import os
import tempfile
from array import array
from typing import IO, Callable, Iterator, List, Optional, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.text_rules import MAX_LINE_BYTES
from lowresource_ner.data.file_kinds import kind_by_first_bytes
from lowresource_ner.data.text_lines import ConllError, numbered_raw_lines, open_binary, opener
from lowresource_ner.distillation.store.sentence_index import SentenceIndex, sentence_key
from lowresource_ner.distillation.teachers.label_lines import LabelLine, parse_label_line

logger = logging.getLogger(__name__)

MAX_LABEL_LINE_BYTES = 64 * MAX_LINE_BYTES
"""The longest line of a label file: one of text may bring the probabilities of its words."""

_ONE_A_LINE = "write each sentence as one JSON object on a line of its own (`jq -c '.[]'` makes lines of an array)"

_ELSEWHERE = (
    "free space in the folder for temporary files, name another in the variable TMPDIR, or give the file unpacked"
)


class LabelFile:
    """
    Reads a file of JSON lines once, checks each line, and keeps in memory where the labelled ones stand: 48 bytes a line. A line
    is parsed again when its sentence is asked for.

    The labelled lines of a packed file (gz, bz2, xz) are written to a temporary file meanwhile, which goes with this object. A
    file that is not packed must stay as it is.

    # Parameters

    path : `str`
        The file.
    check : `Callable[[LabelLine], None]`
        Called with each labelled line, in the order of the file. It raises a `ValueError` or `ConfigurationError` that says what
        is wrong with the line.

    # Raises

    `ConfigurationError`
        With file and line, where a line is not what it should be, or the file has none.
    """

    def __init__(self, path: str, check: Callable[[LabelLine], None]) -> None:
        self.path = path
        self._check = check
        self._starts, self._lengths, self._numbers = array("q"), array("I"), array("q")
        keys = bytearray()
        digest = hashlib.sha256()
        num_unlabelled = 0
        source = self._opened()
        self._file: IO[bytes] = source if opener(path) is open else self._temporary_file()
        for number, start, raw in self._lines(source):
            digest.update(raw)
            line = self._parsed(number, raw)
            if line is not None:
                keys += sentence_key(line.words)
                self._starts.append(start if source is self._file else self._unpack(number, raw))
                self._lengths.append(len(raw))
                self._numbers.append(number)
            elif raw.strip():
                num_unlabelled += 1
        if not keys:
            raise self.error(0, "there is no labelled sentence in this file; check that it is the one that was meant")
        if num_unlabelled:
            logger.warning("%s: %d lines have no words, or an error in place of labels", path, num_unlabelled)
        places = numpy.arange(len(self._starts))
        self._index = SentenceIndex()
        self._index.extend([bytes(keys)], places)
        firsts = self._index.find([bytes(keys)])
        self._repeated = numpy.stack([firsts, places], axis=1)[firsts != places]
        self.digest = digest.hexdigest()
        """Of the contents of the file, unpacked."""

    def __len__(self) -> int:
        """The number of labelled lines."""
        return len(self._starts)

    def find(self, sentences: Sequence[Sequence[str]]) -> List[Optional[LabelLine]]:
        """For each sentence the first line that has its words, `None` where there is none."""
        places = self._index.find(map(sentence_key, sentences)).tolist()
        return [None if place < 0 else self._read(place, words) for place, words in zip(places, sentences)]

    def repeated(self) -> Iterator[Tuple[LabelLine, LabelLine]]:
        """Yields each line that repeats the words of an earlier one, after the first line that has them."""
        for first_place, place in self._repeated.tolist():
            first = self._read(first_place)
            yield first, self._read(place, first.words)

    def error(self, number: int, problem: str) -> ConfigurationError:
        """The error "path:line: what is wrong; what to do", for a line (0 for the file as a whole)."""
        return ConfigurationError(f"{self.path}:{number}: {problem}" if number else f"{self.path}: {problem}")

    def _read(self, place: int, words: Optional[Sequence[str]] = None) -> LabelLine:
        """A labelled line, which has these words where they are given."""
        # Without a common position in the file, so that processes that were forked do not disturb each other.
        raw = os.pread(self._file.fileno(), self._lengths[place], self._starts[place])
        line = None
        with contextlib.suppress(ValueError):  # what is no line any more
            line = parse_label_line(raw)
        if line is None or (words is not None and line.words != list(words)):
            raise self.error(self._numbers[place], "the file has been changed while it was in use; start again")
        return line._replace(number=self._numbers[place])

    def _parsed(self, number: int, raw: bytes) -> Optional[LabelLine]:
        if not raw.strip():
            return None
        try:
            line = parse_label_line(raw)
            if line is not None:
                self._check(line._replace(number=number))
        except (ValueError, ConfigurationError) as problem:
            raise self.error(number, str(problem)) from problem
        return line

    def _lines(self, source: IO[bytes]) -> Iterator[Tuple[int, int, bytes]]:
        """The number of each line, where it starts, and what is on it."""
        start = 0
        for number, raw in numbered_raw_lines(self.path, source, MAX_LABEL_LINE_BYTES, _ONE_A_LINE):
            kind = kind_by_first_bytes(raw) if number == 1 else None
            if kind is not None:
                raise self.error(1, f"this is {kind[0]}, not JSON; {kind[1]}")
            yield number, start, raw
            start += len(raw)

    def _opened(self) -> IO[bytes]:
        if os.path.isdir(self.path):
            raise self.error(0, "this is a directory; give a file of JSON lines in it")
        try:
            return open_binary(self.path)
        except ConllError as error:
            raise self.error(0, error.complaint) from error

    def _temporary_file(self) -> IO[bytes]:
        try:
            return tempfile.TemporaryFile(buffering=0)
        except OSError as error:
            raise self.error(0, f"there is no place to unpack the file to ({error.strerror}); {_ELSEWHERE}") from error

    def _unpack(self, number: int, raw: bytes) -> int:
        """Writes a line to the temporary file, and returns where it starts there."""
        try:
            start = self._file.tell()
            rest = memoryview(raw)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            problem = f"the file cannot be unpacked any further ({error.strerror}); {_ELSEWHERE}"
            raise self.error(number, problem) from error
        return start
