"""
Pretrains an encoder on raw text and on translations: a new small BERT, or one that is to know your language or domain better.

    # go on with an encoder on text of your domain or language, before mbert_tagger, kd_student or PGN read through it
    python scripts/pretrain_encoder.py runs/oncology --encoder bert-base-multilingual-cased --text abstracts.txt.gz --epochs 3

    # a new encoder for several languages
    python scripts/pretrain_encoder.py runs/encoder --text en=en.txt.gz de=de.txt.gz --parallel en-de=en-de.tsv.gz --epochs 10

Text has a sentence a line; translations have a sentence, a tab and its translation; .gz, .bz2 and .xz are read as they are.
Masked language modelling (Devlin et al. 2019), translation language modelling on pairs (Conneau and Lample 2019), with
transformers' models, collator and Trainer. Of every file some lines are held out, and the loss on them is reported by file,
before and after. The same command goes on with a run that was broken off, by a kill or a full disk as well, and ends with the
weights of an unbroken one. FOLDER then holds what `ENCODER=FOLDER` needs, and pretraining.json, which says what was done.
"""

import argparse
import contextlib
import copy
import errno
import fcntl
import inspect
import json
import platform
import shlex
import shutil
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np
import torch
import transformers
from allennlp.common.checks import ConfigurationError
from encoder_folder import encoder_written_whole, said_of_writing
from make_encoder import learn_word_pieces, new_config
from pretraining.batches import MaskingCollator, Texts, TokenBatches
from pretraining.checkpoints import checkpoints, newest_whole
from pretraining.count_vectors import count_vectors, log_frequencies
from pretraining.texts import Corpus, Encoded, encode, named_files, read_pairs, read_text, split_corpora
from pretraining.trainer import REMEDY, MaskedLanguageModelTrainer, Patience, held_out_batches
from transformers import (
    AutoModelForMaskedLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    TrainerCallback,
    TrainingArguments,
)

from lowresource_ner.archives import is_archive
from lowresource_ner.encoder_files import EncoderFiles, encoder_source
from lowresource_ner.encoder_loading import load_model
from lowresource_ner.whole_files import remove_parts, written_whole

REPORT = "pretraining.json"
WORK = ".training"
SETTINGS = "settings.json"
LOCK = "lock"
# What a full disk, a full quota and a file beyond the limit raise.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What dropout is called in the configs of BERT and its kin.
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the encoder is written")
    data = parser.add_argument_group("data")
    data.add_argument("--text", nargs="+", default=[], metavar="[NAME=]FILE", help="raw text, a sentence a line")
    data.add_argument("--parallel", nargs="+", default=[], metavar="[NAME=]FILE", help="text<TAB>translation")
    data.add_argument("--held-out", type=int, default=500, help="lines of each file that are held out, a tenth at most")
    data.add_argument(
        "--smoothing", type=float, default=0.7, help="exponent of the files' shares: 1 as they are, 0 all alike"
    )
    encoder = parser.add_argument_group("encoder")
    encoder.add_argument(
        "--encoder", help="a Hugging Face folder or hub name to go on with; left out, a new BERT is made"
    )
    encoder.add_argument("--vocab-size", type=int, default=16_000)
    encoder.add_argument("--hidden-size", type=int, default=256)
    encoder.add_argument("--layers", type=int, default=4)
    encoder.add_argument("--heads", type=int, default=4)
    encoder.add_argument(
        "--random-start", action="store_true", help="a new BERT's word vectors at random, not from counts"
    )
    training = parser.add_argument_group("training")
    length = training.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, default=3.0, help="passes over the texts")
    length.add_argument("--steps", type=int, help="updates, in place of passes")
    training.add_argument("--batch-tokens", type=int, default=4096, help="sub-words in a batch, padding included")
    training.add_argument(
        "--max-length", type=int, default=128, help="sub-words in a text; longer ones are cut into windows"
    )
    training.add_argument("--learning-rate", type=float, help="1e-3 for a new encoder, 5e-5 for one that exists")
    training.add_argument("--mask", type=float, default=0.15, help="share of sub-words that are to be predicted")
    training.add_argument("--dropout", type=float, help="0 for a new encoder; one that exists keeps its own")
    training.add_argument(
        "--evaluate-every", type=int, default=1000, help="updates between two held-out losses and checkpoints"
    )
    training.add_argument(
        "--patience", type=int, help="stop after so many evaluations without a lower loss, and keep the best"
    )
    training.add_argument(
        "--bf16", action="store_true", help="compute in bfloat16, on a GPU or a CPU that is made for it"
    )
    training.add_argument("--float16", action="store_true", help="save the weights in float16, in half the space")
    training.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    if not args.text and not args.parallel:
        parser.error("nothing to learn from: give --text or --parallel")
    return args


