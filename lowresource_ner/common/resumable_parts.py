"""Files that are written piece by piece, by a process that may be killed and started again."""

import contextlib
import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import IO, Any, Dict, Mapping, Sequence

from lowresource_ner.common.whole_files import flush, written_whole

_STATE, _LOCK = "state.json", "lock"


class OtherWorkError(ValueError):
    """Raised if a folder has the unfinished work of another request."""


class InUseError(RuntimeError):
    """Raised if another process is at work in a folder."""


class ResumableParts:
    """
    Appends to files in a folder of their own, with a state that says how far the work is. `mark` says that files and state agree,
    and `commit` makes the last mark permanent. When the folder is opened again, what was appended after that is cut off.

    # Parameters

    folder : `Path`
        Created if it does not exist.
    names : `Sequence[str]`
        The files.
    settings : `Mapping[str, Any]`
        All that the contents depend on, as JSON.

    # Raises

    `OtherWorkError`
        If the folder has work with other settings or files, or a file is shorter than it was; the message names what differs.
    `InUseError`
        If another process is at work there.
    `OSError`
        If something cannot be written.
    """

    def __init__(self, folder: Path, names: Sequence[str], settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings = json.loads(json.dumps(settings))
        folder.mkdir(exist_ok=True)
        self._lock = _locked(folder / _LOCK)
        self.state: Dict[str, Any] = {}
        """What the last `mark` was given; empty at the beginning."""
        self._sizes = dict.fromkeys(names, 0)
        self._files: Dict[str, IO[bytes]] = {}
        try:
            self._read_state()
            self._files = {name: self._open(name, size) for name, size in self._sizes.items()}
        except BaseException:
            self.close()
            raise

    def append(self, name: str, data: bytes) -> None:
        self._files[name].write(data)

    def mark(self, state: Mapping[str, Any]) -> None:
        """Notes that everything that was appended belongs to this state."""
        self._sizes = {name: file.tell() for name, file in self._files.items()}
        self.state = dict(state)

    def commit(self) -> None:
        """Makes the last mark permanent, if there is one."""
        if not self.state:
            return
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        saved = {"settings": self._settings, "sizes": self._sizes, "state": self.state}
        with written_whole(self.folder / _STATE) as new:
            new.write_text(json.dumps(saved), encoding="utf-8")

    def path(self, name: str) -> Path:
        return self.folder / name

    def close(self) -> None:
        for file in self._files.values():
            # Of a full disk, `commit` has told already.
            with contextlib.suppress(OSError):
                file.close()
        self._lock.close()

    def remove(self) -> None:
        """Removes the folder, when the work is done."""
        self.close()
        # The state first: a folder without one is begun anew.
        (self.folder / _STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    def _read_state(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            saved = json.loads((self.folder / _STATE).read_text("utf-8"))
            if saved["settings"] != self._settings or set(saved["sizes"]) != set(self._sizes):
                raise OtherWorkError(_differences(saved["settings"], self._settings))
            self.state, self._sizes = saved["state"], saved["sizes"]

    def _open(self, name: str, size: int) -> IO[bytes]:
        path = self.folder / name
        path.touch()
        if path.stat().st_size < size:
            raise OtherWorkError(f"{name}, which was cut or removed")
        file = path.open("r+b")
        file.truncate(size)
        file.seek(size)
        flush(self.folder)
        return file


def _locked(path: Path) -> IO[bytes]:
    """A file that is locked as long as it is open."""
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise InUseError(f"Another process is at work in '{path.parent}'") from None
    return lock


def _differences(saved: Any, now: Any) -> str:
    names = sorted({*saved, *now})
    return ", ".join(name for name in names if saved.get(name) != now.get(name)) or "output files"
