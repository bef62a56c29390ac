"""Runs the steps of a request, and writes the table of its systems' scores."""

import json

from lowresource_ner.cross_lingual.plan import Plan
from lowresource_ner.cross_lingual.request import Request
from lowresource_ner.cross_lingual.running import run_steps
from lowresource_ner.cross_lingual.table import as_json, as_markdown, as_places, collect
from lowresource_ner.cross_lingual.writing import written


def compare_systems(request: Request, jobs: int = 1) -> bool:
    """
    Trains and evaluates the systems of a request that are not up to date, and prints a table of their scores and the paths of the
    taggers. The table is also written to `request.runs`, with the scores of each seed and entity type as JSON.

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
    if request.is_scored:
        _show_scores(request, plan)
    else:
        print(f"\nThere is no {request.scored_text}, so nothing was evaluated.")
    print(
        f"\nThe taggers:\n{as_places(plan.results)}\nFor entities of a text with a sentence a line: allennlp tag TAGGER TEXT "
        "--input-format text --output-file entities.jsonl"
    )
    return True


def _show_scores(request: Request, plan: Plan) -> None:
    found = collect(plan.results)
    table = as_markdown(request, found)
    scores = json.dumps(as_json(request, found), indent=2, ensure_ascii=False) + "\n"
    name = f"results-{'+'.join(request.sources)}-{request.target}-{request.split}".replace("/", "_")
    for suffix, content in (("md", table), ("json", scores)):
        with written(request.runs / f"{name}.{suffix}") as new:
            new.write_text(content, encoding="utf-8")
    print(f"\n{table}\n{request.runs / name}.json has the scores of each seed and entity type.")
