"""Runs the steps of a request, and reports its systems' scores."""

from typing import Sequence

from lowresource_ner.experiments.cross_lingual.plan import Plan
from lowresource_ner.experiments.cross_lingual.request import Request
from lowresource_ner.experiments.cross_lingual.source_choice import source_choice, write_source_choice
from lowresource_ner.experiments.report.scores import collect
from lowresource_ner.experiments.report.writing import write_report
from lowresource_ner.experiments.result import Result
from lowresource_ner.experiments.running import run_steps


def compare_systems(request: Request, jobs: int = 1) -> bool:
    """
    Trains and evaluates the systems of a request that are not up to date, prints a table of their scores and the paths of the
    taggers, and writes the report to `request.runs`; see `write_report`.

    # Parameters

    request : `Request`
    jobs : `int`, optional (default = `1`)
        The number of steps to run at once.

    # Returns

    `bool`
        False if a step failed; the reason is printed.

    # Raises

    `ValueError`
        As in `Request.check`, `Plan` and `run_steps`.
    `OSError`
        If a file cannot be written.
    """
    plan = Plan(request)
    if not run_steps(plan.steps, request.runs, jobs):
        return False
    sections = collect(plan.results)
    name = f"results-{'+'.join(request.sources)}-{request.target}-{request.split}".replace("/", "_")
    stem = request.runs / name
    if request.is_scored:
        table = write_report(sections, stem, f"Encoder {request.encoder}.", request.settings)
        print(f"\n{table}\n{stem}.json has the scores of each seed; .csv, .tex, and figures lie beside it.")
    else:
        print(f"\nThere is no {request.scored_text}, so nothing was evaluated.")
    if plan.rankings:
        choice = source_choice(plan.rankings, sections, request.systems_of_one_source, request.sources)
        print(f"\n{write_source_choice(choice, stem)}\n\n{stem}-sources.json has the same numbers.")
    print(
        f"\nThe taggers:\n{tagger_paths(plan.results)}\nFor entities of a text with a sentence a line: allennlp tag TAGGER TEXT "
        "--input-format text --output-file entities.jsonl"
    )
    return True


def tagger_paths(results: Sequence[Result]) -> str:
    """Lists the paths of the taggers."""
    return "\n".join(f"- {result.system}, seed {result.seed}: {result.archive}" for result in results)
