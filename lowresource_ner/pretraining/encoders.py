"""Encoders that exist, with the output layer of a masked language model."""

import contextlib
import copy
import inspect
from typing import Iterator, List, Optional, Tuple

import torch
from transformers import AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from lowresource_ner.archives.archive import is_archive
from lowresource_ner.encoding.encoder_files import EncoderFiles, encoder_source
from lowresource_ner.encoding.loading import load_model

# What dropout is called in the configs of BERT and its kin.
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


def load_files(encoder: str) -> EncoderFiles:
    """
    An encoder that exists, and can learn from masked text.

    # Raises

    `ValueError`
        Where it is an archive, or its tokenizer has no token for what is masked.
    `ConfigurationError`
        Where it cannot be read.
    """
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


def load_language_model(encoder: str, config: PretrainedConfig) -> Tuple[PreTrainedModel, List[str]]:
    """The model, and the names of its weights that are not in the encoder's files and so are random."""
    source = encoder_source(encoder)
    with _weights_copied():
        return load_model(AutoModelForMaskedLM, encoder, source, config, attn_implementation=_attention())


def new_language_model(config: PretrainedConfig) -> PreTrainedModel:
    """A model of random weights."""
    return AutoModelForMaskedLM.from_config(config, trust_remote_code=False, attn_implementation=_attention())


def with_dropout(config: PretrainedConfig, dropout: Optional[float]) -> PretrainedConfig:
    """A copy of a config with this dropout; with its own for None."""
    config = copy.deepcopy(config)
    for name in _DROPOUTS:
        if dropout is not None and hasattr(config, name):
            setattr(config, name, dropout)
    return config


def first_position(model: PreTrainedModel) -> Optional[int]:
    """The encoder's first position, None where it takes none from outside. RoBERTa and its kin begin after the padding id."""
    if "position_ids" not in inspect.signature(model.base_model.forward).parameters:
        return None
    embeddings = getattr(model.base_model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else padding + 1


@contextlib.contextmanager
def _weights_copied() -> Iterator[None]:
    """
    Has transformers copy the weights that it loads into the model's own. Left to itself, version 4.43 puts them in their place,
    which parts the two names that the output layer's bias has, and the bias of RoBERTa, XLM-R and ALBERT is then 0.
    """
    PreTrainedModel._supports_param_buffer_assignment = False
    try:
        yield
    finally:
        del PreTrainedModel._supports_param_buffer_assignment


def _attention() -> Optional[str]:
    """
    On a CPU the plain attention, which is faster than the fused one for texts as short as these. On a GPU transformers' choice:
    the fused one for the models that have it, which RoBERTa and XLM-R in this version do not.
    """
    return None if torch.cuda.is_available() else "eager"
