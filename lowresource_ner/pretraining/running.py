"""The course of a training: how many batches, transformers' settings, what is held out, and what is reported at the end."""

import argparse
import platform
import time
from pathlib import Path
from typing import Any, Dict, List

import torch
import transformers
from transformers import PreTrainedTokenizerFast, TrainerCallback, TrainingArguments

from lowresource_ner.pretraining.batches import MaskingCollator, Texts, TokenBatches
from lowresource_ner.pretraining.checkpoints import newest_whole
from lowresource_ner.commands.encoder_training import say
from lowresource_ner.pretraining.run_folder import RunFolder, read_json, write_json
from lowresource_ner.pretraining.texts import Corpus, EncodedCorpora, encode
from lowresource_ner.pretraining.trainer import Batch, MaskedLanguageModelTrainer, held_out_batches

_WORKERS = 4


def plan_batches(encoded: EncodedCorpora, args: argparse.Namespace) -> TokenBatches:
    """As many batches as `--steps` says, or as `--epochs` passes over the texts take."""

    def batches(number: int) -> TokenBatches:
        return TokenBatches(
            encoded.lengths(),
            encoded.numbers,
            batch_tokens=args.batch_tokens,
            num_batches=number,
            smoothing=args.smoothing,
            seed=args.seed,
        )

    if args.steps is not None:
        return batches(args.steps)
    of_one_pass = sum(1 for _ in batches(1).one_pass(0))
    return batches(max(1, round(args.epochs * of_one_pass)))


def held_out_by_corpus(
    corpora: List[Corpus],
    collator: MaskingCollator,
    tokenizer: PreTrainedTokenizerFast,
    max_length: int,
    args: argparse.Namespace,
) -> Dict[str, List[Batch]]:
    """
    # Raises

    `ValueError`
        Where nothing is held out, and `--patience` needs it.
    """
    held_out = {
        corpus.name: held_out_batches(
            Texts(encode(corpus.held_out, tokenizer, max_length)), collator, args.batch_tokens, args.seed
        )
        for corpus in corpora
        if corpus.held_out
    }
    if args.patience and not any(held_out.values()):
        raise ValueError("--patience waits for a lower loss on held-out text, and none is held out. Leave it out.")
    return held_out


def trainer_settings(work: Path, num_steps: int, learning_rate: float, args: argparse.Namespace) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(work),
        max_steps=num_steps,
        learning_rate=learning_rate,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        warmup_ratio=0.05,
        eval_strategy="steps",
        eval_steps=args.evaluate_every,
        save_steps=args.evaluate_every,
        load_best_model_at_end=bool(args.patience),
        metric_for_best_model="loss",
        logging_steps=min(100, args.evaluate_every),
        bf16=args.bf16,
        use_cpu=not torch.cuda.is_available(),
        # A GPU waits for batches that are made between its updates; a CPU has no hands free.
        dataloader_num_workers=_WORKERS if torch.cuda.is_available() else 0,
        remove_unused_columns=False,
        report_to=[],
        seed=args.seed,
    )


def train(trainer: MaskedLanguageModelTrainer, folder: RunFolder) -> Dict[str, Any]:
    """Trains, from the last checkpoint where there is one. Returns what is to be reported."""
    work = folder.work
    losses_before = read_json(work / "held_out_loss_before.json")
    if losses_before is None:
        say("Held-out loss before the training")
        losses_before = trainer.held_out_losses()
        write_json(work / "held_out_loss_before.json", losses_before)
    clock = Clock(work / "seconds.json")
    trainer.add_callback(clock)
    checkpoint = newest_whole(work)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    steps = trainer.state.global_step
    return {
        "steps": steps,
        "sub_words": trainer.batches.num_tokens(steps),
        "hours": round(clock.seconds() / 3600, 2),
        "hardware": hardware(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "held_out_loss_before": rounded(losses_before),
        "held_out_loss": rounded(trainer.held_out_losses()),
        # But for the Trainer's last word, which is of what was trained since the last checkpoint.
        "log": [rounded(entry) for entry in trainer.state.log_history if "train_runtime" not in entry],
    }


class Clock(TrainerCallback):
    """Counts the seconds of a training that may have been broken off and taken up again, up to its last checkpoint each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._earlier = read_json(path) or 0.0
        self._started = time.time()

    def seconds(self) -> float:
        return self._earlier + time.time() - self._started

    def on_save(self, *args: Any, **kwargs: Any) -> None:
        write_json(self._path, self.seconds())


def hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


def rounded(values: Dict[str, Any]) -> Dict[str, Any]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in values.items()}
