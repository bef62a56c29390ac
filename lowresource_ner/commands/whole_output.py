"""Opens output files of commands, which appear when they are complete."""

import contextlib
import errno
import io
import os
import sys
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, Optional, Union

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.whole_files import NotReplacedError, StrPath, written_whole

STDOUT = "-"
_NAMES_OF_STDOUT = (STDOUT, "/dev/stdout")
_STDOUT_DESCRIPTOR = 1
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The error codes of a full disk, a full quota and a file beyond the limit."""


@contextlib.contextmanager
def whole_output(path: Optional[str], mode: str = "w", inputs: Iterable[StrPath] = ()) -> Iterator[Any]:
    """
    Opens a file for writing that replaces `path` when the block ends without an error. After an error, Ctrl-C, a kill or a full
    disk, an existing file is unchanged. Enter the block before the work, to find out early if the file cannot be written.

    Standard output ("-", or "/dev/stdout"), pipes and devices such as /dev/null are written to directly, text line by line.
    Inside a block for standard output, everything else that is printed goes to standard error.

    # Parameters

    path : `Optional[str]`
        For `None`, the block gets `None`.
    mode : `str`, optional (default = `"w"`)
        "w" for text in UTF-8, "wb" for bytes.
    inputs : `Iterable[StrPath]`, optional (default = `()`)
        Files that the command reads, none of which may be overwritten, and folders, in which nothing may be written.

    # Raises

    `ConfigurationError`
        On entering, if nothing can be written there, or `path` is one of `inputs` or lies in one. On writing or leaving, if the
        disk is full, or the file cannot replace `path` (it is then kept). Other errors are passed through.
    `BrokenPipeError`
        If standard output, or a pipe, is no longer read.
    """
    if path is None:
        yield None
        return
    with contextlib.ExitStack() as stack:
        with _errors_explained(path):
            output = _direct(path, mode) if _is_direct(path) else _replacing(path, mode, inputs)
            file = stack.enter_context(output)
        yield file
        with _errors_explained(path):
            stack.close()


def is_stdout(path: Optional[str]) -> bool:
    return path in _NAMES_OF_STDOUT


def _is_direct(path: str) -> bool:
    return is_stdout(path) or Path(path).is_fifo() or Path(path).is_char_device()


@contextlib.contextmanager
def _direct(path: str, mode: str) -> Iterator[IO[Any]]:
    if not is_stdout(path):
        with _opened(path, path, mode, is_direct=True) as file:
            yield file
        return
    # Opening it by its name would empty a file that it is redirected to.
    with (
        contextlib.redirect_stdout(sys.stderr),
        _opened(os.dup(_STDOUT_DESCRIPTOR), path, mode, is_direct=True) as file,
    ):
        yield file


@contextlib.contextmanager
def _replacing(path: str, mode: str, inputs: Iterable[StrPath]) -> Iterator[IO[Any]]:
    for each in map(Path, inputs):
        check_not_read(path, each)
    with written_whole(path) as new, _opened(new, path, mode) as file:
        yield file


def check_not_read(path: str, read: Path) -> None:
    """Raises a `ConfigurationError` if the output file `path` is the input `read`, or lies in it."""
    output, read = Path(path).resolve(), read.resolve()
    if output == read:
        raise ConfigurationError(f"'{path}' is also read by this command. Give another --output-file.")
    if read in output.parents and read.is_dir():
        raise ConfigurationError(
            f"'{path}' lies in the folder '{read}', which this command reads. Give an --output-file elsewhere."
        )


def _opened(place: Union[StrPath, int], name: str, mode: str, is_direct: bool = False) -> IO[Any]:
    file = io.BufferedWriter(_NamedFile(place, name))
    return io.TextIOWrapper(file, "utf-8", newline="\n", line_buffering=is_direct) if mode == "w" else file


class _NamedFile(io.FileIO):
    """A file whose errors name its final path."""

    def __init__(self, place: Union[StrPath, int], name: str) -> None:
        super().__init__(place, "w")
        self._name = name

    def write(self, data: Any) -> int:
        with _errors_explained(self._name):
            return super().write(data)


@contextlib.contextmanager
def _errors_explained(path: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except NotReplacedError as error:
        raise ConfigurationError(str(error)) from error
    except OSError as error:
        complaint = f"'{path}' cannot be written: {error.strerror or error}."
        raise ConfigurationError(f"{complaint} {_remedy(error, path)}") from error


def _remedy(error: OSError, path: str) -> str:
    if error.errno not in NO_SPACE:
        return "Give a file in an existing folder that you may write to."
    remedy = "Free space, or give a file on another disk."
    return remedy if _is_direct(path) else f"{remedy} An existing file is unchanged."
