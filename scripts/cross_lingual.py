"""
From labelled text of one or more languages to taggers of another, and a table of how well they do:

    NER_DATA=fixtures/corpora python scripts/cross_lingual.py --source en --target es

`make cross-lingual SOURCE=en TARGET=es` is the same. Teachers are trained on the sources, students on unlabelled text of the
target; everything is evaluated once, on the target's test file, and nothing is selected by it. Each step is an `allennlp` command,
whose log lies in RUNS/logs, and is skipped where its inputs and settings have not changed; what was broken off is taken up again.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from transfer.plan import SYSTEMS, Plan, Request
from transfer.running import run_steps
from transfer.table import as_json, as_markdown, collect


def main() -> None:
    args = parse()
    jobs = args.__dict__.pop("jobs")
    request = Request(**vars(args))
    try:
        plan = Plan(request)
    except ValueError as error:
        sys.exit(f"{error}")
    if not run_steps(plan.steps, request.runs, jobs):
        sys.exit(1)
    scores = collect(plan.results)
    table = as_markdown(request, scores)
    name = f"results-{'+'.join(request.sources)}-{request.target}-{request.split}".replace("/", "_")
    (request.runs / f"{name}.md").write_text(table, encoding="utf-8")
    found = json.dumps(as_json(request, scores), indent=2, ensure_ascii=False)
    (request.runs / f"{name}.json").write_text(found + "\n", encoding="utf-8")
    print(f"\n{table}\nBy seed and by type: {request.runs / name}.json")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("NER_DATA") or None
    parser.add_argument(
        "--data", type=Path, default=data, required=data is None, help="the folder of the corpora (NER_DATA)"
    )
    parser.add_argument(
        "--source",
        dest="sources",
        nargs="+",
        required=True,
        metavar="CORPUS",
        help="labelled languages: folders of --data",
    )
    parser.add_argument("--target", required=True, metavar="CORPUS", help="the language to tag: a folder of --data")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/cross_lingual"), help="where everything goes (%(default)s)"
    )
    parser.add_argument("--encoder", default="multilingual-mini", help="a name, folder or archive (%(default)s)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15])
    parser.add_argument("--systems", nargs="+", default=["mt", "hl", "ts"], help=f"of {', '.join(SYSTEMS)}")
    parser.add_argument("--split", choices=["dev", "test"], default="test", help="what is evaluated on (%(default)s)")
    parser.add_argument(
        "--label-map",
        type=json.loads,
        default={},
        metavar="JSON",
        help='entity types renamed or dropped: \'{"MISC": "O"}\'',
    )
    parser.add_argument(
        "--rounds", type=int, default=1, help="a ts student becomes the next one's teacher (%(default)s)"
    )
    parser.add_argument("--overrides", type=json.loads, default={}, metavar="JSON", help="of every training")
    parser.add_argument("--jobs", type=int, default=1, help="steps at once (%(default)s)")
    parser.add_argument("--device", type=int, default=-1, help="-1 for the CPU, or the number of a GPU (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
