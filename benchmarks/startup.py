"""
Processor seconds from a command's start to its end, where it does nothing but start.

    python benchmarks/startup.py --repeats 5

`allennlp` and `lowresource-ner`, by `--help`, beside the bare imports of torch, of transformers' models and of AllenNLP. Each is
run in turn; the table has the medians, with the least and the most, of user and system time together, which other work on the
machine changes less than the time on the clock. With `--archive` and `--data`, `evaluate` is timed as well.
"""

import argparse
import os
import statistics
import subprocess
import sys
from typing import Dict, List

from common import REPOSITORY, in_turn


def processor_seconds(arguments: List[str]) -> float:
    """Of Python with these arguments, its own processes included."""
    before = os.times()
    done = subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True)
    after = os.times()
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} fails:\n{done.stderr[-2000:]}")
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each, besides a first one (%(default)s)")
    parser.add_argument("--archive", help="a tagger that is evaluated by both commands")
    parser.add_argument("--data", help="the file that it is evaluated on")
    args = parser.parse_args()
    if bool(args.archive) != bool(args.data):
        parser.error("--archive and --data belong together")
    allennlp, ours = ["-m", "allennlp"], ["-m", "lowresource_ner_command"]
    commands: Dict[str, List[str]] = {
        "import torch": ["-c", "import torch"],
        "import torch and transformers' BERT": ["-c", "import torch; from transformers import BertModel"],
        "import allennlp.commands": ["-c", "import allennlp.commands"],
        "import allennlp.commands, lowresource_ner": ["-c", "import allennlp.commands, lowresource_ner"],
        "allennlp --help": [*allennlp, "--help"],
        "lowresource-ner --help": [*ours, "--help"],
    }
    if args.archive:
        evaluate = ["evaluate", args.archive, args.data, "--output-file", os.devnull]
        commands |= {"allennlp evaluate": [*allennlp, *evaluate], "lowresource-ner evaluate": [*ours, *evaluate]}
    runs = {name: lambda arguments=arguments: processor_seconds(arguments) for name, arguments in commands.items()}
    print(f"{'':<42} {'median':>7} {'least':>7} {'most':>7}  (s)")
    for name, seconds in in_turn(args.repeats, **runs).items():
        print(f"{name:<42} {statistics.median(seconds):>7.2f} {min(seconds):>7.2f} {max(seconds):>7.2f}")


if __name__ == "__main__":
    main()
