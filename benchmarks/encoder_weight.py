"""
What a heavier encoder costs its users: the size of an archive, the time to load it, and words per second of prediction.

    OMP_NUM_THREADS=2 python benchmarks/encoder_weight.py ENCODER OTHER_ENCODER --data conll2003/train.conll

A tagger of each is trained for one batch; both are then measured in turn in one process: medians and ranges of several runs.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Dict, List

from allennlp.commands.train import train_model
from allennlp.common import Params
from common import REPOSITORY, sample

from lowresource_ner.archives.archive import load_archive
from lowresource_ner.predictors import NerPredictor

CONFIG = REPOSITORY / "training_configs/cross_lingual/teacher.jsonnet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoders", nargs=2, help="names or folders")
    parser.add_argument("--data", required=True, help="a CoNLL file with labels")
    parser.add_argument("--sentences", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "corpora" / "en"
        corpus.mkdir(parents=True)
        sentences = sample(args.data, args.sentences, corpus / "train.conll")
        (corpus / "dev.conll").write_text((corpus / "train.conll").read_text(encoding="utf-8"), encoding="utf-8")
        archives = [trained(folder, encoder) for encoder in args.encoders]
        seconds: Dict[str, List[List[float]]] = {"to load": [[], []], "to tag": [[], []]}
        for _ in range(args.repeats):
            for number, archive in enumerate(archives):
                start = time.perf_counter()
                loaded = load_archive(archive)
                seconds["to load"][number].append(time.perf_counter() - start)
                predictor = NerPredictor.from_archive(loaded, "ner")
                start = time.perf_counter()
                predictor.predict_batch_json([{"tokens": words} for words in sentences])
                seconds["to tag"][number].append(time.perf_counter() - start)
        words = sum(map(len, sentences))
        for encoder, archive in zip(args.encoders, archives):
            print(f"{encoder}: archive {archive.stat().st_size / 1e6:.1f} MB")
        for what, (first, second) in seconds.items():
            for encoder, found in zip(args.encoders, (first, second)):
                print(f"{encoder}: {statistics.median(found):.2f} s {what} ({min(found):.2f} to {max(found):.2f})")
            print(f"   ratio {statistics.median(a / b for a, b in zip(first, second)):.2f}")
        for encoder, found in zip(args.encoders, seconds["to tag"]):
            print(f"{encoder}: {words / statistics.median(found):,.0f} words/s")


def trained(folder: Path, encoder: str) -> Path:
    os.environ.update(
        NER_DATA=str(folder / "corpora"), SOURCE="en", ENCODER=encoder, ENCODER_SIZE="small", SEED="13", DEVICE="-1"
    )
    overrides = {
        "trainer.num_epochs": 1,
        "dataset_reader.sample": 32,
        "validation_dataset_reader.sample": 32,
        "trainer.checkpointer.save_completed_epochs": False,
    }
    output = folder / f"run-{len(list(folder.iterdir()))}"
    train_model(Params.from_file(str(CONFIG), json.dumps(overrides)), str(output))
    return output / "model.tar.gz"


if __name__ == "__main__":
    main()
