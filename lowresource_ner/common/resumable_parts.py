"""Files that are written piece by piece, by a process that may be killed and started again."""

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import IO, Any, Dict, Mapping, Sequence

from lowresource_ner.common.whole_files import flush, written_whole

_STATE = "state.json"


class OtherWorkError(ValueError):
    """Raised if a folder has the unfinished work of another request."""


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
    `OSError`
        If something cannot be written.
    """

    def __init__(self, folder: Path, names: Sequence[str], settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings = json.loads(json.dumps(settings))
        folder.mkdir(exist_ok=True)
        self.state: Dict[str, Any] = {}
        """What the last `mark` was given; empty at the beginning."""
        sizes = dict.fromkeys(names, 0)
        with contextlib.suppress(FileNotFoundError):
            saved = json.loads((folder / _STATE).read_text("utf-8"))
            if saved["settings"] != self._settings or set(saved["sizes"]) != set(names):
                raise OtherWorkError(_differences(saved["settings"], self._settings))
            self.state, sizes = saved["state"], saved["sizes"]
        self._sizes: Dict[str, int] = sizes
        self._files: Dict[str, IO[bytes]] = {name: self._open(name, size) for name, size in sizes.items()}

    def append(self, name: str, data: bytes) -> None:
        self._files[name].write(data)

    def mark(self, state: Mapping[str, Any]) -> None:
        """Notes that everything that was appended belongs to this state."""
        self._sizes = {name: file.tell() for name, file in self._files.items()}
        self.state = dict(state)

    def commit(self) -> None:
        """Makes the last mark permanent."""
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

    def remove(self) -> None:
        """Removes the folder, when the work is done."""
        self.close()
        # The state first: a folder without one is begun anew.
        (self.folder / _STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

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


def _differences(saved: Any, now: Any) -> str:
    names = sorted({*saved, *now})
    return ", ".join(name for name in names if saved.get(name) != now.get(name)) or "output files"
