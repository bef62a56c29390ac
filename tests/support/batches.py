"""Instances as a model is given them."""

from typing import Any, Dict, Sequence

from allennlp.data import Batch, Instance, Vocabulary


def tensors(instances: Sequence[Instance], vocab: Vocabulary, padding: int = 0) -> Dict[str, Any]:
    """A batch of them, each field so much longer than the longest."""
    batch = Batch(instances)
    batch.index_instances(vocab)
    lengths = {
        field: {key: length + padding for key, length in keys.items()}
        for field, keys in batch.get_padding_lengths().items()
    }
    return batch.as_tensor_dict(lengths)
