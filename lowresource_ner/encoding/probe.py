"""Whether an encoder reads words as this package gives them: found out by one batch when it is loaded, not in mid-training."""

import contextlib
import inspect
import logging
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lowresource_ner.common.damaged_files import reason
from lowresource_ner.common.preserved_random_state import preserved_random_state

logger = logging.getLogger(__name__)

_WORDS = ["a", "b's", "c-1", "d."]
_SHORT = 3
# Sub-words of the long sentence at most: memory and time grow with their square, and XLM-R may have 8,194 positions. What a table
# of positions has beyond is counted (`number_of_positions`).
_LONG = 1024
# Of the size of the vectors' numbers: far above rounding, far below what padding makes where it is read as text.
_TOLERANCE = 0.01
_OF_THE_MACHINE = (MemoryError, torch.OutOfMemoryError)
_ANOTHER = "Take another encoder, such as BERT, XLM-RoBERTa, DeBERTa or one of their kin."


class Probe(NamedTuple):
    """
    How sentences are given to an encoder.

    # Parameters

    name : `str`
        What the user calls the encoder, for messages.
    tokenizer : `PreTrainedTokenizerFast`
    prefix, suffix : `List[int]`
        The special tokens before and after a sentence.
    size : `int`
        The sub-words of the longest sentence, special tokens left out.
    pad_id : `int`
    is_in_config : `bool`, optional (default = `True`)
        Whether the config says that it can read so many, rather than our own default.
    as_trained : `bool`, optional (default = `False`)
        True for a model that has answered for somebody with this tokenizer: tokens that were added to it and lack a vector do no
        harm as long as no text has them.
    """

    name: str
    tokenizer: PreTrainedTokenizerFast
    prefix: List[int]
    suffix: List[int]
    size: int
    pad_id: int
    is_in_config: bool = True
    as_trained: bool = False


def check_encoder(model: PreTrainedModel, probe: Probe, dim: Optional[int]) -> None:
    """
    Runs a model on a batch of a long sentence and a short one, and on the short one alone. The long one has as many sub-words as
    the longest sentence, up to 1,024. The model is afterwards as it was, and no random numbers are drawn.

    # Parameters

    model : `PreTrainedModel`
        Whose output begins with vectors of sub-words, or logits.
    probe : `Probe`
    dim : `Optional[int]`
        How long the vectors should be.

    # Raises

    `ConfigurationError`
        Where the tokenizer has sub-words that the model lacks; the model takes no attention mask, cannot read the long
        sentence, needs something else than sub-words, or gives other vectors when there is padding.
    """
    _check_vocabulary(model, probe)
    if "attention_mask" not in inspect.signature(model.forward).parameters:
        raise ConfigurationError(
            f"{_named(model, probe)} takes no attention mask: it reads the padding of a batch as text, and its answers would "
            f"depend on the sentences that are read together. {_ANOTHER}"
        )
    long, short = _sentences(probe)
    with preserved_random_state(), torch.no_grad(), _as_it_was(model):
        # In this order, as encoders that have another way for long sentences (BigBird) give it up with the first short one.
        beside = _run_both(model, probe, long, short, dim)[1, : len(short)]
        alone = _run_short(model, probe, short, dim)[0]
    if not float((beside - alone).abs().max()) <= _TOLERANCE * float(alone.abs().mean()):
        raise ConfigurationError(
            f"{_named(model, probe)} gives the words of a short sentence other vectors alone than beside a sentence of "
            f"{len(long)} sub-words, so that its answers would depend on the sentences that are read together: it does not leave "
            f"padding out, or reads long sentences in another way than short ones. Where a smaller 'max_length' does not help: "
            f"{_ANOTHER}"
        )


