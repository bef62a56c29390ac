"""
Words a second of `mbert_tagger`: training against transformers' Trainer with its collator for token classification (dynamic
padding), prediction against the bare encoder's forward passes, on the same encoder, in one process, in turn. The Trainer is run
with batches at random, its default, and with `group_by_length`.

    OMP_NUM_THREADS=2 python benchmarks/tagger_speed.py --data $NER_DATA/conll2003/train.conll --sizes small
    OMP_NUM_THREADS=2 python benchmarks/tagger_speed.py --data $NER_DATA/conll2003/train.conll --sizes mbert --sentences 256

`small` has the layers of the encoder in the box (6 x 384), `mbert` the sizes of bert-base-multilingual-cased (12 x 768, with
embeddings and 3 layers frozen). Weights are random: speed does not depend on them. Figures are medians over `--repeats`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch
from allennlp.common import Params
from allennlp.common.util import import_module_and_submodules
from allennlp.data import DataLoader, DatasetReader, Vocabulary
from allennlp.models import Model, load_archive
from allennlp.models.archival import archive_model
from allennlp.training import Trainer
from common import (
    PREDICTION_BATCH,
    REPOSITORY,
    SIZES,
    TRAINING_BATCH,
    BareEncoder,
    TransformersEpochSeconds,
    in_turn,
    make_encoder,
    report,
    timed,
)
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    TrainingArguments,
)
from transformers import Trainer as TransformersTrainer

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.predictors import NerPredictor

VOCABULARY = {"small": None, "mbert": 119547}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(REPOSITORY / "fixtures/corpora/en/train.conll"))
    parser.add_argument("--sizes", default="small", choices=sorted(SIZES))
    parser.add_argument("--sentences", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    import_module_and_submodules("lowresource_ner")
    size = SIZES[args.sizes]
    with tempfile.TemporaryDirectory() as folder:
        sentences = take(args.data, args.sentences, Path(folder) / "data.conll")
        words = sum(len(sentence) for sentence in sentences)
        encoder = make_encoder(Path(folder) / "encoder", args.data, size, vocabulary=VOCABULARY[args.sizes])
        print(f"{len(sentences)} sentences, {words} words; {args.sizes}: {size}; {torch.get_num_threads()} threads")
        training = in_turn(
            args.repeats,
            ours=lambda: train_ours(Path(folder), encoder, size),
            transformers=lambda: train_transformers(Path(folder), encoder, size, group_by_length=False),
            transformers_by_length=lambda: train_transformers(Path(folder), encoder, size, group_by_length=True),
        )
        report("training", words, training, "ours", "transformers")
        report("training", words, training, "ours", "transformers_by_length")
        archive = make_archive(Path(folder), encoder, size)
        predictor = NerPredictor(archive.model, archive.dataset_reader, batch_size=PREDICTION_BATCH)
        bare = BareEncoder(encoder, sentences)
        prediction = in_turn(
            args.repeats,
            ours=lambda: predict_ours(predictor, sentences),
            encoder=lambda: bare.run(),
            predict_batch_64=lambda: predict_command_batches(predictor, sentences, 64),
        )
        report("prediction", words, prediction, "ours", "encoder")
        report("prediction", words, prediction, "predict_batch_64", "encoder")
        command = statistics.median(predict_command(Path(folder), sentences) for _ in range(args.repeats))
        print(
            f"allennlp predict --batch-size 64, the whole command with its start: {words / command:.0f} words/s ({command:.1f} s)"
        )


def take(path: str, number: int, output: Path) -> List[List[str]]:
    """Copies the first sentences of a corpus, and gives their words."""
    sentences = []
    with output.open("w", encoding="utf-8") as file:
        for sentence in read_conll(path, ConllFormat()):
            if len(sentences) == number:
                break
            sentences.append(list(sentence.tokens))
            file.writelines(f"{token}\t{tag}\n" for token, tag in zip(sentence.tokens, sentence.tags or ()))
            file.write("\n")
    return sentences


def reader_and_model(folder: Path, encoder: str, size: Dict[str, Any]) -> Dict[str, Any]:
    indexers = {"encoder": {"type": "subwords", "model_name": encoder}}
    embedder = {"type": "subword_transformer", "model_name": encoder, "num_frozen_layers": size["frozen"]}
    return {
        "dataset_reader": {"type": "conll_ner", "token_indexers": indexers},
        "model": {"type": "mbert_tagger", "text_field_embedder": {"token_embedders": {"encoder": embedder}}},
    }


def train_ours(folder: Path, encoder: str, size: Dict[str, Any]) -> float:
    trainer = make_trainer(folder, encoder, size, epochs=1, learning_rate=5e-5)
    return trainer.train()["epoch_seconds"]


def make_trainer(folder: Path, encoder: str, size: Dict[str, Any], epochs: int, learning_rate: float) -> Trainer:
    config = reader_and_model(folder, encoder, size)
    reader = DatasetReader.from_params(Params(config["dataset_reader"]))
    sampler = {"type": "length_grouped", "batch_size": TRAINING_BATCH}
    loader = DataLoader.from_params(
        Params({"batch_sampler": sampler}), reader=reader, data_path=str(folder / "data.conll")
    )
    vocab = Vocabulary.from_instances(loader.iter_instances())
    loader.index_with(vocab)
    model = Model.from_params(Params(config["model"]), vocab=vocab)
    settings = {
        "type": "gradient_descent",
        "num_epochs": epochs,
        "optimizer": {"type": "adamw", "lr": learning_rate, "weight_decay": 0.01},
        "grad_norm": 1.0,
        "cuda_device": -1,
        "checkpointer": {"save_completed_epochs": False},
        "callbacks": ["epoch_seconds"],
    }
    return Trainer.from_params(Params(settings), model=model, data_loader=loader, serialization_dir=None)


def train_transformers(folder: Path, encoder: str, size: Dict[str, Any], group_by_length: bool) -> float:
    tokenizer = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
    sentences = list(read_conll(str(folder / "data.conll"), ConllFormat()))
    labels = sorted({tag for sentence in sentences for tag in sentence.tags or ()})
    model = AutoModelForTokenClassification.from_pretrained(encoder, num_labels=len(labels), trust_remote_code=False)
    if size["frozen"] is not None:
        frozen = [model.bert.embeddings, *model.bert.encoder.layer[: size["frozen"]]]
        for parameter in (parameter for module in frozen for parameter in module.parameters()):
            parameter.requires_grad_(False)
    encoded = []
    for sentence in sentences:
        features = tokenizer(list(sentence.tokens), is_split_into_words=True, truncation=True)
        features["labels"] = first_subword_labels(
            features.word_ids(), [labels.index(tag) for tag in sentence.tags or ()]
        )
        encoded.append(features)
    arguments = TrainingArguments(
        output_dir=str(folder / "transformers"),
        per_device_train_batch_size=TRAINING_BATCH,
        num_train_epochs=1,
        learning_rate=5e-5,
        weight_decay=0.01,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        optim="adamw_torch",
        group_by_length=group_by_length,
    )
    timer = TransformersEpochSeconds()
    TransformersTrainer(
        model=model,
        args=arguments,
        train_dataset=encoded,
        data_collator=DataCollatorForTokenClassification(tokenizer),
        callbacks=[timer],
    ).train()
    return timer.seconds


def first_subword_labels(word_ids: Sequence[Any], labels: Sequence[int]) -> List[int]:
    previous = [None, *word_ids[:-1]]
    return [-100 if word is None or word == before else labels[word] for word, before in zip(word_ids, previous)]


def make_archive(folder: Path, encoder: str, size: Dict[str, Any]) -> Any:
    """An archive by AllenNLP's own means, of a tagger trained so far that it finds entities where there are some."""
    run = folder / "run"
    config = Params(reader_and_model(folder, encoder, size))
    run.mkdir()
    config.to_file(str(run / "config.json"))
    DatasetReader.from_params(config.duplicate()["dataset_reader"], serialization_dir=str(run))  # stores the tokenizer
    trainer = make_trainer(folder, encoder, size, epochs=4, learning_rate=1e-3 if size["frozen"] is None else 1e-4)
    trainer.train()
    trainer.model.vocab.save_to_files(str(run / "vocabulary"))
    torch.save(trainer.model.state_dict(), run / "best.th")
    return load_archive(archive_model(run))


