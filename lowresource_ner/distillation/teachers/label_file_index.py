"""A file of labels, of any size: every line checked once, and then found by the words of its sentence."""

import contextlib
import hashlib
import itertools
import logging
import os
import tempfile
from array import array
from typing import IO, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.text_rules import MAX_BLANK_LINES, MAX_LINE_BYTES
from lowresource_ner.data.file_kinds import kind_by_first_bytes
from lowresource_ner.data.text_lines import READING_ERRORS, ConllError, check_regular_file, opener
from lowresource_ner.distillation.store.sentence_index import sentence_key
from lowresource_ner.distillation.teachers.label_lines import LabelLine, parse_label_line

logger = logging.getLogger(__name__)

_ELSEWHERE = (
    "free space in the folder for temporary files, name another in the variable TMPDIR, or give the file unpacked"
)

MAX_LABEL_LINE_BYTES = 64 * MAX_LINE_BYTES
"""The longest line of a label file: one of text may bring the distributions of its words."""


class NumberedLine(NamedTuple):
    """A line of a label file, and its number from 1."""

    number: int
    line: LabelLine


class LabelFileIndex:
    """
    Reads a file of JSON lines once, checks each line, and keeps 32 bytes of each that has labels: a digest of its words and where
    it stands. A line is parsed again when its sentence is asked for.

    The labelled lines of a packed file (gz, bz2, xz) are written, on the way, to a temporary file that goes with the index. A
    file that is not packed must stay as it is meanwhile.

    # Parameters

    path : `str`
        The file.
    check : `Callable[[NumberedLine], None]`
        Is given each line that has labels, in the order of the file; what it has to say of one, it raises as a `ValueError`.

    # Raises

    `ConfigurationError`
        With file and line, where a line is not what it should be, or the file is none of lines.
    """

    def __init__(self, path: str, check: Callable[[NumberedLine], None]) -> None:
        self.path = path
        self._check = check
        keys, starts, lengths, numbers = array("Q"), array("q"), array("q"), array("q")
        digest = hashlib.sha256()
        num_passed_over = 0
        source = self._opened()
        self._file: IO[bytes] = source if opener(path) is open else self._temporary_file()
        for number, start, raw in self._lines(source):
            digest.update(raw)
            parsed = self._parsed(number, raw)
            if parsed is not None:
                keys.append(_key(parsed.words))
                starts.append(start if source is self._file else self._unpack(number, raw))
                lengths.append(len(raw))
                numbers.append(number)
            elif raw.strip():
                num_passed_over += 1
        if not keys:
            raise self.error(0, "there is no labelled sentence in this file; check that it is the one that was meant")
        if num_passed_over:
            logger.warning("%s: %d lines have no words, or an error in place of labels", path, num_passed_over)
        order = numpy.argsort(numpy.frombuffer(keys, numpy.uint64), kind="stable")
        self._keys = numpy.frombuffer(keys, numpy.uint64)[order]
        self._starts = numpy.frombuffer(starts, numpy.int64)[order]
        self._lengths = numpy.frombuffer(lengths, numpy.int64)[order]
        self._numbers = numpy.frombuffer(numbers, numpy.int64)[order]
        self.digest = digest.hexdigest()
        """Of what the file holds, unpacked."""

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, sentences: Sequence[Sequence[str]]) -> List[Optional[NumberedLine]]:
        """For each sentence the first line that has its words, `None` where there is none."""
        keys = numpy.array([_key(words) for words in sentences], dtype=numpy.uint64)
        positions = numpy.searchsorted(self._keys, keys).tolist()
        found = [self._at(position, key, words) for position, key, words in zip(positions, keys.tolist(), sentences)]
        return [next(lines, None) for lines in found]

    def repeated(self) -> Iterator[Tuple[NumberedLine, NumberedLine]]:
        """The pairs of lines that have the same words: the first of them, and each other."""
        for position in numpy.flatnonzero(self._keys[1:] == self._keys[:-1]).tolist():
            other = self._read(position + 1)
            first = next(self._at(int(numpy.searchsorted(self._keys, self._keys[position])), None, other.line.words))
            if first.number != other.number:
                yield first, other

    def error(self, number: int, complaint: str) -> ConfigurationError:
        """What is wrong with a line (0 for the file as a whole), as "path:line: what is wrong; what to do"."""
        return ConfigurationError(f"{self.path}:{number}: {complaint}" if number else f"{self.path}: {complaint}")

    def _at(self, position: int, key: Optional[int], words: Sequence[str]) -> Iterator[NumberedLine]:
        """The lines with these words, of those from `position` on that have the key (by default its own)."""
        if position == len(self):
            return
        key = int(self._keys[position]) if key is None else key
        while position < len(self) and int(self._keys[position]) == key:
            line = self._read(position)
            if line.line.words == list(words):
                yield line
            position += 1

    def _read(self, position: int) -> NumberedLine:
        number = int(self._numbers[position])
        # Without a common position in the file, so that processes that were forked do not disturb each other.
        raw = os.pread(self._file.fileno(), int(self._lengths[position]), int(self._starts[position]))
        parsed = None
        with contextlib.suppress(ValueError):  # what is no line any more
            parsed = parse_label_line(raw)
        if parsed is None or _key(parsed.words) != int(self._keys[position]):
            raise self.error(number, "the file has been changed while it was in use; start again")
        return NumberedLine(number, parsed)

    def _parsed(self, number: int, raw: bytes) -> Optional[LabelLine]:
        if not raw.strip():
            return None
        try:
            line = parse_label_line(raw)
            if line is not None:
                self._check(NumberedLine(number, line))
        except (ValueError, ConfigurationError) as complaint:
            raise self.error(number, str(complaint)) from complaint
        return line

    def _opened(self) -> IO[bytes]:
        if os.path.isdir(self.path):
            raise self.error(0, "this is a directory; give a file of JSON lines in it")
        try:
            check_regular_file(self.path)
            return opener(self.path)(self.path, "rb")
        except ConllError as error:
            raise self.error(0, error.complaint) from None
        except (FileNotFoundError, ValueError):  # the latter for a path with a NUL
            raise self.error(0, "there is no such file; check the path") from None
        except OSError as error:
            raise self.error(0, f"the file cannot be opened ({error.strerror}); check its permissions") from error

    def _temporary_file(self) -> IO[bytes]:
        try:
            return tempfile.TemporaryFile(buffering=0)
        except OSError as error:
            raise self.error(0, f"there is no place to unpack the file to ({error.strerror}); {_ELSEWHERE}") from error

    def _unpack(self, number: int, raw: bytes) -> int:
        """Writes a line to the temporary file, and says where it starts there."""
        try:
            start = self._file.tell()
            rest = memoryview(raw)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self.error(
                number, f"the file cannot be unpacked any further ({error.strerror}); {_ELSEWHERE}"
            ) from error
        return start

    def _lines(self, source: IO[bytes]) -> Iterator[Tuple[int, int, bytes]]:
        """The number of each line, where it starts, and what is on it."""
        start, num_blank = 0, 0
        for number in itertools.count(1):
            raw = self._next_line(number, source)
            if not raw:
                break
            num_blank = 0 if raw.strip() else num_blank + 1
            if num_blank > MAX_BLANK_LINES:
                raise self.error(
                    number, f"there are {num_blank} blank lines in a row, as in a damaged file; take them out"
                )
            yield number, start, raw
            start += len(raw)

    def _next_line(self, number: int, source: IO[bytes]) -> bytes:
        try:
            raw = source.readline(MAX_LABEL_LINE_BYTES + 1)
        except READING_ERRORS as error:
            raise self.error(
                number, f"the file is damaged or cut short ({error}); fetch or pack it anew, or mend its suffix"
            ) from error
        if len(raw) > MAX_LABEL_LINE_BYTES:
            raise self.error(
                number,
                f"the line is longer than {MAX_LABEL_LINE_BYTES} bytes; write each sentence as one JSON object on a line of its "
                "own (`jq -c '.[]'` makes lines of an array)",
            )
        kind = kind_by_first_bytes(raw) if number == 1 else None
        if kind is not None:
            raise self.error(1, f"this is {kind[0]}, not JSON; {kind[1]}")
        return raw


def _key(words: Sequence[str]) -> int:
    return int.from_bytes(sentence_key(words)[:8], "little")
