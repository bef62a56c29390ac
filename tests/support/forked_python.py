"""
Python commands that start at once: processes of their own, forked from a server that has imported AllenNLP and this package.

A command has its own environment, folder, random state and registry, and can be killed. What such processes do not show is what
an import does: plugins, `--include-package`, signals' handlers at the start.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Callable, Dict, Mapping, Sequence

import pytest

_subprocess_run = subprocess.run
_FORK = multiprocessing.get_context("fork")
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["support.preloaded"])


def run_python(
    argv: Sequence[object], cwd: Path, environment: Mapping[str, str], forks_steps: bool = False
) -> CompletedProcess[str]:
    """
    As `subprocess.run([sys.executable, *argv], cwd=cwd, env=environment, capture_output=True, text=True)`.

    # Parameters

    forks_steps : `bool`, optional (default = `False`)
        Whether the Python modules that the command itself runs are forked from it; see `forked_run`.
    """
    arguments = [str(each) for each in argv]
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        function = _become_with_forked_steps if forks_steps else become
        process = started(function, arguments, cwd, dict(environment), output, errors)
        process.join()
        assert process.exitcode is not None
        return CompletedProcess(arguments, process.exitcode, output.read_text("utf-8"), errors.read_text("utf-8"))


def started(function: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A new process that calls a function of a module."""
    # The server, where it does not run yet, must find `support`, and is not told of `sys.path` before Python 3.13.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()
    process = _SERVER.Process(target=function, args=arguments)
    process.start()
    return process


def become(argv: Sequence[str], cwd: Path, environment: Dict[str, str], output: Path, errors: Path) -> None:
    """Goes on as Python does with these arguments. The output is appended to files."""
    atexit._clear()  # of the process that this one was forked from
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in ((1, output), (2, errors)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # so that what was said last stands last
    try:
        if argv[0] == "-m":
            sys.argv = list(argv[1:])
            runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        elif argv[0] == "-c":
            sys.argv = ["-c", *argv[2:]]
            exec(argv[1], {"__name__": "__main__"})
        else:
            sys.argv = list(argv)
            sys.path.insert(0, str(Path(argv[0]).parent))
            runpy.run_path(argv[0], run_name="__main__")
    except Exception:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]  # which AllenNLP replaces
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()  # which forked processes end without


def _become_with_forked_steps(*arguments: Any) -> None:
    subprocess.run = forked_run  # type: ignore[assignment]
    become(*arguments)


def forked_run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess:
    """
    In place of `subprocess.run` in a process that has one thread: `python -m MODULE` is forked from it, so that nothing is
    imported anew. Of the options, `env` and `stdout` are required, and errors go to `stdout`.
    """
    if list(command[:2]) != [sys.executable, "-m"]:
        return _subprocess_run(command, **options)
    output = Path(options["stdout"].name)
    process = _FORK.Process(target=become, args=(command[1:], Path.cwd(), options["env"], output, output))
    process.start()
    process.join()
    assert process.exitcode is not None
    return CompletedProcess(command, process.exitcode)
