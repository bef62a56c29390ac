"""Runs steps as tasks of doit, which skips those whose inputs and settings have not changed."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

from allennlp.common import Params
from doit.cmd_base import TaskLoader2
from doit.dependency import JsonDB, MD5Checker, get_file_md5
from doit.doit_cmd import DoitMain
from doit.exceptions import BaseFail, TaskFailed
from doit.globals import Globals
from doit.reporter import ConsoleReporter
from doit.task import Task, dict_to_task
from doit.tools import config_changed

from lowresource_ner.common.whole_files import remove_parts
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.writing import written

# Environment variables that choose a device. What was trained on one device is not trained again on another.
_DEVICES = {"DEVICE", "CUDA_VISIBLE_DEVICES"}


def run_steps(steps: Sequence[Step], runs: Path, jobs: int = 1) -> bool:
    """
    Runs the steps that are not up to date, `jobs` at once, each after those that it depends on. Logs, and a record of the inputs,
    settings and outputs of each training, are written to `runs / "logs"`.

    # Returns

    `bool`
        False if a step failed; no further steps are started then.

    # Raises

    `ValueError`
        If steps are already being run in this folder.
    """
    (runs / "logs").mkdir(parents=True, exist_ok=True)
    arguments = ["run", "-n", str(jobs), "-P", "thread"] if jobs > 1 else ["run"]
    with (runs / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Steps are being run in {runs}, or one is still running although its caller was killed. Wait, or give another "
                "folder: --runs."
            ) from None
        for folder in (runs, runs / "logs"):
            remove_parts(folder)
        loader = _Loader(steps, runs, lock.fileno())
        backends = {"BACKEND": {"whole_json": "lowresource_ner.experiments.running:WholeJson"}}
        return DoitMain(loader, config_filenames=(), extra_config=backends).run(arguments) == 0


class WholeJson(JsonDB):
    """
    doit's record of finished steps, written atomically. If it is damaged, or the disk is full, steps are run again.
    """

    def _load(self) -> Dict[str, Any]:
        content = _read(Path(self.name))
        if content is None:
            _warn(f"{self.name} is damaged: all steps except trainings are run again.")
        return content or {}

    def dump(self) -> None:
        try:
            with written(Path(self.name)) as new:
                new.write_text(self.codec.encode(self._db), encoding="utf-8")
        except OSError as error:
            _warn(f"{error}. Is the disk full? Some finished steps may be run again.")


class _Loader(TaskLoader2):
    def __init__(self, steps: Sequence[Step], runs: Path, lock: int) -> None:
        super().__init__()
        self._steps = steps
        self._runs = runs
        self._lock = lock

    def setup(self, opt_values: Dict[str, Any]) -> None:
        pass

    def load_doit_config(self) -> Dict[str, Any]:
        return {"dep_file": str(self._runs / "steps.json"), "backend": "whole_json", "reporter": _Reporter}

    def load_tasks(self, cmd: Any, pos_args: Any) -> List[Task]:
        return [dict_to_task(self._task(step)) for step in self._steps]

    def _task(self, step: Step) -> Dict[str, Any]:
        return {
            "name": step.name,
            "actions": [(_run, [step, self._runs / "logs", self._lock])],
            "file_dep": [str(path) for path in step.inputs],
            "targets": [str(path) for path in step.outputs],
            "task_dep": step.after,
            "uptodate": [config_changed(step.settings), _outputs_are_unchanged],
            "io": {"capture": False},
        }


class _Reporter(ConsoleReporter):
    """Prints a line for each step that is skipped, started or finished, and saves the record of finished steps after each."""

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        super().initialize(tasks, selected_tasks)
        self._started: Dict[str, float] = {}

    def execute_task(self, task: Task) -> None:
        self._started[task.name] = time.monotonic()
        _print(f"{task.name}: started")

    def add_success(self, task: Task) -> None:
        Globals.dep_manager.backend.dump()
        _print(f"{task.name}: finished in {time.monotonic() - self._started[task.name]:.0f} s")

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        _print(f"{task.name}: failed\n{fail.get_msg()}")

    def skip_uptodate(self, task: Task) -> None:
        _print(f"{task.name}: up to date")


def _warn(text: str) -> None:
    print(f"Warning: {text}", file=sys.stderr, flush=True)


def _print(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")  # in one piece, since steps run at the same time
    sys.stdout.flush()


def _run(step: Step, logs: Path, lock: int) -> Union[Dict[str, Any], TaskFailed]:
    """Runs a step, and returns the state of its outputs, which doit records, or its failure."""
    try:
        for path in step.outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
        if step.is_training:
            return _train(step, logs, lock)
        return _resume(step, logs, lock) if step.resumes_itself else _call(step, step.command, logs, lock)
    except OSError as error:
        return TaskFailed(f"{error}. If the disk is full, free space; the same command continues from here.")


def _train(step: Step, logs: Path, lock: int) -> Union[Dict[str, Any], TaskFailed]:
    """
    Runs a training. An interrupted one is resumed if it has a checkpoint, and its settings and the contents of its inputs are
    unchanged.
    """
    folder = step.outputs[0].parent
    device = step.variables.get("DEVICE", "-1")
    note = logs / f"{step.name}.begun"
    before, now = _read(note) or {}, {"digest": _digest(step), "device": device}
    is_same = before.get("digest") == now["digest"]
    if is_same and _are_unchanged(before.get("outputs")):
        return {"outputs": before["outputs"]}  # it had finished, but was interrupted before doit recorded that
    resumes = is_same and any(folder.glob("*.th"))
    if resumes and before["device"] != device:
        return TaskFailed(
            f"It was interrupted on device {before['device']}, and AllenNLP resumes a training only on the same device. "
            f"Give --device {before['device']}, or remove {folder} to start over."
        )
    if resumes and _read(folder / "config.json") is None:
        _write_config(step, folder / "config.json")
    if not resumes and any(folder.glob("*.th")):
        _print(f"{step.name}: its inputs or settings have changed, and its earlier training is replaced")
        for path in folder.glob(
            "*.th"
        ):  # before the new record is written, which would make them checkpoints of this training
            path.unlink()
    with written(note) as new:
        new.write_text(json.dumps(now))
    done = _call(step, [*step.command, "--recover" if resumes else "--force"], logs, lock)
    if isinstance(done, TaskFailed):
        again = f" If it fails again, remove {folder} to start over." if resumes else ""
        return TaskFailed(f"{done.get_msg()}\nThe same command continues from here.{again}")
    with written(note) as new:
        new.write_text(json.dumps(now | done))
    return done


def _resume(step: Step, logs: Path, lock: int) -> Union[Dict[str, Any], TaskFailed]:
    """
    Runs a command that resumes an interrupted run by itself. Its folder is removed first if its settings or the contents of its
    inputs have changed, or the outputs since they were recorded.
    """
    folder = step.outputs[0].parent
    note = logs / f"{step.name}.begun"
    before, now = _read(note) or {}, {"digest": _digest(step)}
    is_same = before.get("digest") == now["digest"]
    if is_same and _are_unchanged(before.get("outputs")):
        return {"outputs": before["outputs"]}  # it had finished, but was interrupted before doit recorded that
    if not is_same or "outputs" in before:
        if any(folder.iterdir()):
            _print(f"{step.name}: its inputs, settings or outputs have changed, and its earlier run is replaced")
        shutil.rmtree(folder)
        folder.mkdir()
        with written(note) as new:
            new.write_text(json.dumps(now))
    done = _call(step, step.command, logs, lock)
    if isinstance(done, TaskFailed):
        return TaskFailed(f"{done.get_msg()}\nThe same command continues from here.")
    with written(note) as new:
        new.write_text(json.dumps(now | done))
    return done


def _call(step: Step, command: List[str], logs: Path, lock: int) -> Union[Dict[str, Any], TaskFailed]:
    """Runs a command. It inherits the lock, so that nothing else can run in the folder if the command outlives this process."""
    log = logs / f"{step.name}.log"
    with log.open("ab") as stream:
        done = subprocess.run(
            command,
            env={**os.environ, **step.variables},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            pass_fds=[lock],
        )
    if done.returncode != 0:
        return TaskFailed(
            f"It ended with exit status {done.returncode}. Its output is in {log}; the last lines:\n{_tail(log)}"
        )
    return {"outputs": {str(path): MD5Checker().get_state(str(path), None) for path in step.outputs}}


def _are_unchanged(outputs: Optional[Dict[str, Any]]) -> bool:
    """Whether a step's outputs are as recorded: none is missing, truncated, or from a later run that was interrupted."""
    if outputs is None:
        return False
    check = MD5Checker().check_modified
    return all(os.path.exists(path) and not check(path, os.stat(path), state) for path, state in outputs.items())


def _outputs_are_unchanged(task: Task, values: Dict[str, Any]) -> bool:
    return _are_unchanged(values.get("outputs"))  # doit passes both arguments by their names


def _write_config(step: Step, path: Path) -> None:
    """
    Restores the config.json of a training. AllenNLP writes it at every start, and cannot recover a training if an interruption
    has truncated it.
    """
    config, overrides = step.command[4], step.command[step.command.index("-o") + 1]
    with written(path) as new:
        Params.from_file(config, overrides, step.variables).to_file(str(new))


def _read(path: Path) -> Optional[Dict[str, Any]]:
    """Returns the object in a JSON file, or None if it is missing or damaged."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _digest(step: Step) -> str:
    """Returns a digest of everything that the result of a training depends on, which the device is not."""
    files = [[str(path), get_file_md5(path)] for path in step.inputs]
    variables = {name: value for name, value in step.variables.items() if name not in _DEVICES}
    # The command is left out, since it contains paths of the installation.
    return hashlib.sha256(json.dumps([variables, step.settings, files], sort_keys=True).encode()).hexdigest()


def _tail(log: Path, num_lines: int = 5) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-num_lines:])
