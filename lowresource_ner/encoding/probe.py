"""Runs a newly loaded encoder on one small batch, to detect problems before a training starts."""

import contextlib
import inspect
import logging
from typing import Any, Iterator, List, Optional, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lowresource_ner.common.damaged_files import reason
from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.encoding.input_format import InputFormat

logger = logging.getLogger(__name__)

_WORDS = ["a", "b's", "c-1", "d."]
_SHORT = 3
# The most sub-words of the long sentence: memory and time grow with their square, and XLM-R may have 8,194 positions. Longer
# tables of positions are counted instead (`number_of_positions`).
_LONG = 1024
# Relative to the vectors' values: far above rounding errors, far below the effect of padding that is read as text.
_TOLERANCE = 0.01
_OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)
_TAKE_ANOTHER = "Take another encoder, such as BERT, XLM-RoBERTa, DeBERTa or a similar one."


def check_encoder(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    input_format: InputFormat,
    size: int,
    dim: Optional[int],
) -> None:
    """
    Runs a model on a batch of a long sentence and a short one, and on the short one alone. The long one has `size` sub-words, but
    at most 1,024. The model is left as it was, and no random numbers are drawn.

    # Parameters

    model : `PreTrainedModel`
        Its first output is hidden states or logits, (num_sentences, num_subwords, dim).
    tokenizer : `PreTrainedTokenizerFast`
    input_format : `InputFormat`
    size : `int`
        The number of sub-words in a window, special tokens not included.
    dim : `Optional[int]`
        The expected last dimension of the output.

    # Raises

    `ConfigurationError`
        If the tokenizer has sub-words that the model lacks; or if the model takes no attention mask, cannot read the long
        sentence, needs other input than sub-words, or returns other vectors when there is padding.
    """
    _check_vocabulary(model, tokenizer, input_format)
    probe = _Probe(model, _sentence(tokenizer, input_format, min(size, _LONG)), input_format, dim)
    if "attention_mask" not in inspect.signature(model.forward).parameters:
        raise ConfigurationError(
            f"{probe.name} takes no attention mask: it reads the padding of a batch as text, and its output would depend on the "
            f"other sentences in the batch. {_TAKE_ANOTHER}"
        )
    with preserved_random_state(), torch.no_grad(), _restored(model):
        # In this order, as encoders that read long sentences differently (BigBird) stop doing so after the first short one.
        beside, alone = probe.run_both()[1], probe.run_short()[0]
        beside = beside[: len(alone)]
    if not float((beside - alone).abs().max()) <= _TOLERANCE * float(alone.abs().mean()):
        raise ConfigurationError(
            f"{probe.name} returns different vectors for a short sentence when it is batched with a sentence of {probe.longest} "
            "sub-words, so that its output would depend on the other sentences in the batch: it does not ignore padding, "
            "or reads long sentences differently from short ones. Where a smaller 'max_length' does not help: "
            f"{_TAKE_ANOTHER}"
        )


def _check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, input_format: InputFormat) -> None:
    try:
        embeddings: Any = model.get_input_embeddings()
    except NotImplementedError:
        return
    if not isinstance(getattr(embeddings, "weight", None), torch.Tensor):
        return
    num_rows = embeddings.weight.shape[0]
    # Text is never tokenised to a special token, so unused special tokens do no harm.
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    stand_in = tokenizer.unk_token_id or tokenizer.mask_token_id or 0
    used = {*input_format.prefix, *input_format.suffix, input_format.pad_id, stand_in}
    lacking = {number for number in (set(tokenizer.get_vocab().values()) - special) | used if number >= num_rows}
    if not lacking:
        return
    fault = (
        f"The tokenizer of encoder '{input_format.name}' has sub-words up to number {max(lacking)}, and its model has vectors "
        f"for {num_rows} (0 to {num_rows - 1})"
    )
    if input_format.as_trained and lacking <= set(tokenizer.added_tokens_decoder) - used:
        added = ", ".join(repr(tokenizer.convert_ids_to_tokens(number)) for number in sorted(lacking)[:3])
        logger.warning("%s: it will stop at a text with one of the %d added tokens (%s).", fault, len(lacking), added)
        return
    raise ConfigurationError(
        f"{fault}: they do not belong together. Give a folder of a model and its own tokenizer, "
        "or make room for the sub-words with transformers' resize_token_embeddings(len(tokenizer)) and save both."
    )


