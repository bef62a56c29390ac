"""The field of a sentence's tags."""

from typing import Dict, Sequence

from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.data.fields import SequenceLabelField, TextField

from lowresource_ner.tagging import get_scheme, split_tag, types_of


class TagsField(SequenceLabelField):
    """
    A `SequenceLabelField` of tags. If the model does not have a tag, the error names the file and the line.

    # Parameters

    tags : `Sequence[str]`
    words : `TextField`
    label_namespace : `str`
    tag_scheme : `str`
    place : `str`
        File and line of the sentence, "path:line", for the error.
    lines : `Sequence[int]`, optional (default = `()`)
        The line of each word, if each has its own.
    """

    __slots__ = ["tag_scheme", "place", "lines"]

    def __init__(
        self,
        tags: Sequence[str],
        words: TextField,
        label_namespace: str,
        tag_scheme: str,
        place: str,
        lines: Sequence[int] = (),
    ) -> None:
        super().__init__(list(tags), words, label_namespace)
        self.tag_scheme = tag_scheme
        self.place = place
        self.lines = lines

    def count_vocab_items(self, counter: Dict[str, Dict[str, int]]) -> None:
        """Counts the sentence's tags and, for each of its types, every tag of the scheme: a small sample may lack some."""
        super().count_vocab_items(counter)
        for tag in get_scheme(self.tag_scheme).tag_set(types_of(map(str, self.labels))):
            counter[self._label_namespace][tag] += 1

    def index(self, vocab: Vocabulary) -> None:
        known = vocab.get_token_to_index_vocabulary(self._label_namespace)
        for position, tag in enumerate(map(str, self.labels)):
            if tag not in known:
                entity_type = split_tag(tag)[1]
                raise ConfigurationError(
                    f"{self._place_of(position)}: tag '{tag}' is not among those that the model knows "
                    f"({', '.join(sorted(known))}). Rename its type or turn it into O with the 'label_map' of the reader, for "
                    f"""instance --overrides '{{"validation_dataset_reader.label_map": {{"{entity_type}": "O"}}}}' """
                    "(dataset_reader, where the config has no other, or where it trains)."
                )
        super().index(vocab)

    def _place_of(self, position: int) -> str:
        """File and line of a word, as far as they are known."""
        path, _, _ = self.place.rpartition(":")
        return f"{path}:{self.lines[position]}" if len(self.lines) > position else self.place
