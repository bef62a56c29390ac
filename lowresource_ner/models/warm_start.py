"""Copies weights from an archive of this package into a new model."""

import logging
from typing import Dict, List, Mapping, Optional

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.models import Model

from lowresource_ner.archives.archive import Archive
from lowresource_ner.models.tagger import current_weight_name
from lowresource_ner.modules.token_axes import TokenAxes
from lowresource_ner.tagging import types_of

logger = logging.getLogger(__name__)


def warm_start(
    model: Model, path: str, token_axes: Mapping[str, TokenAxes], label_namespace: Optional[str] = None
) -> None:
    """
    Copies the weights of an archive into the weights of `model` that have the same name and shape. Weights in `token_axes` are
    copied token by token (a word's vector, a tag's row), for the tokens that both vocabularies have. Weights that are not copied
    are logged.

    # Parameters

    model : `Model`
    path : `str`
        The archive, or the folder of its training run.
    token_axes : `Mapping[str, TokenAxes]`
        By name of the weight.
    label_namespace : `Optional[str]`
        A vocabulary namespace of tags, which must share an entity tag with the archive's.

    # Raises

    `ConfigurationError`
        If the archive is not one of this package, its encoder has another shape, or no entity tag is shared.
    """
    with Archive(path) as archive:
        if label_namespace is not None:
            _check_common_labels(model.vocab, archive, label_namespace)
        own = model.state_dict().keys()
        learned = {current_weight_name(name, own): weight for name, weight in archive.weights().items()}
        tokens = {axes.namespace: archive.tokens(axes.namespace) for axes in token_axes.values()}
    left_out: List[str] = []
    taken_over = 0
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name not in learned or name.endswith("_constraint_mask"):
                left_out.append(name)
            elif name in token_axes:
                _copy_tokens(weight, learned[name], model.vocab, tokens, token_axes[name])
            elif weight.shape == learned[name].shape:
                weight.copy_(learned[name])
                taken_over += 1
            else:
                raise ConfigurationError(
                    f"Weight '{name}' has shape {tuple(learned[name].shape)} in {path} and {tuple(weight.shape)} here. Use "
                    "the encoder of the archive: give the archive as 'model_name' of the indexer and the embedder as well, or "
                    "the same sizes."
                )
    if taken_over == 0:
        raise ConfigurationError(
            f"{path} has no weight of this model's encoder. Give the token indexer and embedder the name that they have there."
        )
    logger.info("Continuing from %s. Not taken over: %s", path, left_out or "nothing")


def _check_common_labels(vocab: Vocabulary, archive: Archive, label_namespace: str) -> None:
    old = archive.labels(label_namespace)
    new = list(vocab.get_token_to_index_vocabulary(label_namespace))
    if not set(new) & set(old) - {"O"}:
        raise ConfigurationError(
            f"{archive.path} and this model have no entity tag in common: {', '.join(old)} there, {', '.join(new)} "
            "here. Give the same names with the reader's 'label_map', or begin from the encoder alone: give the archive as "
            "'model_name' of the indexer and the embedder, and no 'pretrained_file'."
        )
    lost = sorted(set(old) - set(new))
    if lost:
        logger.warning("%s knows tags that the new data lacks; they are forgotten: %s", archive.path, lost)


def _copy_tokens(
    weight: torch.Tensor, learned: torch.Tensor, vocab: Vocabulary, tokens: Dict[str, List[str]], axes: TokenAxes
) -> None:
    by_index = vocab.get_index_to_token_vocabulary(axes.namespace)
    old_tokens, new_tokens = tokens[axes.namespace], [by_index[index] for index in range(len(by_index))]
    if axes.of_types:
        old_tokens, new_tokens = types_of(old_tokens), types_of(new_tokens)
    old_index = {token: index for index, token in enumerate(old_tokens)}
    pairs = [
        (index - axes.first, old_index[token] - axes.first)
        for index, token in enumerate(new_tokens)
        if token in old_index and index >= axes.first
    ]
    new, old = torch.tensor(pairs, dtype=torch.long).view(-1, 2).unbind(dim=1)
    if axes.number == 1:
        weight[new] = learned[old]
    else:
        weight[new.unsqueeze(1), new] = learned[old.unsqueeze(1), old]
