"""What the benchmarks of taggers and students share: their encoders, their text, how they are timed, and a teacher at no cost."""

import random
import statistics
import subprocess
import sys
import time
import zlib
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy
import torch
from allennlp.training import GradientDescentTrainer, TrainerCallback
from transformers import AutoModel, AutoTokenizer, BertConfig
from transformers import TrainerCallback as TransformersCallback

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.parser import read_conll
from lowresource_ner.distillation import Teacher
from lowresource_ner.predictors.batch_tagger import batches_of_similar_length

REPOSITORY = Path(__file__).resolve().parent.parent
SIZES: Dict[str, Dict[str, Any]] = {
    "small": {"layers": 6, "hidden": 384, "heads": 12, "frozen": None},
    "mbert": {"layers": 12, "hidden": 768, "heads": 12, "frozen": 3},
}
"""
`small` has the layers of the encoder in the box, `mbert` those of bert-base-multilingual-cased, whose embeddings and 3 layers are
frozen.
"""

TRAINING_BATCH = 32
GROUP = 50 * TRAINING_BATCH
"""Sentences that `length_grouped` and transformers sort at a time."""

PREDICTION_BATCH = 4096
"""Sub-words, padding included, in a batch of the predictor, of teachers, and of the bare encoder."""


def make_encoder(
    folder: Path, text: str, size: Dict[str, Any], word_pieces: int = 8000, vocabulary: Optional[int] = None
) -> str:
    """An encoder with random weights and word pieces learned from a CoNLL file; `vocabulary` makes its table larger."""
    words = folder.parent / "words.txt"
    words.write_text(
        "\n".join(" ".join(sentence.tokens) for sentence in read_conll(text, ConllFormat())), encoding="utf-8"
    )
    sizes = ["--layers", str(size["layers"]), "--hidden-size", str(size["hidden"]), "--heads", str(size["heads"])]
    sizes += ["--vocab-size", str(word_pieces)]
    subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts/make_encoder.py"), str(folder), str(words), *sizes], check=True
    )
    if vocabulary is not None:
        config = BertConfig.from_pretrained(folder)
        config.vocab_size = vocabulary
        AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(folder)
    return str(folder)


def sample(path: str, number: int, output: Path) -> List[List[str]]:
    """
    Copies sentences of a CoNLL file to another, and gives their words: of 50 batches drawn at random and sorted by length, every
    n-th batch. Grouped by length again, these few are padded as those of the whole corpus are.
    """
    sentences = list(read_conll(path, ConllFormat()))
    shuffled = random.Random(13).sample(sentences, len(sentences))
    chosen = []
    for start in range(0, min(number, len(shuffled)), GROUP):
        group = sorted(shuffled[start : start + GROUP], key=lambda sentence: len(sentence.tokens))
        batches = [group[first : first + TRAINING_BATCH] for first in range(0, len(group), TRAINING_BATCH)]
        wanted = max(1, min(number - start, len(group)) // TRAINING_BATCH)
        chosen += [batches[(2 * i + 1) * len(batches) // (2 * wanted)] for i in range(wanted)]
    with output.open("w", encoding="utf-8") as file:
        for sentence in chain.from_iterable(chosen):
            file.writelines(f"{token}\t{tag}\n" for token, tag in zip(sentence.tokens, sentence.tags or ()))
            file.write("\n")
    return [list(sentence.tokens) for sentence in chain.from_iterable(chosen)]


@Teacher.register("of_words")
class WordTeacher(Teacher):
    """A teacher that costs next to nothing: a word's distribution is a random one, found by the word's checksum."""

    labels = ["O", *(f"{prefix}-{name}" for name in ("LOC", "MISC", "ORG", "PER") for prefix in "BI")]
    tag_scheme = "IOB2"
    fingerprint = "of the benchmarks: random distributions by word, 1"

    def __init__(self) -> None:
        weights = numpy.random.default_rng(13).random((4096, len(self.labels)), dtype=numpy.float32) ** 8
        self._table = weights / weights.sum(axis=1, keepdims=True)

    def _label(self, sentences: Sequence[Sequence[str]]) -> List[Optional[numpy.ndarray]]:
        size = len(self._table)
        return [self._table[[zlib.crc32(word.encode()) % size for word in words]] for words in sentences]


class BareEncoder:
    """
    Nothing but forward passes: batches of like length, tokenised and padded beforehand. Sentences are batched as they are given
    to a predictor or a teacher, `at_once` in a call, so that only what those do beside the forward pass differs.
    """

    def __init__(self, encoder: str, sentences: Sequence[List[str]], at_once: Optional[int] = None) -> None:
        self._model = AutoModel.from_pretrained(encoder, add_pooling_layer=False, trust_remote_code=False).eval()
        tokenizer = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
        self._batches: List[Dict[str, torch.Tensor]] = []
        for start in range(0, len(sentences), at_once or len(sentences)):
            block = sentences[start : start + (at_once or len(sentences))]
            encoded = [tokenizer(words, is_split_into_words=True, truncation=True) for words in block]
            batches = batches_of_similar_length([len(features["input_ids"]) for features in encoded], PREDICTION_BATCH)
            self._batches += [
                tokenizer.pad([encoded[index] for index in batch], return_tensors="pt") for batch in batches
            ]

    def run(self) -> float:
        def forward() -> None:
            with torch.inference_mode():
                for batch in self._batches:
                    self._model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])

        return timed(forward)


@TrainerCallback.register("epoch_seconds")
class EpochSeconds(TrainerCallback):
    """
    Adds "epoch_seconds" to the metrics of AllenNLP's trainer. Its preparation is not counted, nor are the weights that it
    writes to disk after an epoch, which transformers' Trainer is told not to write.
    """

    def on_start(self, trainer: GradientDescentTrainer, is_primary: bool = True, **kwargs: Any) -> None:
        self._start = now()

    def on_epoch(self, trainer: GradientDescentTrainer, metrics: Dict[str, Any], epoch: int, **kwargs: Any) -> None:
        metrics["epoch_seconds"] = now() - self._start


class TransformersEpochSeconds(TransformersCallback):
    """The same of transformers' Trainer, in `seconds`."""

    seconds: float

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
        self._start = now()

    def on_epoch_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds = now() - self._start


def in_turn(repeats: int, **runs: Callable[[], float]) -> Dict[str, List[float]]:
    """Runs each in turn, `repeats` times, after one round that is not counted."""
    seconds: Dict[str, List[float]] = {name: [] for name in runs}
    for round_number in range(repeats + 1):
        for name, run in runs.items():
            taken = run()
            if round_number > 0:
                seconds[name].append(taken)
    return seconds


def timed(run: Callable[[], Any]) -> float:
    start = now()
    run()
    return now() - start


def now() -> float:
    """Seconds on a clock that is read when a GPU has done what it was given."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def report(what: str, words: int, seconds: Dict[str, List[float]], ours: str, other: str) -> None:
    ratios = [b / a for a, b in zip(seconds[ours], seconds[other])]
    speeds = {name: words / statistics.median(seconds[name]) for name in (ours, other)}
    print(
        f"{what}: {ours} {speeds[ours]:.0f} words/s, {other} {speeds[other]:.0f} words/s, "
        f"ratio {statistics.median(ratios):.2f} (runs: {', '.join(f'{ratio:.2f}' for ratio in ratios)})",
        flush=True,
    )
