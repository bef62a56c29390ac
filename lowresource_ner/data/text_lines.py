"""Reads the lines of text files, numbered and decoded."""

import bz2
import codecs
import gzip
import itertools
import lzma
import os
import stat
import zlib
from typing import IO, Any, Callable, Dict, Iterator, Tuple

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.text_rules import MAX_BLANK_LINES, MAX_LINE_BYTES
from lowresource_ner.data.file_kinds import kind_by_first_bytes

READING_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""The exceptions that reading a damaged or truncated file raises, compressed or not."""

BYTE_ORDER_MARK = "\ufeff"
_BREAK_UP = "break it up (a CoNLL file has one token a line, raw text a sentence or a paragraph)"
_OPENERS: Dict[str, Callable[..., IO[Any]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class ConllError(ConfigurationError):
    """
    The error for a text file that cannot be read, with the message "path:line: what is wrong; what to do".

    # Parameters

    path : `str`
        The file.
    line : `int`
        The line, counted from 1; 0 for the file as a whole.
    complaint : `str`
        What is wrong, a semicolon, and a remedy.
    """

    def __init__(self, path: str, line: int, complaint: str) -> None:
        super().__init__(f"{path}:{line}: {complaint}")
        self.path = path
        self.line = line
        self.complaint = complaint

    def __reduce__(self) -> Tuple:
        return type(self), (self.path, self.line, self.complaint)


def opener(path: str) -> Callable[..., IO[Any]]:
    """The `open` function for this path: that of gzip, bz2 or lzma by its suffix, else the built-in one."""
    return _OPENERS.get(os.path.splitext(path)[1].lower(), open)


def text_encoding(encoding: str) -> str:
    """
    The name of the encoding to read lines with: "utf-8" for "utf-8-sig", since byte order marks are removed in any case.

    # Raises

    `ConfigurationError`
        For an encoding that Python does not know, and for one in which a line feed is not a single byte, such as UTF-16.
    """
    try:
        name = codecs.lookup(encoding).name
        if name == "utf-8-sig":
            return "utf-8"
        keeps_line_feeds = "\n".encode(encoding) == b"\n" and name != "idna"  # of host names, not of text
    except (LookupError, ValueError, TypeError):
        raise ConfigurationError(
            f'\'encoding\' is {encoding!r}, which Python does not know; use "utf-8" or "latin-1", for example.'
        ) from None
    if not keeps_line_feeds:
        raise ConfigurationError(
            f"'encoding' is {encoding!r}, where a line feed is not a single byte; convert the file to UTF-8."
        )
    return encoding


def numbered_lines(path: str, encoding: str) -> Iterator[Tuple[int, str]]:
    """
    Yields the lines of a file with their numbers from 1, without line ends, one in memory at a time.

    Lines end only at a line feed, with or without carriage returns before it. A byte order mark at the start of any line is
    removed, since files that begin with one may have been concatenated.

    # Raises

    `ConllError`
        If the file cannot be read or is not text in this encoding, at a line of more than `MAX_LINE_BYTES`, and if more
        than `MAX_BLANK_LINES` blank lines follow each other.
    """
    with open_binary(path) as stream:
        for number, raw in numbered_raw_lines(path, stream):
            if number == 1:
                _check_start(path, raw)
            yield number, _decode(path, number, raw, encoding).removeprefix(BYTE_ORDER_MARK)


def numbered_raw_lines(
    path: str, stream: IO[bytes], longest: int = MAX_LINE_BYTES, remedy: str = _BREAK_UP
) -> Iterator[Tuple[int, bytes]]:
    """
    Yields the lines of an open file as they are, with their numbers from 1.

    # Parameters

    path : `str`
        The path of the file, for messages.
    stream : `IO[bytes]`
    longest : `int`
        The bytes that a line may have.
    remedy : `str`
        What to do about a longer line, for the message.

    # Raises

    `ConllError`
        If the file is damaged, and as `numbered_lines` for long and for blank lines.
    """
    num_blank = 0
    for number in itertools.count(1):
        try:
            raw = stream.readline(longest + 1)
        except READING_ERRORS as error:
            raise ConllError(
                path,
                number,
                f"the file is damaged or cut short ({error}); download or compress it again, or fix its suffix",
            ) from error
        if not raw:
            return
        if len(raw) > longest:
            raise ConllError(path, number, f"the line is longer than {longest} bytes; {remedy}")
        num_blank = num_blank + 1 if raw.isspace() else 0
        if num_blank > MAX_BLANK_LINES:
            raise ConllError(
                path, number, f"there are {num_blank} blank lines in a row, as in a damaged file; take them out"
            )
        yield number, raw


def check_regular_file(path: str) -> None:
    """
    Checks a path before it is opened: opening a pipe that nobody writes to would block forever.

    # Raises

    `ConllError`
        For a directory, and for a pipe, a socket or a device, since files are read several times.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # opening it raises the error
    if stat.S_ISDIR(mode):
        raise ConllError(path, 0, "this is a directory; give a file in it, or a glob such as *.conll")
    if not stat.S_ISREG(mode):
        raise ConllError(
            path, 0, "this is a pipe or a device, which can be read only once; write what it gives to a file first"
        )


def open_binary(path: str) -> IO[bytes]:
    """
    Opens a file for reading, decompressed.

    # Raises

    `ConllError`
        If it cannot be opened, and as `check_regular_file`.
    """
    check_regular_file(path)
    try:
        return opener(path)(path, "rb")
    except (FileNotFoundError, ValueError):  # the latter for a path with a NUL
        raise ConllError(path, 0, "there is no such file; check the path") from None
    except OSError as error:
        raise ConllError(path, 0, f"the file cannot be opened ({error.strerror}); check its permissions") from error


def _check_start(path: str, raw: bytes) -> None:
    kind = kind_by_first_bytes(raw)
    if kind is not None:
        raise ConllError(path, 1, f"this is {kind[0]}, not plain text; {kind[1]}")
    if b"\r" in raw and not raw.endswith(b"\n"):
        raise ConllError(
            path, 1, "lines end in carriage returns alone (old Macintosh); convert them with `tr '\\r' '\\n'`"
        )


def _decode(path: str, number: int, raw: bytes, encoding: str) -> str:
    if b"\0" in raw:
        raise ConllError(
            path,
            number,
            "the line contains a NUL byte, as in binary files and UTF-16 text; give text in UTF-8 or a similar encoding",
        )
    try:
        return raw.rstrip(b"\r\n").decode(encoding)
    except UnicodeDecodeError as error:
        remedy = 'if the file is in Latin-1, as the first CoNLL-2002 files are, set "encoding": "latin-1"'
        if codecs.lookup(encoding).name not in ("utf-8", "ascii"):
            remedy = 'set "encoding" to the file\'s own, perhaps "utf-8"'
        byte = error.object[error.start]
        raise ConllError(path, number, f"byte 0x{byte:02x} of the line is not valid in {encoding}; {remedy}") from error
