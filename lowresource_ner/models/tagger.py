"""The base class of models that tag words."""

import re
from typing import Any, Dict, List, Optional

import torch
from allennlp.data import Vocabulary
from allennlp.models import Model
from allennlp.nn import RegularizerApplicator

from lowresource_ner.modules.tag_heads import TagDistribution, TagHead
from lowresource_ner.tagging import get_scheme

# Earlier archives have the linear layer beside the tag head, not inside.
_MOVED = {r"^_projection\.": "_head.projection.", r"^(_heads\.[^.]+)\.projection\.": r"\1.tagger.projection."}


class Tagger(Model):
    """
    A model that gives each word a tag. Predictors, teachers and the callback `temperature_scaling` can use every subclass.

    A subclass sets `labels` and defines `tag_head` and `forward`, which takes at least the arguments `tokens` and `metadata`, and
    whose output has "logits" (batch_size, num_words, ...), for the head, and "mask" (batch_size, num_words).

    # Parameters

    vocab : `Vocabulary`
    tag_scheme : `str`
    regularizer
        AllenNLP's.
    """

    default_predictor = "ner"

    labels: List[str]
    """The tags by index; those of the default head, where there are several."""

    temperature: torch.Tensor
    """A scalar that divides all scores before probabilities are taken. It changes no tag."""

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
        self._register_load_state_dict_pre_hook(_rename_weights)

    def tag_head(self, output: Dict[str, Any]) -> TagHead:
        """The head that the logits of an output of `forward` are for."""
        raise NotImplementedError

    def distribution(self, output: Dict[str, Any], temperature: Optional[torch.Tensor] = None) -> TagDistribution:
        """The distribution over tags for an output of `forward`, at the model's own temperature or at another one."""
        divisor = self.temperature if temperature is None else temperature
        distribution: TagDistribution = self.tag_head(output)(output["logits"], output["mask"], divisor)
        return distribution

    def probabilities(self, output: Dict[str, Any]) -> torch.Tensor:
        """(batch_size, num_words, num_tags): for an output of `forward`, the probability of each tag at each word."""
        return self.distribution(output).marginals

    def make_output_human_readable(self, output_dict: Dict[str, Any]) -> Dict[str, Any]:
        """
        Adds lists with an entry for each sentence: "tags"; "tag_probabilities", of the words' tags; "entities", dictionaries
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
        """- log p(tags) at a temperature, a scalar, summed over the batch; see the callback `temperature_scaling`."""
        return -self.distribution({"logits": logits, "mask": mask}, temperature).log_prob(tags).sum()


def present_name(name: str) -> str:
    """What the weight of an archive is called today."""
    for old, new in _MOVED.items():
        name = re.sub(old, new, name)
    return name


def _rename_weights(state_dict: Dict[str, torch.Tensor], prefix: str, *_: Any) -> None:
    for name in [name for name in state_dict if name.startswith(prefix)]:
        state_dict[prefix + present_name(name[len(prefix) :])] = state_dict.pop(name)
