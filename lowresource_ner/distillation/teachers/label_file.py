"""Label files of any size, with lines that are found by the words of their sentences."""

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
"""The length limit of a line, higher than for text because of probabilities."""

_ONE_PER_LINE = "write each sentence as one JSON object on a line of its own (`jq -c '.[]'` makes lines of an array)"

_NO_SPACE = (
    "free space in the folder for temporary files, set the variable TMPDIR to another one, or decompress the file"
)


class LabelFile:
    """
    Reads a file of JSON lines once, checks each line, and keeps the positions of labelled lines in memory, 48 bytes per line. A
    line is parsed again when its sentence is looked up.

    The labelled lines of a compressed file (gz, bz2, xz) are written to a temporary file, which is deleted with this object. An
    uncompressed file must not be changed while it is in use.

    # Parameters

    path : `str`
    check : `Callable[[LabelLine], None]`
        Called with each labelled line, in the order of the file. Raises a `ValueError` or `ConfigurationError` for invalid lines.

    # Raises

    `ConfigurationError`
        With file and line, if a line is invalid, or the file has no labelled line.
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
            raise self.error(0, "there is no labelled sentence in this file; check the path")
        if num_unlabelled:
            logger.warning("%s: %d lines have no words, or an error instead of labels", path, num_unlabelled)
        places = numpy.arange(len(self._starts))
        self._index = SentenceIndex()
        self._index.extend([bytes(keys)], places)
        firsts = self._index.find([bytes(keys)])
        self._repeated = numpy.stack([firsts, places], axis=1)[firsts != places]
        self.digest = digest.hexdigest()
        """The SHA-256 digest of the file's decompressed contents."""

    def __len__(self) -> int:
        """The number of labelled lines."""
        return len(self._starts)

    def find(self, sentences: Sequence[Sequence[str]]) -> List[Optional[LabelLine]]:
        """Returns the first line that has the words of each sentence; `None` if there is none."""
        places = self._index.find(map(sentence_key, sentences)).tolist()
        return [None if place < 0 else self._read(place, words) for place, words in zip(places, sentences)]

    def repeated(self) -> Iterator[Tuple[LabelLine, LabelLine]]:
        """Yields pairs of lines with the same words: the first such line, and a later one."""
        for first_place, place in self._repeated.tolist():
            first = self._read(first_place)
            yield first, self._read(place, first.words)

    def error(self, number: int, problem: str) -> ConfigurationError:
        """Returns an error for a line, "path:line: problem"; 0 stands for the file as a whole."""
        return ConfigurationError(f"{self.path}:{number}: {problem}" if number else f"{self.path}: {problem}")

    def _read(self, place: int, words: Optional[Sequence[str]] = None) -> LabelLine:
        """Returns a labelled line, and checks that it has the given words."""
        # pread does not use the file's position, which forked processes share.
        raw = os.pread(self._file.fileno(), self._lengths[place], self._starts[place])
        line = None
        with contextlib.suppress(ValueError):  # invalid if the file was changed
            line = parse_label_line(raw)
        if line is None or (words is not None and line.words != list(words)):
            raise self.error(self._numbers[place], "the file was changed while it was in use; start again")
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
        """Yields the number, the start and the contents of each line."""
        start = 0
        for number, raw in numbered_raw_lines(self.path, source, MAX_LABEL_LINE_BYTES, _ONE_PER_LINE):
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
            raise self.error(0, f"no temporary file can be created ({error.strerror}); {_NO_SPACE}") from error

    def _unpack(self, number: int, raw: bytes) -> int:
        """Writes a line to the temporary file, and returns its start there."""
        try:
            start = self._file.tell()
            rest = memoryview(raw)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            problem = f"the file cannot be decompressed any further ({error.strerror}); {_NO_SPACE}"
            raise self.error(number, problem) from error
        return start
