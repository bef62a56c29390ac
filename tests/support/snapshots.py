"""What a kill would leave of a folder, at every moment at which something happens in it."""

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional

_EVENTS = {"open": 0, "os.rename": 1, "os.remove": 0, "os.link": 1, "os.mkdir": 0}
"""Python's audit events, and which of their arguments is the path that they change."""

_recorder: Optional["Recorder"] = None
_is_hooked = False


class Recorder:
    """Copies a folder before each event in it: what is there then is what a process would leave that is killed at that moment."""

    def __init__(self, folder: Path, copies: Path) -> None:
        self.copies: List[Path] = []
        self._folder = folder
        self._into = copies
        self._busy = False

    def see(self, event: str, arguments: Any) -> None:
        if self._busy or event not in _EVENTS or not self._is_write(event, arguments):
            return
        path = arguments[_EVENTS[event]]
        if not isinstance(path, (str, os.PathLike)) or self._folder not in Path(path).parents:
            return
        self._busy = True
        name = f"{len(self.copies):03}-{event}-{Path(path).name}"
        self.copies.append(Path(shutil.copytree(self._folder, self._into / name)))
        self._busy = False

    def _is_write(self, event: str, arguments: Any) -> bool:
        return event != "open" or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


@contextmanager
def recorded(folder: Path, copies: Path) -> Iterator[Recorder]:
    """Records for the length of a `with`; an audit hook cannot be taken away again, only told to do nothing."""
    global _recorder, _is_hooked
    if not _is_hooked:
        sys.addaudithook(lambda event, arguments: _recorder.see(event, arguments) if _recorder else None)
        _is_hooked = True
    _recorder = recorder = Recorder(folder, copies)
    try:
        yield recorder
    finally:
        _recorder = None
