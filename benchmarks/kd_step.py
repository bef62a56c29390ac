"""
Words a second in the training of a student, in one process, in turn, on the same encoder, with the paper's loss:

- ours: `kd_student`, AllenNLP's trainer, reader `teacher_labelled` with the teacher's answers in a store on disk, batches
  `length_grouped`, AdamW by torch's fused kernel (`fused_adamw`), as in the shipped configs; the others have torch's default one;
- padded: every sentence padded to 128 sub-words, probabilities in memory, a plain loop in torch, as the released code has it;
- transformers: its Trainer with `group_by_length`, and a collator that pads a batch to its longest sentence.

    OMP_NUM_THREADS=2 python benchmarks/kd_step.py --sizes small --sentences 512 \\
        --data $NER_DATA/conll2002_es/train.conll $NER_DATA/wikiann_de/train.conll
    OMP_NUM_THREADS=2 python benchmarks/kd_step.py --sizes mbert --sentences 160 --repeats 3 --data ...
    python benchmarks/kd_step.py --device cuda --precision bf16 --sizes mbert --sentences 4096 --data ...

Sentences are a sample of each file that is padded as the whole would be. Timed is one epoch of training and nothing else: all
three have their sentences read and their features computed beforehand, and make batches of these within the time; no weights are
written to disk within it. Sub-words are counted in the encoder's real input, padding and special tokens included. If a step cost
as much as its sub-words, ours would be faster than the padded one by the ratio of these; how much of that ratio is reached is
printed. Weights are random and word pieces few: with frozen embeddings the vocabulary's size does not matter. Figures are
medians, and the least and the greatest.
"""

import argparse
import os
import statistics
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import torch
from allennlp.common import Params
from allennlp.common.util import import_module_and_submodules
from allennlp.data import DataLoader, DatasetReader, Vocabulary
from allennlp.models import Model
from allennlp.training import Trainer
from common import (
    SIZES,
    TRAINING_BATCH,
    TransformersEpochSeconds,
    WordTeacher,
    in_turn,
    make_encoder,
    sample,
    timed,
)
from transformers import AutoModelForTokenClassification, AutoTokenizer, PreTrainedModel, TrainingArguments
from transformers import Trainer as TransformersTrainer
from transformers.trainer_pt_utils import get_length_grouped_indices

from lowresource_ner.distillation.store.soft_label_store import SoftLabelStore

