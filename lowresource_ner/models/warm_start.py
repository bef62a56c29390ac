"""Beginning from what another model of this package has learned."""

import logging
from typing import Dict, List, Mapping, NamedTuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.models import Model

from lowresource_ner.archives.archive import archive_labels, archive_tokens, archive_weights

logger = logging.getLogger(__name__)


class TokenAxes(NamedTuple):
    """The first `number` axes of a weight run over the tokens of a vocabulary namespace, from its token of index `first` on."""

    namespace: str
    number: int = 1
    first: int = 0


def tag_axes(label_namespace: str, projection: str, tag_head: str) -> Dict[str, TokenAxes]:
    """The weights of a tagger that run over its tags: of its linear layer `projection` and of its `tag_head`, both by name."""
    return {
        f"{projection}.weight": TokenAxes(label_namespace),
        f"{projection}.bias": TokenAxes(label_namespace),
        f"{tag_head}.crf.transitions": TokenAxes(label_namespace, number=2),
        f"{tag_head}.crf.start_transitions": TokenAxes(label_namespace),
        f"{tag_head}.crf.end_transitions": TokenAxes(label_namespace),
    }


def check_common_labels(vocab: Vocabulary, archive: str, label_namespace: str) -> None:
    """
    # Raises

    `ConfigurationError`
        Where the archive is none of this package, or no entity tag of the namespace is common to both.
    """
    old = archive_labels(archive, label_namespace)
    new = list(vocab.get_token_to_index_vocabulary(label_namespace))
    if not set(new) & set(old) - {"O"}:
        raise ConfigurationError(
            f"{archive} and this model have no entity tag in common: {', '.join(old)} there, {', '.join(new)} "
            "here. Give the same names with the reader's 'label_map', or begin from the encoder alone."
        )
    lost = sorted(set(old) - set(new))
    if lost:
        logger.warning("%s knows tags that the new data lacks; they are forgotten: %s", archive, lost)


def warm_start(model: Model, archive: str, token_axes: Mapping[str, TokenAxes]) -> None:
    """
    Copies an archive's weights into `model` wherever a weight of the same name and shape exists; those of `token_axes` token by
    token (a word's vector, a tag's row), for the tokens that both vocabularies know. What is not taken over is logged.

    # Parameters

    model : `Model`
    archive : `str`
    token_axes : `Mapping[str, TokenAxes]`
        By names of weights.

    # Raises

    `ConfigurationError`
        Where the archive is none of this package, or its encoder is of another shape.
    """
    learned = archive_weights(archive)
    tokens = {axes.namespace: archive_tokens(archive, axes.namespace) for axes in token_axes.values()}
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
                    f"Weight '{name}' has shape {tuple(learned[name].shape)} in {archive} and {tuple(weight.shape)} here. Use "
                    "the encoder of the archive: give the archive as 'model_name' of the indexer and the embedder as well, or "
                    "the same sizes."
                )
    if taken_over == 0:
        raise ConfigurationError(
            f"{archive} has no weight of this model's encoder. Give the token indexer and embedder the name that they have there."
        )
    logger.info("Continuing from %s. Not taken over: %s", archive, left_out or "nothing")


def _copy_tokens(
    weight: torch.Tensor, learned: torch.Tensor, vocab: Vocabulary, tokens: Dict[str, List[str]], axes: TokenAxes
) -> None:
    old_index = {token: index for index, token in enumerate(tokens[axes.namespace])}
    pairs = [
        (index - axes.first, old_index[token] - axes.first)
        for index, token in vocab.get_index_to_token_vocabulary(axes.namespace).items()
        if token in old_index and index >= axes.first
    ]
    new, old = torch.tensor(pairs, dtype=torch.long).view(-1, 2).unbind(dim=1)
    if axes.number == 1:
        weight[new] = learned[old]
    else:
        weight[new.unsqueeze(1), new] = learned[old.unsqueeze(1), old]