def main() -> None:
    args = arguments()
    settings = {key: value for key, value in vars(args).items() if key != "folder"}
    corpora = []
    if not is_done_but_for_tidying(args.folder, settings):
        check_folder(args.folder, settings)
        transformers.set_seed(args.seed)
        corpora = read_corpora(args)
    with worked_on_alone(args.folder / WORK):
        if not is_done_but_for_tidying(args.folder, settings):
            check_folder(args.folder, settings)  # another process may have worked there since
            begin(args.folder / WORK, settings)
            pretrain(args, settings, corpora)
        finish(args.folder)


def pretrain(args: argparse.Namespace, settings: Dict[str, Any], corpora: List[Corpus]) -> None:
    files = load(args.encoder) if args.encoder else None
    tokenizer, config = (files.tokenizer(), files.config()) if files else make(args, corpora)
    model = language_model(config, args)
    max_length = min(args.max_length, files.max_length()) if files else args.max_length
    if files:
        files.check(model.base_model, max_length - sum(map(len, files.special_tokens())), config.hidden_size)
    training, numbers = encoded([corpus.training for corpus in corpora], tokenizer, max_length)
    say(f"{sum(text.length for text in training):,} sub-words in {len(training):,} texts of {len(corpora)} files")
    if not args.encoder and not args.random_start:
        begin_with_counts(model, training, args.seed)

    lengths = [text.length for text in training]
    num_steps = args.steps or max(1, round(args.epochs * steps_of_pass(lengths, numbers, args)))
    batches = TokenBatches(
        lengths,
        numbers,
        batch_tokens=args.batch_tokens,
        num_batches=num_steps,
        smoothing=args.smoothing,
        seed=args.seed,
    )
    collator = MaskingCollator(tokenizer, args.mask, first_position(model), args.seed)
    held_out = {
        corpus.name: held_out_batches(
            Texts(encode(corpus.held_out, tokenizer, max_length)), collator, args.batch_tokens, args.seed
        )
        for corpus in corpora
        if corpus.held_out
    }
    if args.patience and not any(held_out.values()):
        raise ValueError("--patience waits for a lower loss on held-out text, and none is held out. Leave it out.")
    trainer = MaskedLanguageModelTrainer(
        model,
        training_arguments(args, num_steps),
        data_collator=collator,
        train_dataset=Texts(training),
        eval_dataset=Texts([]),
        tokenizer=tokenizer,
        batches=batches,
        held_out=held_out,
        callbacks=[Patience(args.patience)] if args.patience else [],
    )
    report: Dict[str, Any] = {
        "command": "python " + shlex.join(sys.argv),
        "settings": settings,
        "corpora": describe(corpora, training, numbers),
    }
    report.update(train(args, trainer, batches))
    model.config = config  # with the dropout that it had
    save(args, model, tokenizer, report)


def is_done_but_for_tidying(folder: Path, settings: Dict[str, Any]) -> bool:
    """Whether a run with these settings was broken off when all was written and its checkpoints were being removed."""
    report = read_json(folder / REPORT)
    return isinstance(report, dict) and report.get("settings") == settings and (folder / WORK).exists()


