"""The field of the probabilities that teachers give to a sentence's words."""

from typing import Dict, List, Optional, Sequence

import numpy
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import Field, Vocabulary


class SoftLabelsField(Field[torch.Tensor]):
    """
    Holds the probabilities of the words' labels. The array is kept as it is given (a view of a store's file, for instance), and
    copied when a batch is made. As a tensor it is (num_words, num_labels) float32, the labels in the vocabulary's order, with 0
    for padding.

    # Parameters

    probabilities : `numpy.ndarray`
        (num_words, num_labels)
    labels : `Sequence[str]`
        The labels of the columns.
    label_namespace : `str`, optional (default = `"labels"`)

    # Raises

    `ConfigurationError`
        When it is indexed, if the vocabulary has other labels.
    """

    __slots__ = ["probabilities", "labels", "_label_namespace", "_columns"]

    def __init__(self, probabilities: numpy.ndarray, labels: Sequence[str], label_namespace: str = "labels") -> None:
        self.probabilities = probabilities
        self.labels = labels
        self._label_namespace = label_namespace
        self._columns: Optional[List[int]] = None

    def count_vocab_items(self, counter: Dict[str, Dict[str, int]]) -> None:
        for label in self.labels:
            counter[self._label_namespace][label] += 1

    def index(self, vocab: Vocabulary) -> None:
        known = vocab.get_token_to_index_vocabulary(self._label_namespace)
        if len(known) != len(self.labels) or known.keys() != set(self.labels):
            raise ConfigurationError(
                f"The teacher's labels are {', '.join(self.labels)}, and the student's {', '.join(known)}. They must be the "
                "same: start from this teacher's vocabulary, or map its types with 'label_maps'."
            )
        columns = [known[label] for label in self.labels]
        self._columns = None if columns == sorted(columns) else columns

    def get_padding_lengths(self) -> Dict[str, int]:
        return {"num_words": len(self.probabilities)}

    def as_tensor(self, padding_lengths: Dict[str, int]) -> torch.Tensor:
        padded = numpy.zeros((padding_lengths["num_words"], len(self.labels)), numpy.float32)
        padded[: len(self.probabilities), slice(None) if self._columns is None else self._columns] = self.probabilities
        return torch.from_numpy(padded)

    def empty_field(self) -> "SoftLabelsField":
        return SoftLabelsField(numpy.zeros((0, len(self.labels)), numpy.float16), self.labels, self._label_namespace)

    def __len__(self) -> int:
        return len(self.probabilities)
