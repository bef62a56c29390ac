"""The options of the commands that train encoders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Optional

from lowresource_ner.common.options import option

REMEDY = "Free space; the same command continues from the last checkpoint."
"""What to do if the disk is full."""

FILE = "[NAME=]FILE"

REPORT = "pretraining.json"
"""The report of `pretrain-encoder`, which it writes last."""

WEIGHTS = "model.safetensors"

SUB_WORDS = "sub-words"
MASKINGS = (SUB_WORDS, "words", "spans")
"""What is masked at once: single sub-words, whole words, or spans of whole words."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The options that both commands have. Raises a `ValueError` if there is nothing to do."""

    text: List[str] = option(list, "raw text, a sentence a line", metavar=FILE)
    parallel: List[str] = option(list, "text<TAB>translation", metavar=FILE)
    held_out: int = option(500, "lines of each file that are held out, a tenth at most")
    smoothing: float = option(0.7, "exponent of the files' shares: 1 for their actual shares, 0 for equal ones")
    epochs: float = option(3.0, "passes over the texts (default = 3.0)", group="length")
    steps: Optional[int] = option(None, "updates, instead of passes; 0 distils without training", group="length")
    batch_tokens: int = option(4096, "sub-words in a batch, padding included")
    max_length: int = option(128, "sub-words in a text; longer ones are cut into windows")
    mask: float = option(0.15, "share of sub-words that are to be predicted")
    masking: str = option(
        SUB_WORDS, "what is masked: single sub-words, whole words, or spans of words", choices=MASKINGS
    )
    evaluate_every: int = option(1000, "updates between two held-out losses and checkpoints")
    patience: Optional[int] = option(None, "stop after this many evaluations without a lower loss, and keep the best")
    bf16: bool = option(False, "compute in bfloat16, on a GPU or a CPU that supports it")
    float16: bool = option(False, "save the weights in float16")
    seed: int = option(13)

    def __post_init__(self) -> None:
        if not self.text and not self.parallel:
            raise ValueError("There is nothing to learn from. Give --text or --parallel.")
        if not 0 <= self.mask <= 1:
            raise ValueError(f"--mask is {self.mask}; it is a share, from 0 to 1.")
        if self.masking not in MASKINGS:
            raise ValueError(f"--masking is '{self.masking}'; it is one of {', '.join(MASKINGS)}.")

    @property
    def masks_words(self) -> bool:
        """Whether words are masked as a whole."""
        return self.masking != SUB_WORDS


@dataclass(frozen=True, kw_only=True)
class PretrainingOptions(TrainingOptions):
    encoder: Optional[str] = option(
        None, "a Hugging Face folder or hub name to continue; by default, a new BERT is made"
    )
    vocab_size: int = option(16_000, "vocabulary size of a new BERT")
    hidden_size: int = option(256, "hidden size of a new BERT")
    layers: int = option(4, "layers of a new BERT")
    heads: int = option(4, "attention heads of a new BERT")
    random_start: bool = option(False, "start a new BERT with random word vectors, not with those from counts")
    learning_rate: Optional[float] = option(None, "1e-3 for a new encoder, 5e-5 for an existing one")
    dropout: Optional[float] = option(None, "0 for a new encoder; an existing one keeps its own")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"--steps is {self.steps}, and must be 1 or more.")


@dataclass(frozen=True, kw_only=True)
class DistillationOptions(TrainingOptions):
    teacher: str = option(help="a Hugging Face folder or hub name")
    layers: Optional[int] = option(None, "layers of the student; by default, all of the teacher's")
    vocab_size: Optional[int] = option(None, "the most pieces to keep; by default, all")
    hidden_weight: float = option(1.0, "weight of the loss of hidden states")
    mlm_weight: float = option(0.5, "weight of the loss of masked words")
    learning_rate: float = option(5e-4)
    dropout: float = option(0.0, "dropout in training; the student's config keeps the teacher's")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps == 0 and self.layers is None and self.vocab_size is None:
            raise ValueError("There is nothing to do. Give --layers or --vocab-size, or more than 0 --steps.")


def named_files(arguments: Iterable[str]) -> Dict[str, str]:
    """
    Paths by name. An argument is `name=path`, or `path`, which is named after the file without its suffixes.

    # Raises

    `ValueError`
        If two files have the same name.
    """
    files: Dict[str, str] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or "/" in name:
            name, path = Path(argument).name.split(".")[0], argument
        if name in files:
            raise ValueError(f"Two files are called '{name}'. Name them apart: NAME=PATH.")
        files[name] = path
    return files
