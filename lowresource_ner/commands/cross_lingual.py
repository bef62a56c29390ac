"""
From labelled text of one or more languages to taggers of another, and a table of how good they are:

    NER_DATA=fixtures/corpora python scripts/cross_lingual.py --source en --target es

`make cross-lingual SOURCE=en TARGET=es ARGS="..."` is the same. Teachers are trained on the sources, and students on unlabelled
text of the target: raw.txt, or else the words of train.conll. All is evaluated on the target's test file at the end,
where there is one; nothing is selected by it. Each step is an `allennlp` command with a log in RUNS/logs. It is skipped where its
inputs and settings have not changed, and a training that was broken off is taken up again.

systems of each source:
  mt             direct model transfer: the teacher on the target
  hl             a student of the teacher's best tags
  ts             a student of the teacher's probabilities
  adversarial    direct transfer of a tagger that was trained against a language discriminator
  selected       AdvPicker: its student, on the text whose language the discriminator can tell least
  ts-selected    ts on the text that the discriminator selects
systems of several sources:
  voting         the teachers' mean, without a student
  uniform        a student of all teachers, weighted alike
  learned, cosine, l1, l2                 weighted by how near the languages are
  learned-sentence, cosine-sentence, ...  anew for each sentence
"""

import argparse
import json
import os
import sys
from pathlib import Path

from lowresource_ner.cross_lingual.plan import Plan
from lowresource_ner.cross_lingual.request import Request
from lowresource_ner.cross_lingual.running import run_steps
from lowresource_ner.cross_lingual.systems import default_systems
from lowresource_ner.cross_lingual.table import as_json, as_markdown, as_places, collect
from lowresource_ner.cross_lingual.writing import written


def main() -> None:
    args = vars(parse())
    jobs = args.pop("jobs")
    request = Request(**args | {"systems": args["systems"] or default_systems(len(args["sources"]))})
    try:
        plan = Plan(request)
        if not run_steps(plan.steps, request.runs, jobs):
            sys.exit(1)
        if request.is_scored:
            tell_scores(request, plan)
    except BlockingIOError:
        sys.exit(
            f"Steps are being run in {request.runs}, or one goes on whose caller was killed. Wait, or give other --runs."
        )
    except OSError as error:
        sys.exit(f"{error}. If the disk is full, free space; the same command goes on from here.")
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nBroken off. The same command goes on from here.", file=sys.stderr)
        sys.exit(130)
    if not request.is_scored:
        print(f"\nThere is no {request.scored_text}, and nothing was evaluated.")
    print(
        f"\nThe taggers:\n{as_places(plan.results)}\nFor entities of a text with a sentence a line: allennlp tag TAGGER TEXT "
        "--input-format text --output-file entities.jsonl"
    )


def tell_scores(request: Request, plan: Plan) -> None:
    found = collect(plan.results)
    table = as_markdown(request, found)
    name = f"results-{'+'.join(request.sources)}-{request.target}-{request.split}".replace("/", "_")
    text = json.dumps(as_json(request, found), indent=2, ensure_ascii=False) + "\n"
    for suffix, content in (("md", table), ("json", text)):
        with written(request.runs / f"{name}.{suffix}") as new:
            new.write_text(content, encoding="utf-8")
    print(f"\n{table}\n{request.runs / name}.json has the scores of each seed and entity type.")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("NER_DATA")
    encoder = os.environ.get("ENCODER") or "multilingual-mini"
    encoder_size = os.environ.get("ENCODER_SIZE") or "auto"
    device = int(os.environ.get("DEVICE") or -1)
    parser.add_argument(
        "--data", type=Path, default=data, required=not data, help="the folder of the corpora (NER_DATA)"
    )
    parser.add_argument(
        "--source",
        dest="sources",
        nargs="+",
        required=True,
        metavar="CORPUS",
        help="labelled languages, folders of --data",
    )
    parser.add_argument("--target", required=True, metavar="CORPUS", help="the language to tag, a folder of --data")
    parser.add_argument("--systems", nargs="+", metavar="SYSTEM", help="see above; of one source: mt hl ts selected")
    parser.add_argument(
        "--encoder", default=encoder, help="a name, folder or archive (ENCODER, else multilingual-mini)"
    )
    parser.add_argument(
        "--encoder-size",
        choices=["small", "large", "auto"],
        default=encoder_size,
        help="which settings suit the encoder; auto: small for multilingual-mini alone (ENCODER_SIZE, else auto)",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15], metavar="SEED", help="(13 14 15)")
    parser.add_argument(
        "--rounds", type=int, default=1, help="a student of ts teaches the next one, ts-2 (%(default)s)"
    )
    parser.add_argument("--split", choices=["dev", "test"], default="test", help="of the target (%(default)s)")
    parser.add_argument(
        "--label-map", type=json.loads, default={}, metavar="JSON", help='types renamed or dropped: \'{"MISC": "O"}\''
    )
    parser.add_argument(
        "--overrides", type=json.loads, default={}, metavar="JSON", help="of the training of every teacher and student"
    )
    parser.add_argument(
        "--config-overrides",
        type=json.loads,
        default={},
        metavar="JSON",
        help='besides these, by the name of a config: \'{"similarity": {"trainer.num_epochs": 5}}\'',
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/cross_lingual"), help="where all goes (%(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="steps at once; give each its share of the threads (%(default)s)"
    )
    parser.add_argument(
        "--device", type=int, default=device, help="-1 for the CPU, or the number of a GPU (DEVICE, else -1)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
