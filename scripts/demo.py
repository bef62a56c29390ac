"""
The main job from end to end on what the repository ships: train a teacher on English, evaluate it on another language, and find
the entities of a raw text in that language.

    python scripts/demo.py [--target es] [--runs runs/demo]

Every step is an `allennlp` command, shown before it is run; what it has logged lies beside its results.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List

REPOSITORY = Path(__file__).resolve().parent.parent
CORPORA = Path("fixtures/corpora")
ENCODER = "multilingual-mini"
LANGUAGES = {"de": "German", "es": "Spanish", "sw": "Swahili"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="es", choices=sorted(LANGUAGES), help="the language without labels")
    parser.add_argument("--runs", type=Path, default=Path("runs/demo"), help="where results go")
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()

    os.chdir(REPOSITORY)
    clear(args.runs)
    started = time.time()
    archive = train(args.runs, args.epochs)
    scores = {language: evaluate(archive, language, args.runs) for language in ("en", args.target)}
    predictions = predict(archive, args.target, args.runs)
    summarise(args, scores, predictions, time.time() - started)


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


def train(runs: Path, epochs: int) -> Path:
    settings = {"NER_DATA": str(CORPORA), "SOURCE": "en", "ENCODER": ENCODER, "SEED": "13", "DEVICE": "-1"}
    # 120 sentences make few batches: smaller ones and more passes than with a corpus.
    overrides = {"trainer.num_epochs": epochs, "data_loader.batch_sampler.batch_size": 8}
    config = "training_configs/cross_lingual/teacher.jsonnet"
    command = ["train", config, "-s", str(runs / "teacher"), "-o", json.dumps(overrides)]
    step("Train a teacher on English", allennlp(*command), settings, runs / "train.log")
    return runs / "teacher" / "model.tar.gz"


def evaluate(archive: Path, language: str, runs: Path) -> Dict[str, float]:
    scores = runs / f"scores_{language}.json"
    command = ["evaluate", str(archive), str(CORPORA / language / "test.conll"), "--output-file", str(scores)]
    step(
        f"Evaluate it on the {LANGUAGES.get(language, 'English')} test file",
        allennlp(*command),
        {},
        runs / f"evaluate_{language}.log",
    )
    return json.loads(scores.read_text())


def predict(archive: Path, language: str, runs: Path) -> List[dict]:
    output = runs / f"entities_{language}.jsonl"
    text = str(CORPORA / language / "raw.txt")
    options = ["--predictor", "ner", "--predictor-args", '{"input_format": "text"}', "--batch-size", "64", "--silent"]
    command = ["predict", str(archive), text, *options, "--output-file", str(output)]
    step(f"Find the entities of a raw {LANGUAGES[language]} text", allennlp(*command), {}, runs / "predict.log")
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


def summarise(
    args: argparse.Namespace, scores: Dict[str, Dict[str, float]], predictions: List[dict], seconds: float
) -> None:
    language = LANGUAGES[args.target]
    print(f"\n\n{'Entity F1':<12}{'precision':>10}{'recall':>10}{'F1':>10}")
    for name in scores:
        values = [f"{100 * scores[name][key]:>10.1f}" for key in ("precision", "recall", "f1")]
        print(f"{LANGUAGES.get(name, 'English'):<12}" + "".join(values))
    found = [entity for prediction in predictions for entity in prediction["entities"]]
    print(
        f"\n{len(found)} entities in {len(predictions)} raw sentences: {dict(Counter(e['type'] for e in found).most_common())}"
    )
    for prediction in [prediction for prediction in predictions if prediction["entities"]][:5]:
        print(f"  {prediction['text']}")
        for entity in prediction["entities"]:
            print(f"      {entity['type']:<5} {entity['text']}  ({entity['confidence']:.2f})")
    print(
        f"\nThe encoder is {ENCODER}, shipped with this package; the tagger saw 120 English sentences, and no {language} label."
        "\nGive another encoder, and nothing else changes: ENCODER=bert-base-multilingual-cased (see README.md)\n"
        f"\nDone in {seconds:.0f} s. In {args.runs}:"
        "\n  teacher/model.tar.gz        the trained tagger"
        f"\n  scores_{args.target}.json              overall and by type, on the {language} test file"
        f"\n  entities_{args.target}.jsonl           the entities of the raw {language} text"
        "\n  *.log                       what the commands said"
    )


def allennlp(*arguments: str) -> List[str]:
    return [sys.executable, "-m", "allennlp", *arguments]


def step(title: str, command: List[str], settings: Dict[str, str], log: Path | None) -> None:
    """Shows a command, runs it with its progress bars on the screen, and stops with its log where it fails."""
    shown = command[2:] if command[1] == "-m" else ["python", *command[1:]]
    variables = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
    print(f"\n== {title}\n   " + " ".join([*variables, shlex.join(shown)]), flush=True)
    environment = {**os.environ, **settings, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    kept = bytearray()
    while chunk := process.stdout.read1():
        kept += chunk
        show(chunk)
    if log is not None:
        log.write_bytes(kept)
    if process.wait() != 0:
        sys.exit(f"\n{kept.decode(errors='replace')}\n'{title}' failed; the output of the command is above.")


def show(chunk: bytes) -> None:
    """Passes progress bars on, and holds back the log, which lies in a file."""
    for line in chunk.decode(errors="replace").replace("\r", "\n").split("\n"):
        if "it/s]" in line or "s/it]" in line:
            width = shutil.get_terminal_size().columns - 4
            print(f"\r   {line.strip()[:width]:<{width}}", end="", flush=True)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nBroken off. The same command begins anew.")
