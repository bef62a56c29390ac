"""
What this package is for, on what the repository ships, in six minutes on two cores: a tagger for languages without labels.

    python scripts/demo.py [--runs runs/demo]

A teacher is trained on English, students of it on raw text in Spanish, German and Swahili, and all are compared. Each step is an
`allennlp` command, which is shown. They are run in one process, because each would need nine seconds to start.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional

from demonstration.commands import Commands
from demonstration.screen import columns, highlighted, shows_colour

REPOSITORY = Path(__file__).resolve().parent.parent
CORPORA = Path("fixtures/corpora")
CONFIGS = Path("training_configs/cross_lingual")
LANGUAGES = {"es": "Spanish", "de": "German", "sw": "Swahili"}
SHOWN_SENTENCES = 4

Scores = Dict[str, Dict[str, float]]


def main(arguments: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/demo"), help="where results go (%(default)s)")
    parser.add_argument("--encoder", default="multilingual-mini", help="a name, folder or archive (%(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="of every training (%(default)s)")
    args = parser.parse_args(arguments)

    started = time.monotonic()
    os.chdir(REPOSITORY)
    clear(args.runs)
    with (args.runs / "demo.log").open("w", encoding="utf-8") as log:
        commands = Commands(log)
        prepare(args, commands)
        teacher = teach(args, commands)
        of_teacher = evaluate(args, commands, "mt", teacher, ["en", *LANGUAGES])
        of_students: Scores = {}
        for language in LANGUAGES:
            student = learn(args, commands, language, teacher)
            of_students |= evaluate(args, commands, "ts", student, [language])
            tag(args, commands, student, language)
    show_scores(of_teacher, of_students)
    for language in LANGUAGES:
        show_entities(args.runs, language)
    show_what_next(args, time.monotonic() - started)


def clear(runs: Path) -> None:
    """Makes a folder without files for the results, in place of that of an earlier demonstration and of nothing else."""
    marker = runs / ".demo"
    if runs.exists() and any(runs.iterdir()) and not marker.exists():
        sys.exit(f"{runs} holds something other than an earlier demonstration. Name another folder with --runs.")
    runs.mkdir(parents=True, exist_ok=True)
    marker.touch()  # it stays: what a kill leaves of this must be known as a demonstration, too
    for path in runs.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != marker:
            path.unlink()


# The steps


def prepare(args: argparse.Namespace, commands: Commands) -> None:
    """Sets what `source training_configs/defaults.sh` would set, and starts AllenNLP."""
    settings = {
        "NER_DATA": str(CORPORA),
        "ENCODER": args.encoder,
        "ENCODER_SIZE": "auto",
        "SOURCE": "en",
        "SEED": "13",
        "DEVICE": "-1",
    }
    os.environ.update(settings, HF_HUB_OFFLINE="1")
    print("== Start AllenNLP, once for all of the commands below, in the folder of the repository and with")
    print("   export " + " ".join(f"{name}={value}" for name, value in settings.items()), flush=True)
    commands.start()


def teach(args: argparse.Namespace, commands: Commands) -> Path:
    folder = args.runs / "teacher"
    train(args, commands, "Train a teacher on 120 English sentences with labels", "teacher", folder)
    return folder / "model.tar.gz"


def learn(args: argparse.Namespace, commands: Commands, language: str, teacher: Path) -> Path:
    folder = args.runs / f"student_{language}"
    title = f"Train a student on 160 raw {LANGUAGES[language]} sentences, which the teacher labels with probabilities"
    train(args, commands, title, "student_soft", folder, TARGET=language, TEACHER=str(teacher))
    return folder / "model.tar.gz"


def train(
    args: argparse.Namespace, commands: Commands, title: str, config: str, folder: Path, **variables: str
) -> None:
    overrides = {
        # So few sentences make few batches: smaller ones and more passes than with a corpus.
        "trainer.num_epochs": args.epochs,
        "data_loader.batch_sampler.batch_size": 8,
        # A training of a minute needs nothing to recover it from, which would take 240 MB an epoch.
        "trainer.checkpointer.save_completed_epochs": False,
    }
    command = ["train", str(CONFIGS / f"{config}.jsonnet"), "-s", str(folder), "-o", json.dumps(overrides)]
    commands.run(title, command, **variables)


def evaluate(args: argparse.Namespace, commands: Commands, system: str, archive: Path, languages: List[str]) -> Scores:
    files = [str(CORPORA / language / "test.conll") for language in languages]
    outputs = [args.runs / f"{system}_{language}.json" for language in languages]
    command = ["evaluate", str(archive), ",".join(files), "--output-file", ",".join(map(str, outputs))]
    who = "the teacher" if system == "mt" else f"the {LANGUAGES[languages[0]]} student"
    commands.run(f"Evaluate {who} on test files", command)
    return {language: json.loads(output.read_text()) for language, output in zip(languages, outputs)}


def tag(args: argparse.Namespace, commands: Commands, archive: Path, language: str) -> None:
    text, output = str(CORPORA / language / "raw.txt"), str(entities_of(args.runs, language))
    command = ["tag", str(archive), text, "--input-format", "text", "--output-file", output]
    commands.run(f"Find the entities of the raw {LANGUAGES[language]} text", command)


def entities_of(runs: Path, language: str) -> Path:
    return runs / f"entities_{language}.jsonl"


# What came of them


def show_scores(of_teacher: Scores, of_students: Scores) -> None:
    rows: List[List[object]] = [["Entity F1 on test files", *LANGUAGES.values(), "mean"]]
    for name, scores in (
        ("MT, the teacher: 120 labelled English sentences", of_teacher),
        ("TS, its students: 160 raw sentences, labelled by MT", of_students),
    ):
        found = [100 * scores[language]["f1"] for language in LANGUAGES]
        rows.append([name, *found, statistics.mean(found)])
    print(f"\n\n{columns(rows)}")
    print(
        "No labels of these languages were used in training. Each test file has about 25 sentences, so differences of a"
        "\npoint or two are not significant; see docs/results.md for whole corpora. "
        f"English F1 of the teacher: {100 * of_teacher['en']['f1']:.1f}."
    )


def show_entities(runs: Path, language: str) -> None:
    lines = entities_of(runs, language).read_text(encoding="utf-8").splitlines()
    print(
        f"\nThe first {SHOWN_SENTENCES} of {len(lines)} raw {LANGUAGES[language]} sentences, as the student reads them:"
    )
    for line in lines[:SHOWN_SENTENCES]:
        answer = json.loads(line)
        print("   " + highlighted(answer["text"], answer["entities"], shows_colour(sys.stdout)))


def show_what_next(args: argparse.Namespace, seconds: float) -> None:
    print(
        f"""
Done in {seconds:.0f} s. In {args.runs}:
   teacher/, student_*/     model.tar.gz, the trained tagger, and the metrics of each epoch
   mt_*.json, ts_*.json     precision, recall and F1, overall and by type
   entities_*.jsonl         the entities of all raw sentences, with places and confidences
   demo.log                 the output of all commands

Next, with your own data: /my/corpora/en/train.conll and dev.conll with labels, /my/corpora/sw/raw.txt, one sentence per line
   NER_DATA=/my/corpora make cross-lingual SOURCE=en TARGET=sw ARGS="--seeds 13 --systems mt ts"
   allennlp tag runs/cross_lingual/ts-en-sw-13/model.tar.gz text.txt --input-format text --output-file entities.jsonl
   NER_DATA=/my/corpora make cross-lingual SOURCE=en TARGET=sw ENCODER=xlm-roberta-base ARGS="--runs runs/xlm-roberta"
README.md describes further steps: a few labels, several source languages, other domains, an encoder of your own."""
    )


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command starts over.")