def check_folder(folder: Path, settings: Dict[str, Any]) -> None:
    """
    # Raises

    `ValueError`
        Where a folder is neither new nor that of a run that was begun with the same settings.
    """
    if (folder / REPORT).exists():
        raise ValueError(f"{folder} holds an encoder that is done. Name another folder, or remove this one.")
    begun = folder / WORK / SETTINGS
    earlier = read_json(begun)
    if not isinstance(earlier, dict):
        if folder.exists() and any(path.name != WORK for path in folder.iterdir()):
            raise ValueError(f"{folder} holds other files. Name a new folder.")
        if checkpoints(folder / WORK):
            raise ValueError(
                f"{begun} is damaged or gone, so that nobody knows what the checkpoints beside it are of. Remove "
                f"{folder / WORK}, and the training begins anew."
            )
        return
    changes = [
        f"{key} was {earlier.get(key)} and is {settings[key]}" for key in settings if settings[key] != earlier.get(key)
    ]
    if changes:
        raise ValueError(
            f"{folder} holds a run that was begun with other settings: {'; '.join(changes)}. Take those, or another folder."
        )


@contextlib.contextmanager
def worked_on_alone(work: Path) -> Iterator[None]:
    """Makes a folder where there is none, and keeps other processes from working in it."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Another process is pretraining in {work.parent}. Wait for it, or name another folder."
            ) from None
        yield


def begin(work: Path, settings: Dict[str, Any]) -> None:
    """Notes the settings, unless a run has been begun with them: only then is what lies in the folder of use."""
    remove_parts(work)
    if read_json(work / SETTINGS) == settings:
        return
    for path in work.iterdir():
        if path.name != LOCK:
            path.unlink()
    write_json(work / SETTINGS, settings)


def read_corpora(args: argparse.Namespace) -> List[Corpus]:
    files = named_files(args.text)
    pairs = named_files(args.parallel)
    if twice := sorted(files.keys() & pairs.keys()):
        raise ValueError(f"A text and a parallel file are both called '{twice[0]}'. Name them apart: NAME=PATH.")
    corpora = {name: list(read_text(path)) for name, path in files.items()}
    corpora.update({name: list(read_pairs(path)) for name, path in pairs.items()})
    empty = [name for name, texts in corpora.items() if not texts]
    if empty:
        raise ConfigurationError(
            f"{({**files, **pairs})[empty[0]]} holds no text. Check that it is the file that was meant."
        )
    return split_corpora(corpora, args.held_out, args.seed)


def load(encoder: str) -> EncoderFiles:
    """An encoder that exists, and can learn from masked text."""
    if is_archive(encoder):
        raise ValueError(
            f"'{encoder}' is an archive. Give the encoder that it was trained from: a hub name or a folder."
        )
    files = EncoderFiles(encoder)
    needed = ("mask_token", "cls_token", "sep_token", "pad_token")
    missing = [name for name in needed if getattr(files.tokenizer(), name) is None]
    if missing:
        raise ValueError(
            f"The tokenizer of encoder '{encoder}' has no {missing[0]}, which masked language modelling needs. Take an encoder "
            "that was pretrained by it, such as BERT, RoBERTa, XLM-R or DistilBERT."
        )
    return files


def make(args: argparse.Namespace, corpora: Iterable[Corpus]) -> Tuple[PreTrainedTokenizerFast, PretrainedConfig]:
    """The tokenizer and the config of a new BERT: cased word pieces, learned from the training texts."""
    say("Learning word pieces")
    lines = chain.from_iterable(chain.from_iterable(corpus.training for corpus in corpora))
    tokenizer = learn_word_pieces(lines, args.vocab_size, args.max_length)
    return tokenizer, new_config(len(tokenizer), args.hidden_size, args.layers, args.heads, args.max_length)


def language_model(config: PretrainedConfig, args: argparse.Namespace) -> PreTrainedModel:
    """The encoder with its output layer: random weights, or those of an encoder that exists."""
    config = copy.deepcopy(config)
    dropout = args.dropout if args.encoder else args.dropout or 0.0
    for name in DROPOUTS:
        if dropout is not None and hasattr(config, name):
            setattr(config, name, dropout)
    # On a CPU the plain attention is faster than the fused one, for texts as short as these.
    attention = "sdpa" if torch.cuda.is_available() else "eager"
    if args.encoder:
        source = encoder_source(args.encoder)
        model, _ = load_model(AutoModelForMaskedLM, args.encoder, source, config, attn_implementation=attention)
        return model
    return AutoModelForMaskedLM.from_config(config, trust_remote_code=False, attn_implementation=attention)


def begin_with_counts(model: PreTrainedModel, texts: List[Encoded], seed: int) -> None:
    """Word vectors from counts, scaled to the spread they would have at random, and the output's bias from frequencies."""
    say("Counting, and making vectors of the counts")
    vectors = model.get_input_embeddings().weight
    counted = count_vectors(texts, vectors.shape[0], vectors.shape[1], seed)
    frequencies = log_frequencies(texts, vectors.shape[0])
    with torch.no_grad():
        vectors.copy_(torch.from_numpy(counted) * (model.config.initializer_range / counted.std()))
        model.get_output_embeddings().bias.copy_(torch.from_numpy(frequencies))