def _check_vocabulary(model: PreTrainedModel, probe: Probe) -> None:
    try:
        embeddings: Any = model.get_input_embeddings()
    except NotImplementedError:
        return
    if not isinstance(getattr(embeddings, "weight", None), torch.Tensor):
        return
    tokenizer, num_rows = probe.tokenizer, embeddings.weight.shape[0]
    # A special token is not made of text, so that one that was added and is not used does no harm.
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    used = [*probe.prefix, *probe.suffix, probe.pad_id, tokenizer.unk_token_id or tokenizer.mask_token_id or 0]
    lacking = {number for number in (set(tokenizer.get_vocab().values()) - special) | set(used) if number >= num_rows}
    if not lacking:
        return
    fault = (
        f"The tokenizer of encoder '{probe.name}' has sub-words up to number {max(lacking)}, and its model has vectors for "
        f"{num_rows} (0 to {num_rows - 1})"
    )
    if probe.as_trained and lacking <= set(tokenizer.added_tokens_decoder) - set(used):
        added = ", ".join(repr(tokenizer.convert_ids_to_tokens(number)) for number in sorted(lacking)[:3])
        logger.warning("%s: it will stop at a text with one of the %d added tokens (%s).", fault, len(lacking), added)
        return
    raise ConfigurationError(
        f"{fault}: they do not belong together. Give a folder of a model and its own tokenizer, "
        "or make room for the sub-words with transformers' resize_token_embeddings(len(tokenizer)) and save both."
    )


def _sentences(probe: Probe) -> List[List[int]]:
    """A long sentence and a short one, with their special tokens."""
    ids = probe.tokenizer(_WORDS, is_split_into_words=True, add_special_tokens=False)["input_ids"]
    ids = [number for number in ids if number != probe.pad_id] or [probe.tokenizer.unk_token_id or 0]
    size = min(probe.size, _LONG)
    longest = (ids * size)[:size]
    return [[*probe.prefix, *longest[:length], *probe.suffix] for length in (size, _SHORT)]


def _run_both(
    model: PreTrainedModel, probe: Probe, long: List[int], short: List[int], dim: Optional[int]
) -> torch.Tensor:
    """(2, num_subwords, dim)"""
    try:
        return _run(model, [long, short], probe.pad_id, dim)
    except _OF_THE_MACHINE:
        raise
    except Exception as error:
        _run_short(model, probe, short, dim)  # which says so if it is not the length
        although = ", although its config says so" if probe.is_in_config else ""
        raise ConfigurationError(
            f"{_named(model, probe)} cannot read a sentence of {len(long)} sub-words, special tokens included{although}: "
            f"{reason(error)} Give 'max_length', the number that its card says, below {len(long)}."
        ) from error


def _run_short(model: PreTrainedModel, probe: Probe, sentence: List[int], dim: Optional[int]) -> torch.Tensor:
    """(1, num_subwords, dim)"""
    try:
        vectors = _run(model, [sentence], probe.pad_id, dim)
    except _OF_THE_MACHINE:
        raise
    except Exception as error:
        raise ConfigurationError(_what_it_lacks(model, probe, error)) from error
    if not torch.isfinite(vectors).all():
        raise ConfigurationError(
            f"{_named(model, probe)} gives vectors that are no numbers (nan or infinite): its weights are damaged. Download or "
            "train it again."
        )
    return vectors


def _run(model: PreTrainedModel, sentences: Sequence[List[int]], pad_id: int, dim: Optional[int]) -> torch.Tensor:
    width = max(map(len, sentences))
    ids = torch.tensor([[*each, *[pad_id] * (width - len(each))] for each in sentences], device=model.device)
    lengths = torch.tensor([len(each) for each in sentences], device=model.device)
    mask = torch.arange(width, device=model.device) < lengths.unsqueeze(1)
    vectors = model(input_ids=ids, attention_mask=mask.long())[0]
    if vectors.shape[:-1] != ids.shape or dim not in (None, vectors.shape[-1]):
        raise ValueError(
            f"vectors of shape {(*ids.shape, dim)} were expected, and these have the shape {tuple(vectors.shape)}."
        )
    return vectors


def _what_it_lacks(model: PreTrainedModel, probe: Probe, error: Exception) -> str:
    languages = getattr(model.config, "languages", None)
    if languages and getattr(model.config, "default_language", None) is None:
        return (
            f"{_named(model, probe)} has to be told the language of its text, which is one of "
            f'{", ".join(languages)}. Download it into a folder with save_pretrained, write "default_language" into the '
            "config.json there, and give the folder."
        )
    return (
        f"{_named(model, probe)} cannot be run on the sub-words of a sentence: {reason(error)} It may need other "
        f"input than text. {_ANOTHER}"
    )


@contextlib.contextmanager
def _as_it_was(model: PreTrainedModel) -> Iterator[None]:
    """In evaluation, and afterwards as before: also the attention of BigBird, which the first short sentence changes for good."""
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


def _named(model: PreTrainedModel, probe: Probe) -> str:
    return f"Encoder '{probe.name}' ({model.config.model_type})"
