"""Makes a table: runs its steps, and reports the scores."""

import dataclasses
from pathlib import Path

from lowresource_ner.configs import config_path
from lowresource_ner.experiments.report.scores import collect
from lowresource_ner.experiments.report.writing import write_report
from lowresource_ner.experiments.running import run_steps
from lowresource_ner.experiments.tables.plan import TablePlan
from lowresource_ner.experiments.tables.table import Table


def make_table(table: Table, runs: Path, jobs: int = 1, device: int = -1) -> bool:
    """
    Trains and evaluates what is not up to date, prints the table, and writes the report to `runs`; see `write_report`.

    # Parameters

    table : `Table`
    runs : `Path`
        Where all goes: a folder for each training, SYSTEM-CORPUS-SEED, the predictions, the logs, and the report.
    jobs : `int`, optional (default = `1`)
        The number of steps that are run at once.
    device : `int`, optional (default = `-1`)
        The number of a GPU, or -1 for the CPU.

    # Returns

    `bool`
        False where a step failed. What is printed says why.

    # Raises

    `ValueError`
        As in `TablePlan` and `run_steps`.
    `OSError`
        Where a file cannot be written.
    """
    plan = TablePlan(table, runs, device)
    if not run_steps(plan.steps, runs, jobs):
        return False
    sections = collect(plan.results, table.baseline)
    told = write_report(sections, runs / "table", "", dataclasses.asdict(table))
    print(
        f"\n{told}\n{runs / 'table'}.md, .csv, .tex and .json, table-epochs and table-types .pdf and .png hold the report."
    )
    return True


def described(plan: TablePlan) -> str:
    """The steps, and what chooses each checkpoint, without running anything."""
    steps = [f"{step.name}: {'train' if step.is_training else 'tag'}" for step in plan.steps]
    choices = {(result.corpus, result.system): result.chosen_by for result in plan.results}
    chosen = [f"{system} on {corpus}: checkpoint chosen by {by}" for (corpus, system), by in choices.items()]
    return "\n".join([*steps, "", *chosen])


def table_path(name: str) -> Path:
    """A file, or a table that comes with the package: "tables/cross_domain"."""
    if Path(name).is_file() or Path(name).suffix:
        return Path(name)
    return config_path(name)