def _sentence(tokenizer: PreTrainedTokenizerFast, input_format: InputFormat, length: int) -> List[int]:
    """A sentence of `length` sub-words."""
    ids = tokenizer(_WORDS, is_split_into_words=True, add_special_tokens=False)["input_ids"]
    ids = [number for number in ids if number != input_format.pad_id] or [tokenizer.unk_token_id or 0]
    return (ids * length)[:length]


class _Probe:
    """Runs a model on a long and a short sentence."""

    def __init__(self, model: PreTrainedModel, long: List[int], input_format: InputFormat, dim: Optional[int]) -> None:
        self.name = f"Encoder '{input_format.name}' ({model.config.model_type})"
        self._model = model
        self._input_format = input_format
        self._dim = dim
        self._long, self._short = long, long[:_SHORT]
        self.longest = len(long) + input_format.num_special_tokens

    def run_both(self) -> torch.Tensor:
        """Vectors of shape (2, num_subwords, dim)."""
        try:
            return self._run([self._long, self._short])
        except _OUT_OF_MEMORY:
            raise
        except Exception as error:
            self.run_short()  # raises an error of its own if the length is not the reason
            although = ", although its config says so" if self._input_format.has_limit else ""
            raise ConfigurationError(
                f"{self.name} cannot read a sentence of {self.longest} sub-words, special tokens included{although}: "
                f"{reason(error)} Give 'max_length', the number that its card says, below {self.longest}."
            ) from error

    def run_short(self) -> torch.Tensor:
        """Vectors of shape (1, num_subwords, dim)."""
        try:
            vectors = self._run([self._short])
        except _OUT_OF_MEMORY:
            raise
        except Exception as error:
            raise ConfigurationError(self._explained(error)) from error
        if not torch.isfinite(vectors).all():
            raise ConfigurationError(
                f"{self.name} returns vectors that are not finite (nan or infinite): its weights are damaged. Download "
                "or train it again."
            )
        return vectors

    def _run(self, sentences: Sequence[List[int]]) -> torch.Tensor:
        rows = [torch.tensor(sentence, device=self._model.device) for sentence in sentences]
        lengths = torch.tensor(list(map(len, sentences)), device=self._model.device)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        ids, mask = self._input_format.with_special_tokens(padded, lengths)
        vectors = self._model(input_ids=ids, attention_mask=mask)[0]
        if vectors.shape[:-1] != ids.shape or self._dim not in (None, vectors.shape[-1]):
            raise ValueError(
                f"vectors of shape {(*ids.shape, self._dim)} were expected, and these have the shape {tuple(vectors.shape)}."
            )
        return vectors

    def _explained(self, error: Exception) -> str:
        config: Any = self._model.config
        languages = getattr(config, "languages", None)
        if languages and getattr(config, "default_language", None) is None:
            return (
                f"{self.name} needs to know the language of its text, which is one of {', '.join(languages)}. Download it into "
                'a folder with save_pretrained, write "default_language" into the config.json there, and give the folder.'
            )
        return (
            f"{self.name} cannot be run on the sub-words of a sentence: {reason(error)} It may need other input than text. "
            f"{_TAKE_ANOTHER}"
        )


@contextlib.contextmanager
def _restored(model: PreTrainedModel) -> Iterator[None]:
    """Sets evaluation mode, and restores the mode and BigBird's attention type, which a short sentence changes permanently."""
    was_training = model.training
    changeable: List[Any] = [module for module in model.modules() if hasattr(module, "set_attention_type")]
    kinds = [module.attention_type for module in changeable]
    model.eval()
    try:
        yield
    finally:
        for module, kind in zip(changeable, kinds):
            module.set_attention_type(kind)
        model.train(was_training)