def predict_ours(predictor: NerPredictor, sentences: Sequence[List[str]]) -> float:
    inputs = [{"tokens": words} for words in sentences]
    return timed(lambda: [predictor.dump_line(output) for output in predictor.predict_batch_json(inputs)])


def predict_command_batches(predictor: NerPredictor, sentences: Sequence[List[str]], batch_size: int) -> float:
    """What `allennlp predict --batch-size` does, without its start: batches in file order, lines parsed and written."""
    lines = [json.dumps({"tokens": words}) for words in sentences]

    def run() -> None:
        for start in range(0, len(lines), batch_size):
            inputs = [predictor.load_line(line) for line in lines[start : start + batch_size]]
            for output in predictor.predict_batch_json(inputs):
                predictor.dump_line(output)

    return timed(run)


def predict_command(folder: Path, sentences: Sequence[List[str]]) -> float:
    lines = folder / "input.jsonl"
    lines.write_text("".join(json.dumps({"tokens": words}) + "\n" for words in sentences), encoding="utf-8")
    options = ["--batch-size", "64", "--silent", "--output-file", str(folder / "output.jsonl"), "--predictor", "ner"]
    command = [sys.executable, "-m", "allennlp", "predict", str(folder / "run/model.tar.gz"), str(lines), *options]
    return timed(
        lambda: subprocess.run(
            [*command, "--include-package", "lowresource_ner"],
            check=True,
            capture_output=True,
            cwd=REPOSITORY,
            env=os.environ,
        )
    )


if __name__ == "__main__":
    main()
