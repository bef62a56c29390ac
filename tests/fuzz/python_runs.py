"""Python commands run in processes that are forked from this one, which has imported what they need, or begun anew."""

import contextlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, Sequence

from support.forked_python import become, forked_run

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
    subprocess.run = forked_run  # type: ignore[assignment]
    become(argv, _REPOSITORY, os.environ | variables, output, output)
