"""Files that are written completely or not at all, whatever becomes of the process or the disk."""

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
"""What the name of an unfinished file ends with; it begins with a dot."""


class NotReplacedError(OSError):
    """A new file is whole, but could not take the place of the old one. The message says where it is."""


@contextlib.contextmanager
def written_whole(path: StrPath) -> Iterator[Path]:
    """
    Gives the path of a new, empty file beside `path` to write to. When the block ends, the new file is on the disk and takes the
    place of `path` in one step; when an error or an interrupt ends it, the new file is removed and `path` stays as it was. A
    process that is killed leaves a file `.NAME.*.part` behind, which `remove_parts` takes away.

    # Parameters

    path : `StrPath`
        Where a link stands, the file that it points to is replaced. Permissions of a file that is replaced are kept.

    # Raises

    `OSError`
        Before the block is entered, where nothing can be written there: no such folder, no permission (for the folder, or a file
        that would be replaced), no space left.
    `NotReplacedError`
        When the block has ended well, where the new file cannot take its place: a folder of that name has appeared, say, or a
        file system is mounted on it. The new file is kept.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(f"'{path}' is no file that can be replaced")
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
            f"'{path}' cannot be replaced: {error.strerror}. What was written is whole, and is kept as '{new}'; move it to where "
            "it shall be."
        ) from error


def remove_parts(path: StrPath) -> None:
    """
    Removes what killed processes have left of earlier attempts to write `path` or, where it is a folder, any file in it. Nobody
    else may be writing there.
    """
    path = Path(path)
    folder, name = (path, ".*") if path.is_dir() else (path.parent, f"{glob.escape(_prefix(path))}*")
    for part in folder.glob(f"{name}{PART}"):
        part.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    return f".{path.name}."


def flush(path: Path) -> None:
    """
    Brings a file or folder to the disk (fsync), so that the names of files are not there before their contents. Not every file
    system can for folders.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)
