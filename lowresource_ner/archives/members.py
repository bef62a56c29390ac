"""Checks the members of an archive file, or the files of a run, before anything of them is written or read."""

import contextlib
import errno
import functools
import os
import shutil
import tarfile
import zlib
from lzma import LZMAError
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterator, NamedTuple, Optional, Set, Union

from allennlp.common.checks import ConfigurationError

from lowresource_ner.common.damaged_files import damage_reported
from lowresource_ner.common.quoting import quoted

StrPath = Union[str, PathLike]

COPY_AGAIN = "Copy it again from where it is whole, or train it again."
DO_NOT_USE = "Do not use it; ask whoever made it for the archive that AllenNLP wrote."

# AllenNLP's archives have about ten members.
_MOST_MEMBERS = 10_000

# Weights shrink by a tenth, text to a third. A file that shrinks to a hundredth is meant to fill the disk, unless it is small.
_LARGEST_RATIO = 100
_SMALLEST_BOMB = 64 << 20

# Extended headers of the next member (a long name, the exact time). Before Python 3.11.10, reading one takes time quadratic in
# its bytes, so the squares are summed; and tarfile recurses for each header that follows another.
_LARGEST_HEADER = 4 << 10
_MOST_HEADER_SQUARES = 8 * _LARGEST_HEADER**2
_MOST_HEADERS_IN_A_ROW = 8

# Bytes after the last member.
_LARGEST_TAIL = 1 << 20

_FILES_AND_FOLDERS = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE}
_HEADERS = {
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
}
_OTHER_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link (such as AllenNLP writes where 'include_in_archive' matches the weights once more, as "
    "'*.th' does: use the folder of that run, or train without it)",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
}

# The files of a run that are read.
_READ_OF_A_RUN = (
    "config.json",
    "meta.json",
    "weights.th",
    "best.th",
    "vocabulary",
    "vocabulary/*",
    "vocabulary/.encoders/**/*",
)


class Contents(NamedTuple):
    """What an archive unpacks to."""

    num_files: int
    num_bytes: int


def is_tar(path: Path) -> bool:
    """True for a regular file that begins like an archive, even if it is truncated or `look_through` refuses it."""
    if not path.is_file():
        return False
    try:
        with _CheckedTar.open(path):
            return True
    except (EOFError, ValueError, _Refused):
        return True
    except (tarfile.TarError, zlib.error, LZMAError):
        return False


def look_through(archive: StrPath) -> Contents:
    """
    Checks all members of an archive file without writing anything. Each version of a file is read once per process.

    # Raises

    `ConfigurationError`
        If the file is damaged; has a member that is neither a regular file nor a folder, or that would be written outside of the
        archive's folder; or has two members of the same name, too many members, or more bytes than is plausible.
    """
    path = os.path.realpath(archive)
    state = os.stat(path)
    return _look_through(str(archive), path, state.st_size, state.st_mtime_ns)


def unpack(archive: StrPath, folder: StrPath) -> None:
    """
    Unpacks an archive file to a folder, after `look_through`.

    # Raises

    `ConfigurationError`
        If `look_through` refuses the archive, or there is not enough space on the disk.
    """
    contents = look_through(archive)
    free = shutil.disk_usage(folder).free
    if contents.num_bytes > free:
        raise _no_room(archive, folder, f"it unpacks to {contents.num_bytes:,} bytes, and {free:,} are free there")
    # Python 3.11 before 3.11.4 has no filters.
    filters: Dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with damage_reported(f"Archive '{archive}'", COPY_AGAIN), _full_disk_reported(archive, folder):
        with _CheckedTar.open(archive) as tar:
            tar.extractall(folder, **filters)


def check_run_files(folder: Path) -> None:
    """
    Checks that only files and folders are read from the folder of a run. Reading a named pipe, for instance, would never end.

    # Raises

    `ConfigurationError`
        If there is a pipe, a device or a socket.
    """
    for path in _read_of_a_run(folder):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ConfigurationError(
                f"The folder '{folder}' is refused: {quoted(str(path.relative_to(folder)))} in it is a pipe, a device or a "
                f"socket, and a training writes nothing but files. {DO_NOT_USE}"
            )


def links_out(folder: Path) -> Dict[str, str]:
    """The files of a run that are links out of its folder, with their targets. Such links are followed."""
    root = folder.resolve()
    links = {
        path.relative_to(folder).as_posix(): path.resolve() for path in _read_of_a_run(folder) if path.is_symlink()
    }
    return {name: str(target) for name, target in links.items() if not target.is_relative_to(root)}


