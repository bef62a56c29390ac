"""
Zero-shot transfer: taggers trained on a labelled language, evaluated on other languages, over several seeds.

    NER_DATA=corpora python benchmarks/zero_shot.py --runs runs/zero_shot --sources conll2003 wikiann_en \\
        --targets wikiann_de wikiann_nl conll2002_es --encoders multilingual-mini random --seeds 13 14 15 --split dev

Every number is made by `allennlp train training_configs/cross_lingual/teacher.jsonnet` and `allennlp evaluate`; "random" is the
first encoder with random weights in the same shape. MISC becomes O wherever one of the two corpora has no such type
(--without-misc names them). What is done already is not done again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List

CONFIG = "training_configs/cross_lingual/teacher.jsonnet"
RANDOM = "random"
EMBEDDER = "model.text_field_embedder.token_embedders.encoder"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--sources", nargs="+", required=True, help="folders below NER_DATA")
    parser.add_argument("--targets", nargs="+", required=True, help="folders below NER_DATA")
    parser.add_argument("--encoders", nargs="+", default=["multilingual-mini", RANDOM])
    parser.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15])
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--without-misc", nargs="*", default=["wikiann_en", "wikiann_de", "wikiann_nl"])
    parser.add_argument("--overrides", type=json.loads, default={}, help="of the training, as JSON")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    args = parser.parse_args()
    if args.encoders[0] == RANDOM:
        parser.error("the first of --encoders gives 'random' its shape")

    keys = [(s, e, seed) for seed in args.seeds for e in args.encoders for s in args.sources]
    with ThreadPoolExecutor(args.jobs) as pool:
        results = dict(zip(keys, pool.map(lambda key: one_run(args, *key), keys)))
    corpora = ["source", *args.targets]
    print(f"Entity F1 on {args.split}, mean and standard deviation of seeds {args.seeds}\n")
    print("| source | encoder | " + " | ".join(corpora) + " |")
    print("|---" * (len(corpora) + 2) + "|")
    for source in args.sources:
        for encoder in args.encoders:
            scores = [results[source, encoder, seed] for seed in args.seeds]
            cells = [cell([score[corpus] for score in scores]) for corpus in corpora]
            print(f"| {source} | {encoder} | " + " | ".join(cells) + " |")


def one_run(args: argparse.Namespace, source: str, encoder: str, seed: int) -> Dict[str, float]:
    """Trains without MISC if any target asks for that; a second tagger, with MISC, serves the other targets."""
    folder = args.runs / f"{source}-{encoder.replace('/', '_')}-{seed}"
    scores = {}
    for without_misc in sorted({bare(args, source, target) for target in args.targets}):
        label_map = {"MISC": "O"} if without_misc else {}
        run = folder.with_name(folder.name + ("-without_misc" if without_misc else ""))
        train(args, run, source, encoder, seed, label_map)
        targets = [target for target in args.targets if bare(args, source, target) == without_misc]
        found = evaluate(args, run, [source, *targets], label_map)
        scores.update({"source" if corpus == source else corpus: f1 for corpus, f1 in found.items()})
    return scores


def bare(args: argparse.Namespace, source: str, target: str) -> bool:
    return source in args.without_misc or target in args.without_misc


def train(args: argparse.Namespace, run: Path, source: str, encoder: str, seed: int, label_map: Dict[str, str]) -> None:
    if (run / "model.tar.gz").exists():
        return
    overrides = {
        "dataset_reader.label_map": label_map,
        "validation_dataset_reader.label_map": label_map,
        **args.overrides,
    }
    if encoder == RANDOM:
        overrides[f"{EMBEDDER}.load_weights"] = False
    variables = {
        "SOURCE": source,
        "ENCODER": args.encoders[0] if encoder == RANDOM else encoder,
        "ENCODER_SIZE": os.environ.get("ENCODER_SIZE", "auto"),
        "SEED": str(seed),
        "DEVICE": os.environ.get("DEVICE", "-1"),
    }
    command(["train", CONFIG, "-s", str(run), "-f", "-o", json.dumps(overrides)], run.with_suffix(".log"), variables)


def evaluate(args: argparse.Namespace, run: Path, corpora: List[str], label_map: Dict[str, str]) -> Dict[str, float]:
    outputs = {corpus: run / f"{corpus}-{args.split}.json" for corpus in corpora}
    missing = [corpus for corpus in corpora if not outputs[corpus].exists()]
    if missing:
        files = ",".join(f"{os.environ['NER_DATA']}/{corpus}/{args.split}.conll" for corpus in missing)
        overrides = {"validation_dataset_reader.label_map": label_map, "validation_dataset_reader.repair": True}
        arguments = ["evaluate", str(run / "model.tar.gz"), files, "-o", json.dumps(overrides)]
        arguments += ["--output-file", ",".join(str(outputs[corpus]) for corpus in missing)]
        command(arguments, run.with_suffix(".log"), {})
    return {corpus: 100 * json.loads(output.read_text())["f1"] for corpus, output in outputs.items()}


def command(arguments: List[str], log: Path, variables: Dict[str, str]) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "allennlp", *arguments],
            env={**os.environ, **variables},
            stdout=stream,
            stderr=stream,
        )
    if done.returncode != 0:
        raise RuntimeError(f"`allennlp {' '.join(arguments)}` failed; see {log}.")


def cell(scores: List[float]) -> str:
    if len(scores) == 1:
        return f"{scores[0]:.1f}"
    return f"{statistics.mean(scores):.1f} ± {statistics.stdev(scores):.1f}"


if __name__ == "__main__":
    main()
