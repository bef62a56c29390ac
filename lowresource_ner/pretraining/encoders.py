"""Loads and builds encoders with the output layer of a masked language model."""

import contextlib
import copy
from typing import Iterator, List, Optional, Tuple

import torch
from transformers import AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from lowresource_ner.archives.archive import is_archive
from lowresource_ner.encoding.encoder_files import EncoderFiles, encoder_source
from lowresource_ner.encoding.loading import load_model

# The names of dropout in the configs of BERT and similar encoders.
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


def load_files(encoder: str) -> EncoderFiles:
    """
    Loads the files of an encoder that can learn from masked text.

    # Raises

    `ValueError`
        If it is an archive, or its tokenizer has no mask token.
    `ConfigurationError`
        If its files cannot be read.
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
            "that was pretrained with it, such as BERT, RoBERTa, XLM-R or DistilBERT."
        )
    return files


def load_language_model(encoder: str, config: PretrainedConfig) -> Tuple[PreTrainedModel, List[str]]:
    """The model, and the names of the weights that are missing in the encoder's files and therefore random."""
    source = encoder_source(encoder)
    with _weights_copied():
        return load_model(AutoModelForMaskedLM, encoder, source, config, attn_implementation=_attention())


def new_language_model(config: PretrainedConfig) -> PreTrainedModel:
    """A model with random weights."""
    return AutoModelForMaskedLM.from_config(config, trust_remote_code=False, attn_implementation=_attention())


def with_dropout(config: PretrainedConfig, dropout: Optional[float]) -> PretrainedConfig:
    """A copy of a config with this dropout; for None, with its own."""
    config = copy.deepcopy(config)
    for name in _DROPOUTS:
        if dropout is not None and hasattr(config, name):
            setattr(config, name, dropout)
    return config


@contextlib.contextmanager
def _weights_copied() -> Iterator[None]:
    """
    Makes transformers copy the loaded weights into the model's tensors. By default, version 4.43 replaces the tensors. The output
    layer's bias has two names, one of which is then not replaced, and the bias of RoBERTa, XLM-R and ALBERT is 0.
    """
    PreTrainedModel._supports_param_buffer_assignment = False
    try:
        yield
    finally:
        del PreTrainedModel._supports_param_buffer_assignment


def _attention() -> Optional[str]:
    """
    The plain attention on a CPU, where it is faster than the fused one for short texts; on a GPU, transformers' choice, which is
    the fused one for models that have it (in this version not RoBERTa and XLM-R).
    """
    return None if torch.cuda.is_available() else "eager"
