"""Runs a training: plans its batches, configures transformers' Trainer, and reports the results."""

import contextlib
import os
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Type

import torch
import transformers
from transformers import PreTrainedModel, TrainerCallback, TrainingArguments

from lowresource_ner.pretraining.batches import MaskingCollator, Texts, TokenBatches
from lowresource_ner.pretraining.checkpoints import newest_whole
from lowresource_ner.pretraining.options import TrainingOptions
from lowresource_ner.pretraining.run_folder import RunFolder, read_json, write_json
from lowresource_ner.pretraining.texts import EncodedCorpora
from lowresource_ner.pretraining.trainer import MaskedLanguageModelTrainer, held_out_batches

_WORKERS = 4
_PARALLELISM = "TOKENIZERS_PARALLELISM"


def plan_batches(encoded: EncodedCorpora, options: TrainingOptions) -> TokenBatches:
    """All batches of the training: `--steps` of them, or as many as `--epochs` passes over the texts take."""
    batches = TokenBatches(
        encoded.lengths(),
        encoded.numbers,
        batch_tokens=options.batch_tokens,
        num_batches=options.steps or 1,
        smoothing=options.smoothing,
        seed=options.seed,
    )
    if options.steps is None:
        batches.num_batches = max(1, round(options.epochs * sum(1 for _ in batches.one_pass(0))))
    return batches


def trainer_settings(work: Path, num_steps: int, learning_rate: float, options: TrainingOptions) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(work),
        max_steps=num_steps,
        learning_rate=learning_rate,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        warmup_ratio=0.05,
        eval_strategy="steps",
        eval_steps=options.evaluate_every,
        save_steps=options.evaluate_every,
        load_best_model_at_end=bool(options.patience),
        metric_for_best_model="loss",
        logging_steps=min(100, options.evaluate_every),
        bf16=options.bf16,
        use_cpu=not torch.cuda.is_available(),
        dataloader_num_workers=num_workers(),
        remove_unused_columns=False,
        report_to=[],
        seed=options.seed,
    )


def num_workers() -> int:
    """The number of processes that make batches: a GPU would otherwise wait for them, and a CPU has no core to spare."""
    return _WORKERS if torch.cuda.is_available() else 0


def train(
    trainer_class: Type[MaskedLanguageModelTrainer],
    model: PreTrainedModel,
    encoded: EncodedCorpora,
    collator: MaskingCollator,
    folder: RunFolder,
    options: TrainingOptions,
    learning_rate: float,
    **more: Any,
) -> Dict[str, Any]:
    """
    Trains a model, from the last checkpoint in the folder if there is one. `more` are further arguments of the trainer.

    # Returns

    `Dict[str, Any]`
        The part of the report that is about the training.

    # Raises

    `ValueError`
        If `--patience` is given and nothing is held out.
    """
    batches = plan_batches(encoded, options)
    held_out = {
        name: held_out_batches(Texts(texts), collator, options.batch_tokens, options.seed)
        for name, texts in encoded.held_out.items()
    }
    if options.patience and not any(held_out.values()):
        raise ValueError("--patience needs held-out text, and none is held out. Leave it out, or raise --held-out.")
    trainer = trainer_class(
        model,
        trainer_settings(folder.work, len(batches), learning_rate, options),
        collator=collator,
        texts=Texts(encoded.texts),
        batches=batches,
        held_out=held_out,
        patience=options.patience,
        **more,
    )
    work = folder.work
    losses_before = read_json(work / "held_out_loss_before.json")
    if losses_before is None:
        say("Held-out loss before the training")
        losses_before = trainer.held_out_losses()
        write_json(work / "held_out_loss_before.json", losses_before)
    clock = Clock(work / "seconds.json")
    trainer.add_callback(clock)
    checkpoint = newest_whole(work)
    with _workers_without_tokenizer_threads():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    steps = trainer.state.global_step
    return {
        "steps": steps,
        "sub_words": batches.num_tokens(steps),
        "hours": round(clock.seconds() / 3600, 2),
        "hardware": hardware(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "held_out_loss_before": rounded(losses_before),
        "held_out_loss": rounded(trainer.held_out_losses()),
        # Without the Trainer's summary, which covers only what was trained since the last checkpoint.
        "log": [rounded(entry) for entry in trainer.state.log_history if "train_runtime" not in entry],
    }


@contextlib.contextmanager
def _workers_without_tokenizer_threads() -> Iterator[None]:
    """
    Prevents warnings of tokenizers in workers that a data loader forks. They tokenize nothing, but the library has used threads
    before, and would warn of a deadlock in each of them.
    """
    before = os.environ.get(_PARALLELISM)
    os.environ[_PARALLELISM] = before or "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PARALLELISM]


class Clock(TrainerCallback):
    """Counts the seconds of a training, including its earlier runs up to their last checkpoints."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._earlier = read_json(path) or 0.0
        self._started = time.time()

    def seconds(self) -> float:
        return self._earlier + time.time() - self._started

    def on_save(self, *args: Any, **kwargs: Any) -> None:
        write_json(self._path, self.seconds())


def say(message: str) -> None:
    print(message, flush=True)


def command_as_given() -> str:
    """The command of this process, for a report."""
    return shlex.join(["allennlp", *sys.argv[1:]])


def hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


def rounded(values: Dict[str, Any]) -> Dict[str, Any]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in values.items()}
