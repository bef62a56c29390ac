"""A command's output file: opened before the work, put in place when it is complete."""

import contextlib
import errno
import io
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, Optional, Union

from allennlp.common.checks import ConfigurationError

from lowresource_ner.whole_files import written_whole

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def whole_output(path: Optional[str], mode: str = "w", inputs: Iterable[Union[str, PathLike]] = ()) -> Iterator[Any]:
    """
    Gives an open file to write to, which takes the place of `path` when the block ends well. An error, Ctrl-C, a kill or a full
    disk leaves what was there before. Enter it before the work whose outcome it holds.

    # Parameters

    path : `Optional[str]`
        Without one the block is given `None`.
    mode : `str`, optional (default = `"w"`)
        "w" for text in UTF-8, "wb" for bytes.
    inputs : `Iterable[Union[str, PathLike]]`, optional (default = `()`)
        Files that the command reads, none of which may be overwritten.

    # Raises

    `ConfigurationError`
        When it is entered, where nothing can be written there, or `path` is one of `inputs`; when it is written to or left, where
        the disk is full. Errors of other origin pass through.
    """
    if path is None:
        yield None
        return
    if any(Path(path).resolve() == Path(each).resolve() for each in inputs):
        raise ConfigurationError(f"'{path}' is read by this command, too. Give another --output-file.")
    with contextlib.ExitStack() as stack:
        with _said_of(path):
            new = stack.enter_context(written_whole(path))
            file = stack.enter_context(_opened(new, path, mode))
        yield file
        with _said_of(path):
            stack.close()


def _opened(new: Path, path: str, mode: str) -> IO[Any]:
    file = io.BufferedWriter(_NamedFile(new, path))
    return io.TextIOWrapper(file, encoding="utf-8", newline="\n") if mode == "w" else file


class _NamedFile(io.FileIO):
    """A file whose errors name the file that it will be."""

    def __init__(self, new: Path, name: str) -> None:
        super().__init__(fspath(new), "w")
        self._name = name

    def write(self, data: Any) -> int:
        with _said_of(self._name):
            return super().write(data)


@contextlib.contextmanager
def _said_of(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = "Give a file, new or to be replaced, in a folder that exists and that you may write to."
        if error.errno in _NO_SPACE:
            remedy = (
                "Free some space, or give a file on another disk. If there was a file of that name, it is as it was."
            )
        raise ConfigurationError(f"'{path}' cannot be written: {error.strerror or error}. {remedy}") from error