MAX_LENGTH = 128
WORD_PIECES = {"small": 8000, "mbert": 30000}
LEARNING_RATE = 1e-4
WEIGHT_DECAY = 0.01
GRADIENT_NORM = 1.0
PRECISIONS = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Setting(NamedTuple):
    """`folder` holds the sentences (data.conll) and the store (soft_labels)."""

    folder: Path
    encoder: str
    num_frozen: Optional[int]
    device: str
    precision: Optional[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, help="CoNLL files")
    parser.add_argument("--sizes", nargs="+", default=["small"], choices=sorted(SIZES))
    parser.add_argument("--sentences", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", choices=sorted(PRECISIONS), help="with --device cuda; float32 otherwise")
    args = parser.parse_args()
    if args.precision and args.device != "cuda":
        parser.error("--precision goes with --device cuda")

    import_module_and_submodules("lowresource_ner")
    where = torch.cuda.get_device_name() if args.device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, {args.precision or 'float32'}, batches of {TRAINING_BATCH}, {args.repeats} runs of each")
    for path in args.data:
        for name in args.sizes:
            with tempfile.TemporaryDirectory() as folder:
                compare(path, name, args, Path(folder))


def compare(path: str, size: str, args: argparse.Namespace, folder: Path) -> None:
    sentences = sample(path, args.sentences, folder / "data.conll")
    encoder = make_encoder(folder / "encoder", path, SIZES[size], WORD_PIECES[size])
    fill_store(folder / "soft_labels", sentences)
    setting = Setting(folder, encoder, SIZES[size]["frozen"], args.device, args.precision)
    systems = {"ours": Ours(setting), "padded": Padded(setting, sentences), "transformers": Dynamic(setting, sentences)}
    seconds = in_turn(args.repeats, **{name: system.run for name, system in systems.items()})

    words = sum(map(len, sentences))
    subwords = {name: system.counter.total / (args.repeats + 1) for name, system in systems.items()}
    print(f"{Path(path).parent.name}/{Path(path).name}, {size}: {len(sentences)} sentences, {words} words")
    for name, taken in seconds.items():
        print(f"  {name}: {summary([words / each for each in taken], '.0f')} words/s, {subwords[name]:.0f} sub-words")
    possible = subwords["padded"] / subwords["ours"]
    ratios = [other / ours for ours, other in zip(seconds["ours"], seconds["padded"])]
    print(f"  ours / padded: {summary(ratios, '.2f')}; padded / our sub-words: {possible:.2f}")
    print(f"  of that ratio reached: {summary([100 * ratio / possible for ratio in ratios], '.0f')} %")
    ratios = [other / ours for ours, other in zip(seconds["ours"], seconds["transformers"])]
    print(f"  ours / transformers: {summary(ratios, '.2f')}", flush=True)


def summary(values: Sequence[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def fill_store(folder: Path, sentences: Sequence[List[str]]) -> None:
    teacher = WordTeacher()
    with SoftLabelStore(folder, teacher.fingerprint, teacher.labels) as store:
        store.add(sentences, [answer for answer in teacher.label(sentences) if answer is not None])


class SubwordCounter:
    """Counts the ids that encoders are given."""

    def __init__(self) -> None:
        self.total = 0

    def watch(self, encoder: torch.nn.Module) -> None:
        def count(module: torch.nn.Module, args: Any, kwargs: Dict[str, Any]) -> None:
            self.total += kwargs["input_ids"].numel() if "input_ids" in kwargs else args[0].numel()

        encoder.register_forward_pre_hook(count, with_kwargs=True)


class Ours:
    def __init__(self, setting: Setting) -> None:
        self.counter = SubwordCounter()
        self._setting = setting
        reader = {
            "type": "teacher_labelled",
            "reader": {
                "type": "conll_ner",
                "token_indexers": {"encoder": {"type": "subwords", "model_name": setting.encoder}},
            },
            "teachers": {"teacher": {"type": "of_words"}},
            "store": str(setting.folder / "soft_labels"),
        }
        self._loader = DataLoader.from_params(
            Params({"batch_sampler": {"type": "length_grouped", "batch_size": TRAINING_BATCH}}),
            reader=DatasetReader.from_params(Params(reader)),
            data_path=str(setting.folder / "data.conll"),
        )
        self._vocab = Vocabulary.from_instances(self._loader.iter_instances())
        self._loader.index_with(self._vocab)

    def run(self) -> float:
        setting = self._setting
        embedder = {
            "type": "subword_transformer",
            "model_name": setting.encoder,
            "max_length": MAX_LENGTH,
            "num_frozen_layers": setting.num_frozen,
            "bfloat16": setting.precision == "bf16",
        }
        config = {
            "type": "kd_student",
            "text_field_embedder": {"token_embedders": {"encoder": embedder}},
            "loss": "mse",
        }
        model = Model.from_params(Params(config), vocab=self._vocab)
        self.counter.watch(next(m for m in model.modules() if isinstance(m, PreTrainedModel)))
        trainer = {
            "type": "gradient_descent",
            "num_epochs": 1,
            "optimizer": {"type": "fused_adamw", "lr": LEARNING_RATE, "weight_decay": WEIGHT_DECAY},
            "grad_norm": GRADIENT_NORM,
            "cuda_device": 0 if setting.device == "cuda" else -1,
            "use_amp": setting.precision == "fp16",
            "checkpointer": {"save_completed_epochs": False},
            "callbacks": ["epoch_seconds"],
        }
        return Trainer.from_params(
            Params(trainer), model=model, data_loader=self._loader, serialization_dir=None
        ).train()["epoch_seconds"]


class Padded:
    def __init__(self, setting: Setting, sentences: Sequence[List[str]]) -> None:
        self.counter = SubwordCounter()
        self._setting = setting
        tokenizer = AutoTokenizer.from_pretrained(setting.encoder, trust_remote_code=False)
        encoded = tokenizer(
            sentences,
            is_split_into_words=True,
            truncation=True,
            max_length=MAX_LENGTH,
            padding="max_length",
            return_tensors="pt",
        )
        is_first = torch.zeros_like(encoded["input_ids"], dtype=torch.bool)  # (num_sentences, 128)
        probabilities = torch.zeros(*is_first.shape, len(WordTeacher.labels))
        for row, answer in enumerate(WordTeacher().label(sentences)):
            columns = first_columns(encoded.word_ids(row))
            is_first[row, columns] = True
            probabilities[row, columns] = torch.from_numpy(answer)[: len(columns)]
        self._dataset = torch.utils.data.TensorDataset(
            encoded["input_ids"], encoded["attention_mask"], is_first, probabilities
        )

    def run(self) -> float:
        model = make_model(self._setting, self.counter).train().to(self._setting.device)
        optimizer = torch.optim.AdamW(trainable(model), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        return timed(lambda: self._train(model, optimizer))

    def _train(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> None:
        device, precision = self._setting.device, self._setting.precision
        scaler = torch.amp.GradScaler(device, enabled=precision == "fp16")
        for batch in torch.utils.data.DataLoader(self._dataset, batch_size=TRAINING_BATCH, shuffle=True):
            token_ids, mask, is_first, probabilities = (tensor.to(device) for tensor in batch)
            with torch.autocast(device, PRECISIONS[precision]) if precision else nullcontext():
                logits = model(input_ids=token_ids, attention_mask=mask).logits
            scaler.scale(mean_squared_error(logits, is_first, probabilities)).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(trainable(model), GRADIENT_NORM)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()


class Dynamic:
    def __init__(self, setting: Setting, sentences: Sequence[List[str]]) -> None:
        self.counter = SubwordCounter()
        self._setting = setting
        self._tokenizer = AutoTokenizer.from_pretrained(setting.encoder, trust_remote_code=False)
        self._dataset = []
        for words, answer in zip(sentences, WordTeacher().label(sentences)):
            features = self._tokenizer(words, is_split_into_words=True, truncation=True, max_length=MAX_LENGTH)
            columns = first_columns(features.word_ids())
            self._dataset.append(
                {**features, "columns": columns, "probabilities": torch.from_numpy(answer)[: len(columns)]}
            )

    def run(self) -> float:
        arguments = TrainingArguments(
            output_dir=str(self._setting.folder / "transformers"),
            per_device_train_batch_size=TRAINING_BATCH,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            weight_decay=WEIGHT_DECAY,
            max_grad_norm=GRADIENT_NORM,
            save_strategy="no",
            report_to=[],
            use_cpu=self._setting.device == "cpu",
            fp16=self._setting.precision == "fp16",
            bf16=self._setting.precision == "bf16",
            disable_tqdm=True,
            optim="adamw_torch",
            remove_unused_columns=False,
        )
        timer = TransformersEpochSeconds()
        DistillationTrainer(
            model=make_model(self._setting, self.counter),
            args=arguments,
            train_dataset=self._dataset,
            data_collator=self._collate,
            callbacks=[timer],
        ).train()
        return timer.seconds

    def _collate(self, sentences: List[Dict[str, Any]]) -> Dict[str, torch.Tensor]:
        batch = self._tokenizer.pad(
            [{name: each[name] for name in ("input_ids", "attention_mask")} for each in sentences], return_tensors="pt"
        )
        is_first = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
        probabilities = torch.zeros(*is_first.shape, len(WordTeacher.labels))
        for row, each in enumerate(sentences):
            is_first[row, each["columns"]] = True
            probabilities[row, each["columns"]] = each["probabilities"]
        return {**batch, "is_first": is_first, "probabilities": probabilities}


class DistillationTrainer(TransformersTrainer):
    def _get_train_sampler(self) -> Any:
        """`group_by_length`, with the 50 batches in a group that a whole corpus has; of few sentences it makes smaller groups."""
        lengths = [len(sentence["input_ids"]) for sentence in self.train_dataset]
        return get_length_grouped_indices(lengths, TRAINING_BATCH, mega_batch_mult=50)

    def compute_loss(self, model: Any, inputs: Dict[str, torch.Tensor], return_outputs: bool = False) -> torch.Tensor:
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
        return mean_squared_error(logits, inputs["is_first"], inputs["probabilities"])


def make_model(setting: Setting, counter: SubwordCounter) -> PreTrainedModel:
    model = AutoModelForTokenClassification.from_pretrained(
        setting.encoder, num_labels=len(WordTeacher.labels), trust_remote_code=False
    )
    counter.watch(model.base_model)
    if setting.num_frozen is not None:
        for module in (model.base_model.embeddings, *model.base_model.encoder.layer[: setting.num_frozen]):
            module.requires_grad_(False)
    return model


def trainable(model: PreTrainedModel) -> List[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def first_columns(word_ids: Sequence[Optional[int]]) -> List[int]:
    """The columns of the words' first sub-words."""
    before = [None, *word_ids[:-1]]
    return [i for i, (word, last) in enumerate(zip(word_ids, before)) if word is not None and word != last]


def mean_squared_error(logits: torch.Tensor, is_first: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Over all words and labels of a batch, as the released code has it."""
    return torch.nn.functional.mse_loss(logits[is_first].float().softmax(dim=-1), probabilities[is_first])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
