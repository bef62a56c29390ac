"""Beginning from what another model of this package has learned."""

import logging
from typing import Mapping, Sequence

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.models import Model

from lowresource_ner.archives import archive_labels, archive_weights

logger = logging.getLogger(__name__)


def warm_start(model: Model, archive: str, label_namespace: str, tag_axes: Mapping[str, int]) -> None:
    """
    Copies an archive's weights into `model` wherever a weight of the same name and shape exists; those of `tag_axes` tag by
    tag, for the tags that both models know. What is not taken over is logged.

    # Parameters

    model : `Model`
    archive : `str`
    label_namespace : `str`
        The same in both.
    tag_axes : `Mapping[str, int]`
        Names of weights whose first 1 or 2 axes run over the tags.

    # Raises

    `ConfigurationError`
        Where the archive is none of this package, its encoder is of another shape, or no entity tag is common to both.
    """
    learned = archive_weights(archive)
    old_labels = archive_labels(archive, label_namespace)
    new_labels = list(model.vocab.get_token_to_index_vocabulary(label_namespace))
    common = [label for label in new_labels if label in old_labels]
    if not set(common) - {"O"}:
        raise ConfigurationError(
            f"{archive} and this model have no entity tag in common: {', '.join(old_labels)} there, {', '.join(new_labels)} "
            "here. Give the same names with the reader's 'label_map', or begin from the encoder alone."
        )
    left_out = []
    taken_over = 0
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name not in learned or name.endswith("_constraint_mask"):
                left_out.append(name)
            elif name in tag_axes:
                _copy_tags(
                    weight, learned[name], _indices(common, new_labels), _indices(common, old_labels), tag_axes[name]
                )
            elif weight.shape == learned[name].shape:
                weight.copy_(learned[name])
                taken_over += 1
            else:
                raise ConfigurationError(
                    f"Weight '{name}' has shape {tuple(learned[name].shape)} in {archive} and {tuple(weight.shape)} here. Use "
                    "the encoder of the archive: give the archive as 'model_name' of the indexer and the embedder as well."
                )
    if taken_over == 0:
        raise ConfigurationError(
            f"{archive} has no weight of this model's encoder. Give the token indexer and embedder the name that they have there."
        )
    lost = sorted(set(old_labels) - set(new_labels))
    if lost:
        logger.warning("%s knows tags that the new data lacks; they are forgotten: %s", archive, lost)
    new_tags = sorted(set(new_labels) - set(old_labels))
    logger.info(
        "Continuing from %s. New tags: %s. Not taken over: %s", archive, new_tags or "none", left_out or "nothing"
    )


def _indices(labels: Sequence[str], among: Sequence[str]) -> torch.Tensor:
    return torch.tensor([among.index(label) for label in labels])


def _copy_tags(
    weight: torch.Tensor, learned: torch.Tensor, new: torch.Tensor, old: torch.Tensor, num_axes: int
) -> None:
    if num_axes == 1:
        weight[new] = learned[old]
    else:
        weight[new.unsqueeze(1), new] = learned[old.unsqueeze(1), old]
