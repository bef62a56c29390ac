"""Entity-level precision, recall and F1, as seqeval counts them."""

from typing import Dict, List, Optional, Set, Tuple

import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.nn.util import dist_reduce_sum
from allennlp.training.metrics import Metric
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Entities

from lowresource_ner.tagging import OUTSIDE, SCHEMES, rewritten, types_of

Entity = Tuple[int, str, int, int]
"""Sentence, index of the type, first word, last word."""

_STRICT = {"IOB1": IOB1, "IOB2": IOB2, "IOBES": IOBES, "BILOU": BILOU}


@Metric.register("seqeval_f1")
class SeqevalF1(Metric):
    """
    Precision, recall and F1 over entities, overall (micro-averaged) and by type. An entity is correct if its first word, last
    word and type are.

    Invalid tag sequences are interpreted as in seqeval: leniently in the default mode, like CoNLL's evaluation script; in the
    strict mode, only entities that are valid in the tag scheme count. In distributed training, each worker counts its batches,
    and `get_metric(reset=True)`, which all workers must call, adds up the counts.

    Registered as a `Metric` with name "seqeval_f1".

    # Parameters

    vocab : `Vocabulary`
        Passed by AllenNLP.
    label_namespace : `str`, optional (default = `"labels"`)
    mode : `str`, optional (default = `"default"`)
        "default" or "strict".
    tag_scheme : `str`, optional (default = `"IOB2"`)
        IOB1, IOB2, IOBES or BILOU. Passed by the model.

    # Raises

    `ConfigurationError`
        If the mode or the scheme is unknown.
    """

    def __init__(
        self, vocab: Vocabulary, label_namespace: str = "labels", mode: str = "default", tag_scheme: str = "IOB2"
    ) -> None:
        if mode not in ("default", "strict"):
            raise ConfigurationError(f"'mode' of seqeval_f1 is '{mode}'; it is 'default' (as conlleval) or 'strict'.")
        if tag_scheme not in _STRICT:
            raise ConfigurationError(
                f"'tag_scheme' of seqeval_f1 is '{tag_scheme}'; it is one of {', '.join(_STRICT)}."
            )
        self._strict_scheme = _STRICT[tag_scheme] if mode == "strict" else None
        by_index = vocab.get_index_to_token_vocabulary(label_namespace)
        labels = [by_index[index] for index in range(len(by_index))]
        self._types = types_of(labels)
        # Types are replaced by numbers, since seqeval splits names at hyphens, and BILOU by IOBES, since the default mode
        # cannot read it.
        numbers = {entity_type: str(number) for number, entity_type in enumerate(self._types)}
        letters = SCHEMES[tag_scheme].letters_in(SCHEMES["IOBES"]) if mode == "default" else None
        self._rewritten = [rewritten(label, numbers.__getitem__, letters or {}) for label in labels]
        self.reset()

    def __call__(
        self, predictions: torch.Tensor, gold_labels: torch.Tensor, mask: Optional[torch.Tensor] = None
    ) -> None:
        """
        # Parameters

        predictions, gold_labels : `torch.Tensor`
            (batch_size, num_words) indices of tags.
        mask : `torch.BoolTensor`, optional
            (batch_size, num_words) True for words.
        """
        predictions, gold_labels = self.detach_tensors(predictions, gold_labels)
        lengths = [gold_labels.size(1)] * len(gold_labels) if mask is None else mask.sum(dim=1).tolist()
        predicted = self._entities(predictions.tolist(), lengths)
        gold = self._entities(gold_labels.tolist(), lengths)
        self._counts += torch.tensor([self._count(found) for found in (predicted & gold, predicted, gold)])
        self._num_batches += 1

    def get_metric(self, reset: bool = False) -> Dict[str, float]:
        """
        Returns "precision", "recall" and "f1" (0 to 1) of this worker. With `reset`, which AllenNLP sets at the end of an epoch
        or evaluation, those of all workers, also by type ("f1-PER"), and the number of gold entities ("support", "support-PER").
        Empty before the first batch.
        """
        if not reset:
            return _scores(self._counts.sum(dim=1).tolist()) if self._num_batches else {}
        counts, num_batches = dist_reduce_sum(self._counts).cpu(), dist_reduce_sum(self._num_batches)
        self.reset()
        if not num_batches:
            return {}
        metrics = _scores(counts.sum(dim=1).tolist())
        metrics["support"] = int(counts[2].sum())
        for entity_type, of_type in zip(self._types, counts.t().tolist()):
            metrics.update({f"{name}-{entity_type}": value for name, value in _scores(of_type).items()})
            metrics[f"support-{entity_type}"] = of_type[2]
        return metrics

    def reset(self) -> None:
        self._counts = torch.zeros(3, len(self._types), dtype=torch.long)  # correct, predicted, gold
        self._num_batches = 0

    def _entities(self, rows: List[List[int]], lengths: List[int]) -> Set[Entity]:
        sentences = [[self._rewritten[index] for index in row[:length]] for row, length in zip(rows, lengths)]
        if self._strict_scheme is None:
            return {
                (number, *entity)
                for number, tags in enumerate(sentences)
                if any(tag != OUTSIDE for tag in tags)
                for entity in get_entities(tags)
            }
        strict = Entities(sentences, self._strict_scheme).entities
        return {
            (number, entity.tag, entity.start, entity.end) for number, found in enumerate(strict) for entity in found
        }

    def _count(self, entities: Set[Entity]) -> List[int]:
        """Counts entities by type, in the order of `_types`."""
        counts = [0] * len(self._types)
        for _, number_of_type, _, _ in entities:
            counts[int(number_of_type)] += 1
        return counts


def _scores(counts: List[int]) -> Dict[str, float]:
    correct, predicted, gold = counts
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    # A single division, so that equal scores are equal floats, and 0.72 does not exceed a threshold of 0.72.
    f1 = 2 * correct / (predicted + gold) if correct else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}
