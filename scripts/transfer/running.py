"""Steps as tasks of doit, which skips those whose inputs and settings have not changed."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from doit.cmd_base import TaskLoader2
from doit.dependency import JsonDB, get_file_md5
from doit.doit_cmd import DoitMain
from doit.exceptions import BaseFail, TaskFailed
from doit.globals import Globals
from doit.reporter import ConsoleReporter
from doit.task import Task, dict_to_task
from doit.tools import config_changed

from transfer.step import Step


def run_steps(steps: Sequence[Step], runs: Path, jobs: int = 1) -> bool:
    """
    Runs what is not up to date, each step after those that it needs, `jobs` at once. Logs lie in `runs / "logs"`.

    # Returns

    `bool`
        Whether all went well. After a failure nothing more is begun.

    # Raises

    `BlockingIOError`
        Where steps of this folder are being run already.
    """
    (runs / "logs").mkdir(parents=True, exist_ok=True)
    arguments = ["run", "-n", str(jobs), "-P", "thread"] if jobs > 1 else ["run"]
    with (runs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        loader = _Loader(steps, runs, lock.fileno())
        backends = {"BACKEND": {"whole_json": "transfer.running:WholeJson"}}
        return DoitMain(loader, config_filenames=(), extra_config=backends).run(arguments) == 0


class WholeJson(JsonDB):
    """The file in which doit notes what is done, written so that a kill leaves the old one or the new one."""

    def dump(self) -> None:
        new = Path(self.name).with_suffix(".new")
        new.write_text(self.codec.encode(self._db), encoding="utf-8")
        new.replace(self.name)


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
            "uptodate": [config_changed(step.settings)],
            "io": {"capture": False},
        }


class _Reporter(ConsoleReporter):
    """A line for each step that is skipped, begun or done; what is done is noted at once, lest all be killed later."""

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        super().initialize(tasks, selected_tasks)
        self._begun: Dict[str, float] = {}

    def execute_task(self, task: Task) -> None:
        self._begun[task.name] = time.monotonic()
        self._line(f"{task.name}: begun")

    def add_success(self, task: Task) -> None:
        Globals.dep_manager.backend.dump()
        self._line(f"{task.name}: done in {time.monotonic() - self._begun[task.name]:.0f} s")

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        self._line(f"{task.name}: failed\n{fail.get_msg()}")

    def skip_uptodate(self, task: Task) -> None:
        self._line(f"{task.name}: up to date")

    def _line(self, text: str) -> None:
        _say(text)


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")  # in one piece: steps that run at once speak at once
    sys.stdout.flush()


def _run(step: Step, logs: Path, lock: int) -> Optional[TaskFailed]:
    """
    Runs a command. A training that was broken off is taken up again if what it was begun with, contents of files included, is
    what it would begin with now.

    The command holds the lock, too: while it outlives us, nobody else works in the folder.
    """
    log = logs / f"{step.name}.log"
    begun = logs / f"{step.name}.begun"
    for path in step.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    command = list(step.command)
    if step.is_training:
        folder = step.outputs[0].parent
        device = step.variables.get("DEVICE", "-1")
        digest = _digest(step)
        before = begun.read_text().split() if begun.exists() else []
        goes_on = (folder / "config.json").exists() and before[:1] == [digest]
        if goes_on and before[1:] != [device]:
            return TaskFailed(
                f"It was broken off on device {' '.join(before[1:])}, and AllenNLP goes on with a training on the same device "
                f"alone. Give --device {' '.join(before[1:])}, or remove {folder}, and it begins anew."
            )
        if not goes_on and any(folder.glob("*.th")):
            _say(f"{step.name}: what it depends on has changed, and its earlier training is replaced")
        command.append("--recover" if goes_on else "--force")
        begun.write_text(f"{digest} {device}")
    with log.open("ab") as stream:
        environment = {**os.environ, **step.variables}
        done = subprocess.run(command, env=environment, stdout=stream, stderr=stream, pass_fds=[lock])
    if done.returncode != 0:
        return TaskFailed(f"It ended with {done.returncode}. What it said is in {log}; the last lines:\n{_tail(log)}")
    begun.unlink(missing_ok=True)
    return None


def _digest(step: Step) -> str:
    files = [[str(path), get_file_md5(path)] for path in step.inputs]
    variables = {name: value for name, value in step.variables.items() if name != "DEVICE"}
    told = [step.command, variables, step.settings, files]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _tail(log: Path, num_lines: int = 5) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-num_lines:])
