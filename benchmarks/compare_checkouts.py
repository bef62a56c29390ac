"""
The speed of this checkout as a ratio of another one's: an update of the four modules, an epoch of a tagger, and prediction.

    git worktree add ../before v0.1.0
    NER_DATA=... VECTORS=glove.6B.50d.txt.gz VECTORS_DIM=50 OMP_NUM_THREADS=2 \\
        python benchmarks/compare_checkouts.py ../before --source conll2003 --target bionlp13pc

Each checkout runs its own pgn_step.py and tagger_speed.py, in its own process. The two work in turn, one waiting for the other.
Medians and ranges of the ratios of `--repeats` pairs; above 1 this checkout is the faster one.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict

REPOSITORY = Path(__file__).resolve().parent.parent
WORK = ("update of four modules", "epoch of a tagger", "prediction")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="a folder with another checkout")
    parser.add_argument("--source", default="en", help="a folder below NER_DATA")
    parser.add_argument("--target", default="bio", help="a folder below NER_DATA")
    parser.add_argument("--steps", type=int, default=30, help="updates of one measurement")
    parser.add_argument("--sentences", type=int, default=512, help="that a tagger is trained on, and tags")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        serve(args)
        return
    checkouts = [Checkout(folder) for folder in (REPOSITORY, args.other.resolve())]
    for work in WORK:
        pairs = [[checkout.seconds(work) for checkout in checkouts] for _ in range(1 + args.repeats)][1:]
        ratios = [other / ours for ours, other in pairs]
        ours, others = (statistics.median(column) for column in zip(*pairs))
        print(
            f"{work:24} {ours:.3f} s here, {others:.3f} s there; ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


class Checkout:
    """A process that works with the code of one checkout when it is asked to."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", *sys.argv[1:]],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (folder, folder / "benchmarks")))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def seconds(self, work: str) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(work, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("seconds "):
                return float(line.split()[1])
        raise SystemExit(f"'{work}' failed. Run pgn_step.py and tagger_speed.py by themselves to see why.")


def serve(args: argparse.Namespace) -> None:
    sys.path.remove(str(REPOSITORY / "benchmarks"))  # where this file is, whatever the checkout
    os.environ.update(SOURCE=args.source, TARGET=args.target)
    os.environ.setdefault("SEED", "13")
    os.environ.setdefault("DEVICE", "-1")
    with tempfile.TemporaryDirectory() as folder:
        works = prepared(args, Path(folder))
        for line in sys.stdin:
            start = time.perf_counter()
            measured = works[line.strip()]()
            print("seconds", time.perf_counter() - start if measured is None else measured, flush=True)


def prepared(args: argparse.Namespace, folder: Path) -> Dict[str, Callable[[], Any]]:
    import pgn_step
    import tagger_speed

    tagger_speed.import_module_and_submodules("lowresource_ner")
    size = tagger_speed.SIZES["small"]
    corpus = str(Path(os.environ["NER_DATA"]) / args.source / "train.conll")
    sentences = tagger_speed.take(corpus, args.sentences, folder / "data.conll")
    encoder = tagger_speed.make_encoder(folder / "encoder", corpus, size)
    archive = tagger_speed.make_archive(folder, encoder, size)
    predictor = tagger_speed.NerPredictor(
        archive.model, archive.dataset_reader, batch_size=tagger_speed.PREDICTION_BATCH
    )
    arm = pgn_step.Arm(pgn_step.OURS, str(folder / "pgn"))

    def updates() -> None:
        for _ in range(args.steps):
            arm.step()

    return dict(
        zip(
            WORK,
            (
                updates,
                lambda: tagger_speed.train_ours(folder, encoder, size),
                lambda: tagger_speed.predict_ours(predictor, sentences),
            ),
        )
    )


if __name__ == "__main__":
    main()
