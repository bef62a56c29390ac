"""Python commands run in processes that are forked from this one, which has imported what they need, or begun anew."""

import contextlib
import multiprocessing
import os
import runpy
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Dict, Sequence

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_FORK = multiprocessing.get_context("fork")
_HUNG = 600
"""Seconds after which a run is ended."""


def run(argv: Sequence[str], variables: Dict[str, str], output: Path, is_own_process: bool) -> int:
    """
    Runs Python with these arguments, in the repository and in a process group of its own, of which nothing is left when it has
    ended. What it says is appended to `output`. Returns the exit status, that of a signal negative.
    """
    return (_own_process if is_own_process else _forked)(argv, variables, output)


def _own_process(argv: Sequence[str], variables: Dict[str, str], output: Path) -> int:
    with output.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, *argv],
            cwd=_REPOSITORY,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    _await_and_end_group(process.pid)
    return process.wait()


def _forked(argv: Sequence[str], variables: Dict[str, str], output: Path) -> int:
    process = _FORK.Process(target=_inside, args=(argv, variables, output))
    process.start()
    assert process.pid is not None
    _await_and_end_group(process.pid)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _await_and_end_group(leader: int) -> None:
    """
    Waits for the leader of a process group to end, and ends what is left of the group: what a killed run has begun, or a run that
    hangs. The leader's status is still to be read, so that its number is nobody else's yet.
    """
    descriptor = os.pidfd_open(leader)
    select.select([descriptor], [], [], _HUNG)  # readable when the process has ended
    os.close(descriptor)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _inside(argv: Sequence[str], variables: Dict[str, str], output: Path) -> None:
    os.setsid()
    os.chdir(_REPOSITORY)
    subprocess.run = _forking_run  # type: ignore[assignment]
    with output.open("ab") as stream:
        _become(argv, variables, stream)


def _become(argv: Sequence[str], variables: Dict[str, str], output: IO[bytes]) -> None:
    """Goes on as Python does with these arguments."""
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # so that what was said last stands last
    os.environ.update(variables)
    if argv[0] == "-m":
        sys.argv = list(argv[1:])
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(argv)
        sys.path.insert(0, str(Path(argv[0]).parent))
        runpy.run_path(argv[0], run_name="__main__")


_subprocess_run = subprocess.run


def _forking_run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess:
    """`subprocess.run` in a run that was forked: its AllenNLP commands are forked as well, which need import nothing."""
    if list(command[:3]) != [sys.executable, "-m", "lowresource_ner_command"]:
        return _subprocess_run(command, **options)
    process = _FORK.Process(target=_become, args=(command[1:], options["env"], options["stdout"]))
    process.start()
    process.join()
    assert process.exitcode is not None
    return subprocess.CompletedProcess(command, process.exitcode)