def encoded(
    corpora: List[List[Tuple[str, ...]]], tokenizer: PreTrainedTokenizerFast, max_length: int
) -> Tuple[List[Encoded], List[int]]:
    """All texts, and the number of the corpus that each is from."""
    texts: List[Encoded] = []
    numbers: List[int] = []
    for number, corpus in enumerate(corpora):
        found = encode(corpus, tokenizer, max_length)
        texts += found
        numbers += [number] * len(found)
    return texts, numbers


def steps_of_pass(lengths: List[int], numbers: List[int], args: argparse.Namespace) -> int:
    one = TokenBatches(
        lengths, numbers, batch_tokens=args.batch_tokens, num_batches=1, smoothing=args.smoothing, seed=args.seed
    )
    return sum(1 for _ in one.one_pass(0))


def first_position(model: PreTrainedModel) -> Optional[int]:
    """The encoder's first position, None where it takes none from outside. RoBERTa and its kin begin after the padding id."""
    if "position_ids" not in inspect.signature(model.base_model.forward).parameters:
        return None
    embeddings = getattr(model.base_model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else padding + 1


def training_arguments(args: argparse.Namespace, num_steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(args.folder / WORK),
        max_steps=num_steps,
        learning_rate=args.learning_rate or (5e-5 if args.encoder else 1e-3),
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
        remove_unused_columns=False,
        report_to=[],
        seed=args.seed,
    )


def train(args: argparse.Namespace, trainer: MaskedLanguageModelTrainer, batches: TokenBatches) -> Dict[str, Any]:
    """Trains, from the last checkpoint where there is one. Returns what is to be reported."""
    work = args.folder / WORK
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
        "sub_words": batches.num_tokens(steps),
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


def describe(corpora: List[Corpus], texts: List[Encoded], numbers: List[int]) -> Dict[str, Dict[str, int]]:
    sizes = np.bincount(numbers, weights=[text.length for text in texts], minlength=len(corpora))
    return {
        corpus.name: {
            "training_lines": len(corpus.training),
            "training_sub_words": int(size),
            "held_out_lines": len(corpus.held_out),
            "lines_dropped_because_held_out": corpus.num_dropped,
        }
        for corpus, size in zip(corpora, sizes)
    }


def save(
    args: argparse.Namespace, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, report: Dict[str, Any]
) -> None:
    """Writes the encoder, then its report, by which it is known to be whole."""
    if args.float16:
        model = model.half()
    with encoder_written_whole(args.folder, REMEDY) as new:
        model.save_pretrained(new)
        tokenizer.save_pretrained(new, legacy_format=False)
    remove_parts(args.folder)
    write_json(args.folder / REPORT, report)


def finish(folder: Path) -> None:
    """Takes away what is needed no more, and says what has come out."""
    shutil.rmtree(folder / WORK)
    report = json.loads((folder / REPORT).read_bytes())
    for name in sorted(report["held_out_loss"]):
        say(f"{name}: {report['held_out_loss_before'][name]:.3f} before, {report['held_out_loss'][name]:.3f} after")
    say(f"{folder} is done: ENCODER={folder}")


def hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


def rounded(values: Dict[str, Any]) -> Dict[str, Any]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in values.items()}


def write_json(path: Path, content: Any) -> None:
    with said_of_writing(path, REMEDY), written_whole(path) as new:
        new.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a file holds; None where there is no file, or a damaged one."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"{error}. {REMEDY}" if error.errno in NO_SPACE else str(error))
    except (ConfigurationError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nBroken off. The same command goes on from the last checkpoint.", file=sys.stderr)
        sys.exit(130)
