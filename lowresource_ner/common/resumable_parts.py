"""Append-only files that let an interrupted process resume where it stopped."""

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
    """Raised if a folder holds unfinished work that was started with other settings."""


class InUseError(RuntimeError):
    """Raised if another process is using the folder."""


class ResumableParts:
    """
    Appends data to the files of a working folder, and keeps a state that records the progress. `mark` sets a checkpoint, at which
    files and state are consistent, and `commit` writes the last checkpoint to disk. When the folder is reopened, the files are
    truncated to the committed checkpoint.

    # Parameters

    folder : `Path`
        Created if it does not exist. Its parent must exist.
    names : `Sequence[str]`
        The names of the files.
    settings : `Mapping[str, Any]`
        Everything that the contents depend on. Must be serialisable as JSON.

    # Raises

    `OtherWorkError`
        If the folder was created with other settings or files, or a file is shorter than at the checkpoint. The message is a list
        of what differs.
    `InUseError`
        If another process is using the folder.
    `OSError`
        If the folder or a file cannot be written.
    """

    def __init__(self, folder: Path, names: Sequence[str], settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings = json.loads(json.dumps(settings))
        folder.mkdir(exist_ok=True)
        self._lock = _locked(folder / _LOCK)
        self.state: Dict[str, Any] = {}
        """The state passed to the last `mark`; empty if there is none."""
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
        """Sets a checkpoint: this state corresponds to everything appended so far."""
        self._sizes = {name: file.tell() for name, file in self._files.items()}
        self.state = dict(state)

    def commit(self) -> None:
        """Writes the last checkpoint to disk, if there is one."""
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
            # A full disk has already been reported by `commit`.
            with contextlib.suppress(OSError):
                file.close()
        self._lock.close()

    def remove(self) -> None:
        """Removes the folder. Call this when the work is complete."""
        self.close()
        # Remove the state first: without it, a partly removed folder counts as new.
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
            raise OtherWorkError(f"{name}, which was truncated or removed")
        file = path.open("r+b")
        file.truncate(size)
        file.seek(size)
        flush(self.folder)
        return file


def _locked(path: Path) -> IO[bytes]:
    """Opens a file with an exclusive lock, which is held until the file is closed."""
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise InUseError(f"Another process is using '{path.parent}'") from None
    return lock


def _differences(saved: Any, now: Any) -> str:
    names = sorted({*saved, *now})
    return ", ".join(name for name in names if saved.get(name) != now.get(name)) or "output files"
