"""Makes a masked language model smaller, with fewer layers or a smaller vocabulary. The rest keeps its weights."""

import copy
from typing import Dict, List, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from transformers import PretrainedConfig, PreTrainedModel

from lowresource_ner.encoding.positions import first_position
from lowresource_ner.pretraining.encoders import new_language_model

Weights = Dict[str, torch.Tensor]


def layer_spans(num_layers: int, num_kept: int) -> List[range]:
    """
    The teacher's layers that each layer of a student stands for, counted from 0: for 6 of 12, layers 0 and 1, 2 and 3, and so on.

    # Raises

    `ConfigurationError`
        If the student would have more layers than the teacher, or none.
    """
    if not 1 <= num_kept <= num_layers:
        raise ConfigurationError(
            f"--layers is {num_kept}, and the teacher has {num_layers}. Take a number from 1 to that."
        )
    ends = [number * num_layers // num_kept for number in range(num_kept + 1)]
    return [range(start, end) for start, end in zip(ends, ends[1:])]


def fewer_layers(config: PretrainedConfig, num_layers: int) -> PretrainedConfig:
    config = copy.deepcopy(config)
    config.num_hidden_layers = num_layers
    return config


def fewer_pieces(config: PretrainedConfig, pieces: Sequence[int]) -> PretrainedConfig:
    config = copy.deepcopy(config)
    config.vocab_size = len(pieces)
    place = {old: new for new, old in enumerate(pieces)}
    for name, number in token_ids(config).items():
        setattr(config, name, place.get(number))
    return config


def token_ids(config: PretrainedConfig) -> Dict[str, int]:
    """The token ids in a config, by name: `pad_token_id` and its like."""
    return {
        name: value for name, value in config.to_dict().items() if name.endswith("_token_id") and isinstance(value, int)
    }


def with_layers(model: PreTrainedModel, config: PretrainedConfig, layers: Sequence[int]) -> PreTrainedModel:
    """
    Copies some layers of a model to a smaller one (Sanh et al. 2019, DistilBERT, arXiv:1910.01108, section 3).

    # Parameters

    model : `PreTrainedModel`
        The larger model.
    config : `PretrainedConfig`
        The config of the smaller one.
    layers : `Sequence[int]`
        The layers that are kept, counted from 0.

    # Raises

    `ConfigurationError`
        If layers of the model cannot be left out.
    """
    num_layers = model.config.num_hidden_layers
    stacks = [
        f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == num_layers
    ]
    place = {str(old): new for new, old in enumerate(layers)}
    weights = {}
    for name, weight in model.state_dict().items():
        stack = next((stack for stack in stacks if name.startswith(stack)), "")
        number, _, rest = name.removeprefix(stack).partition(".")
        if not stack:
            weights[name] = weight
        elif number in place:
            weights[f"{stack}{place[number]}.{rest}"] = weight
    return _built(config, weights)


def with_pieces(model: PreTrainedModel, pieces: Sequence[int]) -> PreTrainedModel:
    """
    Reduces a model to a vocabulary of these pieces, whose new ids are their indices in the sequence. Every weight that has a row
    for each piece (word vectors, output layer and its bias) is reduced to the rows of these pieces.

    # Raises

    `ConfigurationError`
        If the positions of the model depend on the id of the padding, and that changes.
    """
    config = fewer_pieces(model.config, pieces)
    with torch.device("meta"):  # shapes only
        shapes = {name: weight.shape for name, weight in new_language_model(config).state_dict().items()}
    rows = torch.tensor(pieces)
    weights = {
        name: weight if weight.shape == shapes.get(name) else weight[rows]
        for name, weight in model.state_dict().items()
    }
    smaller = _built(config, weights)
    if first_position(smaller) != first_position(model):
        raise ConfigurationError(
            f"An encoder of type '{config.model_type}' counts its positions from the id of its padding, which is "
            f"{model.config.pad_token_id} and would be {config.pad_token_id}. Leave --vocab-size out, or take another encoder."
        )
    return smaller


def _built(config: PretrainedConfig, weights: Weights) -> PreTrainedModel:
    model = new_language_model(config)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigurationError(
            f"An encoder of type '{config.model_type}' cannot be made smaller here: its weights are not ordered as BERT's. "
            f"{error}. Take a BERT, RoBERTa, XLM-R, DistilBERT or a similar encoder."
        ) from error
    return model