def _read_of_a_run(folder: Path) -> Iterator[Path]:
    return (path for pattern in _READ_OF_A_RUN for path in folder.glob(pattern))


class _Refused(ConfigurationError):
    """Raised for a member with what is wrong with it; `_look_through` turns it into a message."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(fault)
        self.name = name
        self.fault = fault


class _Member(tarfile.TarInfo):
    """A member whose kind and size are checked before tarfile acts on them, since it reads some headers into memory."""

    def _proc_member(self, tar: "_CheckedTar") -> Any:
        if self.type not in _FILES_AND_FOLDERS | _HEADERS:
            kind = _OTHER_KINDS.get(self.type, "of an unknown kind")
            raise _Refused(self.name, f"is {kind}, and AllenNLP's archives hold nothing but files and folders.")
        is_header = self.type in _HEADERS
        if self.size < 0 or (is_header and self.size > _LARGEST_HEADER):
            raise _Refused(self.name, f"claims to have {self.size:,} bytes, which is impossible.")
        tar.headers_in_a_row = tar.headers_in_a_row + 1 if is_header else 0
        tar.header_squares += self.size**2 if is_header else 0
        if tar.headers_in_a_row > _MOST_HEADERS_IN_A_ROW or tar.header_squares > _MOST_HEADER_SQUARES:
            raise _Refused(self.name, "is one header too many, which AllenNLP does not write.")
        return super()._proc_member(tar)  # type: ignore[misc]

    def _proc_gnusparse_10(self, following: tarfile.TarInfo, *_: Any) -> None:
        """Called for a sparse file, whose map tarfile would read whatever its length."""
        raise _Refused(following.name, "is a file with holes, which AllenNLP does not write.")


class _CheckedTar(tarfile.TarFile):
    """A tar file whose members and headers are checked as they are read."""

    tarinfo = _Member
    headers_in_a_row = 0
    header_squares = 0


@functools.lru_cache(maxsize=1024)
def _look_through(archive: str, path: str, size: int, _mtime: int) -> Contents:
    contents = Contents(0, 0)
    names: Set[PurePosixPath] = set()
    try:
        with damage_reported(f"Archive '{archive}'", COPY_AGAIN), _CheckedTar.open(path) as tar:
            for member in tar:
                contents = Contents(contents.num_files + member.isreg(), contents.num_bytes + member.size)
                fault = _fault(member, names) or _fault_of_size(contents, size)
                if fault is not None:
                    raise _Refused(member.name, fault)
                names.add(PurePosixPath(member.name))
            _read_tail(tar)
    except _Refused as error:
        raise ConfigurationError(
            f"Archive '{archive}' is refused, and nothing of it was written: its member {quoted(error.name)} {error.fault} "
            f"{DO_NOT_USE}"
        ) from None
    return contents


def _fault(member: tarfile.TarInfo, names: Set[PurePosixPath]) -> Optional[str]:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        return "would be written outside of the folder that the archive is unpacked to."
    if name in names:
        return "is there twice."
    if len(names) >= _MOST_MEMBERS:
        return f"is one of more than {_MOST_MEMBERS:,}, and AllenNLP writes about ten."
    if member.issparse():
        return "is a file with holes, which AllenNLP does not write."
    if member.size < 0:
        return f"claims to have {member.size:,} bytes, which is impossible."
    return None


def _fault_of_size(contents: Contents, size: int) -> Optional[str]:
    if contents.num_bytes > max(_SMALLEST_BOMB, _LARGEST_RATIO * size):
        return f"makes {contents.num_bytes:,} bytes of the archive's {size:,}, too many for a model, which would fill the disk."
    return None


@contextlib.contextmanager
def _full_disk_reported(archive: StrPath, folder: StrPath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_room(archive, folder, "the disk is full") from error


def _no_room(archive: StrPath, folder: StrPath, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"Archive '{archive}' cannot be unpacked to '{folder}': {why}. Free space, or have temporary files written elsewhere "
        "(TMPDIR)."
    )


def _read_tail(tar: tarfile.TarFile) -> None:
    """Reads to the end of the file, where a compressed one has its checksum."""
    assert tar.fileobj is not None
    length = 0
    while part := tar.fileobj.read(_LARGEST_TAIL):
        length += len(part)
        if length > _LARGEST_TAIL:
            raise _Refused((tar.getnames() or [""])[-1], "is the last, and more than a megabyte follows it.")
