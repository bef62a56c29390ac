"""Writes files completely or not at all, even if the process is killed or the disk is full."""

import contextlib
import errno
import glob
import os
import shutil
import uuid
from os import PathLike
from pathlib import Path
from typing import Iterator, Union

StrPath = Union[str, PathLike]

PART = ".part"
"""Suffix of unfinished files, whose names begin with a dot."""


class NotReplacedError(OSError):
    """Raised if a new file is complete but could not replace the old one. The message says where it is."""


@contextlib.contextmanager
def written_whole(path: StrPath) -> Iterator[Path]:
    """
    Yields the path of a new, empty file beside `path` to write to. When the `with` block ends, the new file is flushed to the
    disk and replaces `path` in one step. On an error or an interrupt the new file is removed, and `path` is left as it was. A
    process that is killed leaves a file `.NAME.*.part` behind, which `remove_parts` removes.

    # Parameters

    path : `StrPath`
        If it is a link, the file it points to is replaced. The new file gets the permissions of the old one.

    # Raises

    `OSError`
        At the start of the block, if nothing can be written: no such folder, no permission for the folder or the old file, no
        space left.
    `NotReplacedError`
        At the end of the block, if `path` cannot be replaced: it has become a folder, for instance, or a file system is mounted
        on it. The new file is kept.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(f"'{path}' is not a regular file, and cannot be replaced")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    new = path.with_name(f"{_prefix(path)}{uuid.uuid4().hex}{PART}")
    new.open("xb").close()
    try:
        if path.exists():
            shutil.copymode(path, new)
        yield new
        flush(new)
        _replace(path, new)
    except NotReplacedError:
        raise
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    flush(path.parent)


def _replace(path: Path, new: Path) -> None:
    try:
        os.replace(new, path)
    except OSError as error:
        raise NotReplacedError(
            f"'{path}' cannot be replaced: {error.strerror}. The new file is complete, and is kept as '{new}'; move it to its "
            "place."
        ) from error


def remove_parts(path: StrPath) -> None:
    """
    Removes the unfinished files that killed processes have left of `path` or, if it is a folder, of any file in it. No other
    process may be writing there.
    """
    path = Path(path)
    folder, name = (path, ".*") if path.is_dir() else (path.parent, f"{glob.escape(_prefix(path))}*")
    for part in folder.glob(f"{name}{PART}"):
        part.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    return f".{path.name}."


def flush(path: Path) -> None:
    """
    Flushes a file or folder to the disk (fsync), so that a file's name does not appear before its contents. Has no effect on
    folders where the file system does not support it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)
