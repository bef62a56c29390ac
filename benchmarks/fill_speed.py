"""
Words a second in which teachers fill a store of soft labels, against the bare encoder's forward passes over the same sentences,
in one process, in turn.

    OMP_NUM_THREADS=2 python benchmarks/fill_speed.py --data $NER_DATA/conll2002_es/train.conll --sentences 4096
    OMP_NUM_THREADS=2 python benchmarks/fill_speed.py --data $NER_DATA/conll2002_es/train.conll --sizes mbert --sentences 512

`archive` is a `kd_student` of this package, `transformers` a model for token classification, each with the same encoder. Timed
is `TeacherEnsemble.fill`, as the command `soft-labels` calls it, of sentences that a new store does not hold: sub-words, forward
passes, checks, keys, and files written to disk. The bare encoder's batches are the same ones, tokenised and padded beforehand.
Weights are random: speed does not depend on them. Figures are medians over `--repeats`.
"""

import argparse
import itertools
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

import torch
from allennlp.common import Params
from allennlp.common.util import import_module_and_submodules
from allennlp.data import DatasetReader, Vocabulary
from allennlp.models import Model
from allennlp.models.archival import archive_model
from common import PREDICTION_BATCH, SIZES, BareEncoder, WordTeacher, in_turn, make_encoder, report, sample, timed
from transformers import AutoModelForTokenClassification, AutoTokenizer

from lowresource_ner.distillation import ArchiveTeacher, Teacher, TransformersTeacher
from lowresource_ner.distillation.teacher_ensemble import TeacherEnsemble

BLOCK = 2048
"""Sentences that teachers are given in one call."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a CoNLL file")
    parser.add_argument("--sizes", default="small", choices=sorted(SIZES))
    parser.add_argument("--sentences", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    import_module_and_submodules("lowresource_ner")
    with tempfile.TemporaryDirectory() as folder:
        sentences = different(sample(args.data, args.sentences, Path(folder) / "data.conll"))
        encoder = make_encoder(Path(folder) / "encoder", args.data, SIZES[args.sizes])
        stores = (Path(folder) / f"store-{number}" for number in itertools.count())
        archive = ArchiveTeacher(make_archive(Path(folder), encoder), batch_size=PREDICTION_BATCH)
        transformers = TransformersTeacher(make_tagger(Path(folder), encoder), batch_size=PREDICTION_BATCH)
        bare = BareEncoder(encoder, sentences, at_once=BLOCK)
        seconds = in_turn(
            args.repeats,
            archive=lambda: fill(archive, sentences, stores),
            transformers=lambda: fill(transformers, sentences, stores),
            encoder=bare.run,
        )
        words = sum(map(len, sentences))
        print(f"{len(sentences)} sentences, {words} words; {args.sizes}; {torch.get_num_threads()} threads")
        report("filling", words, seconds, "archive", "encoder")
        report("filling", words, seconds, "transformers", "encoder")


def different(sentences: Sequence[List[str]]) -> List[List[str]]:
    """Each sentence once: a store asks for no other."""
    return list({tuple(words): words for words in sentences}.values())


def fill(teacher: Teacher, sentences: Sequence[List[str]], stores: Iterator[Path]) -> float:
    ensemble = TeacherEnsemble({"teacher": teacher}, store=str(next(stores)))
    ensemble.fill(sentences[:0])  # opens the store

    def run() -> None:
        for start in range(0, len(sentences), BLOCK):
            ensemble.fill(sentences[start : start + BLOCK])
        ensemble.flush()

    return timed(run)


def make_archive(folder: Path, encoder: str) -> str:
    run = folder / "run"
    run.mkdir()
    config: Dict[str, Any] = {
        "dataset_reader": {
            "type": "conll_ner",
            "token_indexers": {"encoder": {"type": "subwords", "model_name": encoder}},
        },
        "model": {
            "type": "kd_student",
            "text_field_embedder": {
                "token_embedders": {"encoder": {"type": "subword_transformer", "model_name": encoder}}
            },
        },
    }
    Params(config).to_file(str(run / "config.json"))
    DatasetReader.from_params(Params(config["dataset_reader"]), serialization_dir=str(run))  # stores the tokenizer
    vocab = Vocabulary(tokens_to_add={"labels": WordTeacher.labels})
    model = Model.from_params(Params(config["model"]), vocab=vocab, serialization_dir=str(run))
    vocab.save_to_files(str(run / "vocabulary"))
    torch.save(model.state_dict(), run / "best.th")
    return archive_model(run)


def make_tagger(folder: Path, encoder: str) -> str:
    names = dict(enumerate(WordTeacher.labels))
    model = AutoModelForTokenClassification.from_pretrained(
        encoder,
        id2label=names,
        label2id={label: number for number, label in names.items()},
        trust_remote_code=False,
    )
    tagger = str(folder / "tagger")
    model.save_pretrained(tagger)
    AutoTokenizer.from_pretrained(encoder, trust_remote_code=False).save_pretrained(tagger)
    return tagger


if __name__ == "__main__":
    main()
