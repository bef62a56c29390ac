"""Runs the steps of a table, and reports the scores."""

import dataclasses
from pathlib import Path

from lowresource_ner.configs import config_path
from lowresource_ner.experiments.report.scores import collect
from lowresource_ner.experiments.report.writing import write_report
from lowresource_ner.experiments.running import run_steps
from lowresource_ner.experiments.step import Step
from lowresource_ner.experiments.tables.plan import TablePlan
from lowresource_ner.experiments.tables.table import Table


def make_table(table: Table, runs: Path, jobs: int = 1, device: int = -1) -> bool:
    """
    Trains and evaluates the systems that are not up to date, prints the table, and writes the report to `runs`; see
    `write_report`.

    # Parameters

    table : `Table`
    runs : `Path`
        The folder of all outputs: trainings (SYSTEM-CORPUS-SEED), predictions, logs, and the report.
    jobs : `int`, optional (default = `1`)
        The number of steps to run at once.
    device : `int`, optional (default = `-1`)
        The number of a GPU, or -1 for the CPU.

    # Returns

    `bool`
        False if a step failed; the reason is printed.

    # Raises

    `ValueError`
        As in `TablePlan` and `run_steps`.
    `OSError`
        If a file cannot be written.
    """
    plan = TablePlan(table, runs, device)
    if not run_steps(plan.steps, runs, jobs):
        return False
    stem = runs / "table"
    report = write_report(collect(plan.results, table.baseline), stem, "", dataclasses.asdict(table))
    print(f"\n{report}\n{stem}.json has the scores of each seed; .md, .csv, .tex, and figures lie beside it.")
    return True


def described(plan: TablePlan) -> str:
    """Lists the steps, and what each checkpoint is selected by."""
    steps = [f"{step.name}: {_kind(step)}" for step in plan.steps]
    choices = {(result.corpus, result.system): result.chosen_by for result in plan.results}
    selections = [f"{system} on {corpus}: checkpoint selected by {by}" for (corpus, system), by in choices.items()]
    return "\n".join([*steps, "", *selections])


def _kind(step: Step) -> str:
    if step.is_training:
        return "train"
    return "pretrain" if step.resumes_itself else "tag"


def table_path(name: str) -> Path:
    """Returns the path of a table: a file, or the name of one that comes with the package, such as "tables/cross_domain"."""
    if Path(name).is_file() or Path(name).suffix:
        return Path(name)
    return config_path(name)
