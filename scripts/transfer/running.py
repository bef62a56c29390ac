"""Steps as tasks of doit, which skips those whose inputs and settings have not changed."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from doit.cmd_base import TaskLoader2
from doit.dependency import JsonDB, get_file_md5
from doit.doit_cmd import DoitMain
from doit.exceptions import TaskFailed
from doit.globals import Globals
from doit.reporter import ConsoleReporter
from doit.task import Task, dict_to_task
from doit.tools import config_changed

from transfer.step import Step


def run_steps(steps: List[Step], runs: Path, jobs: int = 1) -> bool:
    """
    Runs what is not up to date, in order of need, `jobs` at once.

    # Returns

    `bool`
        Whether all went well. After a failure nothing new is begun.
    """
    runs.mkdir(parents=True, exist_ok=True)
    arguments = ["run"] if jobs == 1 else ["run", "-n", str(jobs), "-P", "thread"]
    backends = {"BACKEND": {"whole_json": "transfer.running:WholeJson"}}
    return DoitMain(_Loader(steps, runs), config_filenames=(), extra_config=backends).run(arguments) == 0


class WholeJson(JsonDB):
    """doit's JSON file, in which it notes what is done, written so that a kill leaves the old or the new one."""

    def dump(self) -> None:
        new = Path(self.name).with_suffix(".new")
        new.write_text(self.codec.encode(self._db), encoding="utf-8")
        new.replace(self.name)


class _Loader(TaskLoader2):
    def __init__(self, steps: List[Step], runs: Path) -> None:
        super().__init__()
        self._steps = steps
        self._runs = runs

    def setup(self, opt_values: Dict[str, Any]) -> None:
        pass

    def load_doit_config(self) -> Dict[str, Any]:
        return {
            "dep_file": str(self._runs / "steps.json"),
            "backend": "whole_json",
            "reporter": _Reporter,
            "verbosity": 2,
        }

    def load_tasks(self, cmd: Any, pos_args: Any) -> List[Task]:
        return [dict_to_task(_task(step, self._runs)) for step in self._steps]


def _task(step: Step, runs: Path) -> Dict[str, Any]:
    return {
        "name": step.name,
        "actions": [(_run, [step, runs])],
        "file_dep": [str(path) for path in step.inputs],
        "targets": [str(path) for path in step.outputs],
        "task_dep": step.after,
        "uptodate": [config_changed(step.settings)],
    }


class _Reporter(ConsoleReporter):
    """A line for each step that is skipped, begun, or done; what is done is written down at once, should the run be killed."""

    def initialize(self, tasks: Any, selected_tasks: Any) -> None:
        super().initialize(tasks, selected_tasks)
        self._began: Dict[str, float] = {}

    def execute_task(self, task: Task) -> None:
        self._began[task.name] = time.monotonic()
        self._line(f"{task.name}: begun")

    def add_success(self, task: Task) -> None:
        Globals.dep_manager.backend.dump()
        self._line(f"{task.name}: done in {time.monotonic() - self._began[task.name]:.0f} s")

    def skip_uptodate(self, task: Task) -> None:
        self._line(f"{task.name}: up to date")

    def _line(self, text: str) -> None:
        self.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self.outstream.flush()


def _run(step: Step, runs: Path) -> Optional[TaskFailed]:
    """
    Runs a step's command. A training that was broken off is taken up where it was, if what it was begun with, contents of files
    included, is what it would begin with now.
    """
    log = runs / "logs" / f"{step.name}.log"
    begun = runs / "logs" / f"{step.name}.begun"
    for path in (log, *step.outputs):
        path.parent.mkdir(parents=True, exist_ok=True)
    command = list(step.command)
    if step.is_training:
        digest = _digest(step)
        taken_up = begun.exists() and begun.read_text() == digest and (step.outputs[0].parent / "config.json").exists()
        command.append("--recover" if taken_up else "--force")
        begun.write_text(digest)
    with log.open("ab") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "allennlp", *command],
            env={**os.environ, **step.variables},
            stdout=stream,
            stderr=stream,
        )
    if done.returncode != 0:
        return TaskFailed(f"`allennlp {step.command[0]}` failed with {done.returncode}; see {log}.")
    begun.unlink(missing_ok=True)
    return None


def _digest(step: Step) -> str:
    files: List[Tuple[str, str]] = [(str(path), get_file_md5(path)) for path in step.inputs]
    return hashlib.sha256(json.dumps([step.settings, files], sort_keys=True).encode()).hexdigest()
