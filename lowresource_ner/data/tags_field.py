"""The tags of a sentence, with an error that says what to do where the model knows no such tag."""

from typing import Sequence

from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.data.fields import SequenceLabelField, TextField


class TagsField(SequenceLabelField):
    """
    A `SequenceLabelField` that remembers where its sentence stands.

    # Parameters

    tags : `Sequence[str]`
    words : `TextField`
    label_namespace : `str`
    place : `str`
        File and line of the sentence, for the error.
    """

    __slots__ = ["place"]

    def __init__(self, tags: Sequence[str], words: TextField, label_namespace: str, place: str) -> None:
        super().__init__(list(tags), words, label_namespace)
        self.place = place

    def index(self, vocab: Vocabulary) -> None:
        known = vocab.get_token_to_index_vocabulary(self._label_namespace)
        for tag in map(str, self.labels):
            if tag not in known:
                raise ConfigurationError(
                    f"{self.place}: tag '{tag}' is not among those that the model knows ({', '.join(sorted(known))}). Rename its "
                    "type or turn it into O with the 'label_map' of the reader, for instance "
                    f"""--overrides '{{"dataset_reader.label_map": {{"{tag[2:]}": "O"}}}}' (validation_dataset_reader, where """
                    "the config has one)."
                )
        super().index(vocab)
