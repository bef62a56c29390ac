"""The base class of models that tag words."""

import re
from typing import Any, Container, Dict, List, Optional

import torch
from allennlp.data import Vocabulary
from allennlp.models import Model
from allennlp.nn import RegularizerApplicator

from lowresource_ner.modules.tag_heads import TagDistribution, TagHead
from lowresource_ner.tagging import get_scheme

# In earlier archives, the linear layer is next to the tag head, not part of it.
_RENAMED = {r"^_projection\.": "_head.projection.", r"^(_heads\.[^.]+)\.projection\.": r"\1.tagger.projection."}


class Tagger(Model):
    """
    The base class of models that tag words. Predictors, teachers and the callback `temperature_scaling` work with any subclass.

    A subclass sets `labels` and defines `tag_head` and `forward`. `forward` takes at least `tokens` and `metadata`, and returns
    at least "logits" (batch_size, num_words, ...), the input of the head, and "mask" (batch_size, num_words).

    # Parameters

    vocab : `Vocabulary`
    tag_scheme : `str`
    regularizer
        See `allennlp.models.Model`.
    """

    default_predictor = "ner"

    labels: List[str]
    """The tags by index; those of the default head, if there are several heads."""

    temperature: torch.Tensor
    """A scalar by which all scores are divided before they are normalised. It does not change any tag."""

    def __init__(
        self,
        vocab: Vocabulary,
        tag_scheme: str = "IOB2",
        regularizer: Optional[RegularizerApplicator] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocab, regularizer, **kwargs)
        self.tag_scheme = get_scheme(tag_scheme)
        self.register_buffer("temperature", torch.ones(()))
        self._register_load_state_dict_pre_hook(_rename_weights, with_module=True)

    def tag_head(self, output: Dict[str, Any]) -> TagHead:
        """Returns the head for the logits in an output of `forward`."""
        raise NotImplementedError

    def distribution(self, output: Dict[str, Any], temperature: Optional[torch.Tensor] = None) -> TagDistribution:
        """Returns the distribution over tag sequences for an output of `forward` (default temperature: the model's)."""
        divisor = self.temperature if temperature is None else temperature
        distribution: TagDistribution = self.tag_head(output)(output["logits"], output["mask"], divisor)
        return distribution

    def probabilities(self, output: Dict[str, Any]) -> torch.Tensor:
        """Returns the probability of each tag at each word for an output of `forward`, (batch_size, num_words, num_tags)."""
        return self.distribution(output).marginals

    def make_output_human_readable(self, output_dict: Dict[str, Any]) -> Dict[str, Any]:
        """
        Adds lists with one entry per sentence: "tags"; "tag_probabilities", the probability of each tag; "entities", dictionaries
        with start, end (exclusive), type and confidence; and "probabilities", (num_words, num_tags).
        """
        distribution = self.distribution(output_dict)
        labels = self.tag_head(output_dict).labels
        lengths = output_dict["mask"].sum(dim=1).tolist()
        best = distribution.best
        tags = [[labels[index] for index in row[:length]] for row, length in zip(best.tolist(), lengths)]
        spans = [self.tag_scheme.spans(row, repair=True) for row in tags]
        confidences = distribution.span_probabilities(spans)
        probabilities = distribution.marginals
        of_best = probabilities.gather(2, best.unsqueeze(2)).squeeze(2).tolist()
        output_dict["tags"] = tags
        output_dict["tag_probabilities"] = [row[:length] for row, length in zip(of_best, lengths)]
        output_dict["entities"] = [
            [{**span._asdict(), "confidence": confidence} for span, confidence in zip(*of_sentence)]
            for of_sentence in zip(spans, confidences)
        ]
        output_dict["probabilities"] = [row[:length] for row, length in zip(probabilities, lengths)]
        return output_dict

    def calibration_loss(
        self, logits: torch.Tensor, tags: torch.Tensor, mask: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        """Returns - log p(tags) at a temperature, summed over the batch, a scalar; see the callback `temperature_scaling`."""
        return -self.distribution({"logits": logits, "mask": mask}, temperature).log_prob(tags).sum()


def current_weight_name(name: str, own: Container[str]) -> str:
    """Returns the present name of a weight that may be from an earlier archive; `own` are the names of the model's weights."""
    if name not in own:
        for old, new in _RENAMED.items():
            name = re.sub(old, new, name)
    return name


def _rename_weights(model: torch.nn.Module, state_dict: Dict[str, torch.Tensor], prefix: str, *_: Any) -> None:
    own = model.state_dict().keys()
    for name in [name for name in state_dict if name.startswith(prefix)]:
        state_dict[prefix + current_weight_name(name[len(prefix) :], own)] = state_dict.pop(name)
