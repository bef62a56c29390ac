"""Runs that are broken off, resumed, and compared with one that was not."""

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List

from fuzz.broken_runs import TEACHER, differences, kinds
from fuzz.chosen_faults import candidates
from fuzz.file_events import Event, Fault, environment, read, unseen
from fuzz.outcomes import Outcome, Trial
from fuzz.python_runs import run


class Harness:
    """
    Runs all kinds of run, whole and broken off. Pickled for other processes once `unbroken` has been asked for.

    # Parameters

    scratch : `Path`
        A folder for all runs; links in its path are resolved.
    is_kept : `bool`
        Whether the folders of trials are left there.
    """

    def __init__(self, scratch: Path, is_kept: bool) -> None:
        self._scratch = scratch
        self._is_kept = is_kept
        self._unbroken: Dict[str, Dict[str, str]] = {}
        teacher = scratch / "teacher of students"
        status = run(TEACHER.command(teacher), TEACHER.environment, scratch / "teacher.txt", is_own_process=False)
        if status:
            sys.exit(f"The students' teacher could not be trained.\n{_tail(scratch / 'teacher.txt', 20)}")
        self.kinds = {kind.name: kind for kind in kinds(teacher / "model.tar.gz")}

    def unbroken(self, name: str) -> List[Event]:
        """Runs a kind without fault, as a process of its own and forked, and gives the events of the latter."""
        kind = self.kinds[name]
        results = []
        for is_own_process in (True, False):
            folder = self._folder(f"{name}-unbroken")
            root, log = folder / "run", folder / "events"
            begin = time.monotonic()
            variables = kind.environment | environment(root, log)
            status = run(kind.command(root), variables, folder / "output", is_own_process)
            seconds = time.monotonic() - begin
            if status:
                sys.exit(f"{name} ends with {status} without any fault.\n{_tail(folder / 'output', 20)}")
            results.append(kind.result(root))
            events = read(log)
        if unlike := differences(*results):
            sys.exit(f"{name} gives something else as a process of its own: {'; '.join(unlike)}")
        self._unbroken[name] = results[-1]
        sorts = candidates(events, kind.phases(events), is_full=False)
        missed = [f"not all bytes seen of {file}" for file in unseen(root, events)]
        told = [f"{seconds:.0f} s", f"{len(events)} events", f"{len(sorts)} sorts of kills", *missed]
        print(f"{name}: {', '.join(told)}", flush=True)
        return events

    def try_out(self, trial: Trial) -> Outcome:
        """Breaks a run off, resumes it, and compares."""
        kind, fault = self.kinds[trial.kind], trial.fault
        folder = self._folder(f"{trial.kind}-{fault.what}-{fault.event}")
        root, log = folder / "run", folder / "events"
        variables = kind.environment | environment(root, log, fault)
        status = run(kind.command(root), variables, folder / "broken", trial.is_own_process)
        events = read(log)
        if len(events) < fault.event and status == 0:  # a log or an archive was written in fewer pieces this time
            return self.try_out(trial._replace(fault=Fault(fault.what, len(events))))
        if len(events) < fault.event:
            failures = [f"it ended by itself, with {status}, at event {len(events)}"]
        elif status:
            failures = self._resumed(trial, folder)
        elif fault.what == "full":
            failures = self._unlike_unbroken(trial.kind, root)
        else:
            failures = ["it was to be killed, and ended well"]
        at = events[min(fault.event, len(events)) - 1].words if events else "the start"
        outcome = Outcome(trial, at, failures, _last_words(folder / "broken"))
        if not self._is_kept:
            shutil.rmtree(folder)
        return outcome

    def _folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._scratch))

    def _resumed(self, trial: Trial, folder: Path) -> List[str]:
        kind, root = self.kinds[trial.kind], folder / "run"
        status = run(kind.resuming(root), kind.environment, folder / "resumed", trial.is_own_process)
        if status:
            return [f"resumed, it ends with {status}: {_tail(folder / 'resumed')}"]
        return self._unlike_unbroken(trial.kind, root)

    def _unlike_unbroken(self, name: str, root: Path) -> List[str]:
        try:
            return differences(self.kinds[name].result(root), self._unbroken[name])
        except Exception as error:
            return [f"has no result that can be read: {error!r}"]


def _last_words(output: Path) -> str:
    """The last line, and whether a user has to find it under a traceback."""
    has_traceback = output.exists() and b"Traceback (most recent call last)" in output.read_bytes()
    return f"{'[traceback] ' if has_traceback else ''}{_tail(output)}"


def _tail(path: Path, num_lines: int = 1) -> str:
    """The last lines, without progress bars, which stand before what is said next."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = re.sub(r" *\d+%\|.*?\| \d+/\d+ \[[^\]\n]*\]", "", text).splitlines()
    return "\n".join([line for line in lines if line.strip()][-num_lines:])
