"""The library by which tests/fuzz/kills.py breaks runs off at their file events."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Tuple

import pytest
from fuzz.file_events import Event, Fault, build, environment, read, unseen

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None, reason="needs Linux and a C compiler, cc"
)

# Six events: a folder, a file, five bytes of it, another, all of the first's bytes copied there by the kernel, its new name.
PROGRAM = """
import os, shutil, sys
os.chdir(sys.argv[1])
os.mkdir("d")
os.makedirs("d", exist_ok=True)
with open("d/a", "w") as file:
    file.write("12345")
shutil.copyfile("d/a", "b.part")
os.replace("b.part", "b")
print("done")
"""
Run = Callable[..., Tuple[subprocess.CompletedProcess, list]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def run(library: Path, tmp_path: Path) -> Run:
    """Runs the program, and gives what became of it, and its events."""
    (tmp_path / "root").mkdir()

    def program(fault: Fault | None = None) -> Tuple[subprocess.CompletedProcess, list]:
        variables = environment(tmp_path / "root", tmp_path / "log", fault)
        command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path / "root")]
        preloaded = os.environ | variables | {"LD_PRELOAD": str(library)}
        done = subprocess.run(command, env=preloaded, capture_output=True, text=True)
        return done, read(tmp_path / "log")

    return program


def contents(root: Path) -> dict:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_each_change_is_an_event(run, tmp_path) -> None:
    done, events = run()
    assert done.stdout == "done\n"
    assert [(event.number, event.kind, event.size, event.path) for event in events] == [
        (1, "mkdir", 0, "d"),
        (2, "create", 0, "d/a"),
        (3, "write", 5, "d/a"),
        (4, "create", 0, "b.part"),
        (5, "write", 5, "b.part"),
        (6, "rename", 0, "b.part -> b"),
    ]
    assert unseen(tmp_path / "root", events) == []
    (tmp_path / "root" / "c").write_text("x")
    assert unseen(tmp_path / "root", events) == ["c"]


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        ("kill:2", {}),
        ("kill:3", {"d/a": ""}),
        ("half:3", {"d/a": "12"}),
        ("half:5", {"d/a": "12345", "b.part": "12"}),
        ("kill:6", {"d/a": "12345", "b.part": "12345"}),
    ],
)
def test_a_process_is_killed_before_or_amid_an_event(run, tmp_path, fault: str, left: dict) -> None:
    done, events = run(Fault.parse(fault))
    assert done.returncode == -signal.SIGKILL and len(events) == Fault.parse(fault).event
    assert contents(tmp_path / "root") == left


@pytest.mark.parametrize(
    ("fault", "left"), [("full:1", {}), ("full:3", {"d/a": "12"}), ("full:4", {"d/a": "12345"}), ("full:7", None)]
)
def test_nothing_more_is_written_when_the_disk_is_full(run, tmp_path, fault: str, left: dict | None) -> None:
    done, _ = run(Fault.parse(fault))
    if left is None:
        assert done.stdout == "done\n" and contents(tmp_path / "root") == {"d/a": "12345", "b": "12345"}
    else:
        assert done.returncode == 1 and "No space left on device" in done.stderr
        assert contents(tmp_path / "root") == left


def test_all_processes_of_a_group_are_killed(library, tmp_path) -> None:
    """A child makes a folder; its parent, who waits for it, would say so."""
    child = f"import os; os.mkdir({str(tmp_path / 'root' / 'd')!r})"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print('outlived')"
    (tmp_path / "root").mkdir()
    for what, said in (("kill", "outlived\n"), ("group", "")):
        variables = environment(tmp_path / "root", tmp_path / "log", Fault(what, 1))
        preloaded = os.environ | variables | {"LD_PRELOAD": str(library)}
        command = [sys.executable, "-I", "-S", "-c", parent]
        done = subprocess.run(command, env=preloaded, capture_output=True, text=True, start_new_session=True)
        assert done.stdout == said
        assert [event.kind for event in read(tmp_path / "log")] == ["mkdir"] and not (tmp_path / "root" / "d").exists()


def test_an_event_is_one_line_also_where_its_path_is_long(library, tmp_path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    names = "/".join(["x" * 200] * 4)
    variables = environment(root, tmp_path / "log")
    program = f"import os; os.makedirs({str(root / names)!r})"
    preloaded = os.environ | variables | {"LD_PRELOAD": str(library)}
    subprocess.run([sys.executable, "-I", "-S", "-c", program], env=preloaded, check=True)
    events = read(tmp_path / "log")
    assert [event.number for event in events] == [1, 2, 3, 4] and events[0] == Event(
        1, events[0].process, "mkdir", 0, "x" * 200
    )
