"""Processes that are killed at a file event, or find the disk full from one on, by a preloaded library (file_events.c)."""

import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple

SOURCE = Path(__file__).with_name("file_events.c")
RECORD = 512
"""The length of a line of the log, as in file_events.c."""

VARIABLES = {
    "kill": ["FILE_EVENTS_KILL_AT"],  # just before the event
    "half": ["FILE_EVENTS_HALF_AT"],  # of its bytes are written first
    "group": ["FILE_EVENTS_KILL_AT", "FILE_EVENTS_GROUP"],  # all processes of the group are killed
    "full": ["FILE_EVENTS_FULL_AT"],  # nothing more can be written, in any process
}


class Fault(NamedTuple):
    """What is done to a run, one of `VARIABLES`, and the number of the event at which it is done; from 1."""

    what: str
    event: int

    def __str__(self) -> str:
        return f"{self.what}:{self.event}"

    @classmethod
    def parse(cls, text: str) -> "Fault":
        what, _, event = text.partition(":")
        if what not in VARIABLES or not event.isdigit():
            raise ValueError(f"'{text}' is no fault. Write KIND:NUMBER, with a kind of {', '.join(VARIABLES)}.")
        return cls(what, int(event))


class Event(NamedTuple):
    """
    A change to a file below the folder that is watched: its number, the process, what was done ("create", "empty", "write",
    "truncate", "allocate", "fsync", "rename", "link", "symlink", "unlink", "mkdir", "rmdir"), with how many bytes, and to what:
    "path" from the folder on, or "path -> new path".
    """

    number: int
    process: int
    kind: str
    size: int
    path: str

    @property
    def words(self) -> str:
        return f"{self.kind} {self.path}" + (f", {self.size:,} bytes" if self.size else "")


def build(folder: Path) -> Path:
    """
    Compiles the library into a folder.

    # Raises

    `RuntimeError`
        Where there is no C compiler, or it fails.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("There is no C compiler (cc, gcc). Install one: the harness preloads a small library.")
    library = folder / "file_events.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return library


def environment(root: Path, log: Path, fault: Fault | None = None) -> Dict[str, str]:
    """
    The variables by which a process with the library preloaded, and its children, note their events below `root` in `log`, a
    file elsewhere that is emptied here, and meet with a fault. A process that lives on takes them up as soon as they are set.
    """
    log.write_bytes(b"")
    variables = {"FILE_EVENTS_ROOT": str(root.resolve()), "FILE_EVENTS_LOG": str(log)}
    return variables | ({name: str(fault.event) for name in VARIABLES[fault.what]} if fault else {})


def read(log: Path) -> List[Event]:
    """The events that were noted, the last one of a killed process being the one that it did not come to, or not whole."""
    text = log.read_bytes()
    lines = [text[start : start + RECORD].decode(errors="replace") for start in range(0, len(text), RECORD)]
    fields = [line.strip().split(" ", 3) for line in lines]
    return [Event(n, int(process), kind, int(size), path) for n, (process, kind, size, path) in enumerate(fields, 1)]


def unseen(root: Path, events: List[Event]) -> List[str]:
    """
    The files below `root`, by their paths from there, that hold other bytes than events have written: what wrote them went past
    the library. For runs without fault into a new folder.
    """
    sizes: Dict[str, int] = {}
    for event in events:
        source, _, target = event.path.partition(" -> ")
        if event.kind in ("create", "empty", "unlink"):
            sizes[source] = 0
        elif event.kind == "write":
            sizes[source] = sizes.get(source, 0) + event.size
        elif event.kind in ("rename", "link"):  # of a file, or of a folder with all that is in it
            moved = [name for name in sizes if name == source or name.startswith(f"{source}/")]
            sizes |= {target + name[len(source) :]: sizes[name] for name in moved}
    found = {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}
    return sorted(name for name, size in found.items() if sizes.get(name, 0) != size)
