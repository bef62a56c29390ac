"""Reads the tags of a model from its vocabulary."""

from typing import List

from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary


def labels_of(vocab: Vocabulary, namespace: str) -> List[str]:
    """
    Returns the tags of a namespace, by index.

    # Raises

    `ConfigurationError`
        If the namespace is padded, or has no entity tag.
    """
    by_index = vocab.get_index_to_token_vocabulary(namespace)
    if by_index and vocab.is_padded(namespace):
        raise ConfigurationError(
            f"'label_namespace' is '{namespace}', which AllenNLP pads with tags of its own. Let its name end "
            "in 'labels' or 'tags'."
        )
    labels = [by_index[index] for index in range(len(by_index))]
    if "O" not in labels or len(labels) < 2:
        raise ConfigurationError(
            f"The vocabulary has {len(labels)} tags in namespace '{namespace}' ({', '.join(labels[:5])}): O and at least one "
            "entity tag are needed. Does the training reader read labels ('labelled': true), and from the right column?"
        )
    return labels
