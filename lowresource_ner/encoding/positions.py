"""Finds out how an encoder counts the positions of sub-words."""

import inspect
from typing import Optional

import torch
from transformers import PretrainedConfig, PreTrainedModel

from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.encoding.loading import new_model


def number_of_positions(name: str, config: PretrainedConfig) -> Optional[int]:
    """
    The number of sub-words that an encoder has positions for; `None` if positions are relative and unlimited.

    Encoders like RoBERTa count positions from the one after the padding's, which is the padding index of their position table.
    LED's config has a separate number for its encoder.
    """
    names = ("max_position_embeddings", "max_encoder_position_embeddings")
    positions = next((getattr(config, name) for name in names if getattr(config, name, None)), 0)
    if positions <= 0:
        return None
    with preserved_random_state(), torch.device("meta"):  # no memory and no arithmetic
        model = new_model(name, config)
    tables = [
        module
        for path, module in model.named_modules()
        if "position" in path.rpartition(".")[2] and getattr(module, "padding_idx", None) is not None
    ]
    sizes = [(table.weight.shape[0], table.padding_idx) for table in tables if hasattr(table, "weight")]
    return min((size - padding - 1 for size, padding in sizes), default=positions)


def first_position(model: PreTrainedModel) -> Optional[int]:
    """
    The position of a sentence's first sub-word, in encoders whose `forward` takes `position_ids`; `None` for others. RoBERTa and
    encoders like it begin after the padding's position.
    """
    if "position_ids" not in inspect.signature(model.base_model.forward).parameters:
        return None
    embeddings = getattr(model.base_model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else padding + 1
