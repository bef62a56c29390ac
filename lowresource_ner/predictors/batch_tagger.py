"""Tagging many sentences at the speed of the encoder."""

from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

import torch
from allennlp.data import TokenIndexer
from allennlp.data.fields import TextField
from allennlp.models import Model
from allennlp.nn.util import move_to_device

from lowresource_ner.data.subwords import encode_words


class TaggedSentence(NamedTuple):
    """What a model's `make_output_human_readable` says of one sentence; see `MbertTagger`."""

    tags: List[str]
    tag_probabilities: List[float]
    entities: List[Dict[str, Any]]
    distributions: torch.Tensor


class BatchTagger:
    """
    Runs a tagger over sentences in batches of like length, without AllenNLP's instances.

    # Parameters

    model : `Model`
        Its `forward` takes `tokens`, its `make_output_human_readable` gives the fields of `TaggedSentence`.
    token_indexers : `Dict[str, TokenIndexer]`
        Of the reader that the model was trained with.
    batch_size : `int`
        Positions (sub-words or words, padding included) that are run at once, whatever the number of sentences.
    """

    def __init__(self, model: Model, token_indexers: Dict[str, TokenIndexer], batch_size: int) -> None:
        self._model = model
        self._indexers = token_indexers
        self._batch_size = batch_size

    def tag(self, sentences: Sequence[Sequence[str]]) -> List[TaggedSentence]:
        """The tags of each sentence, in the order given. A sentence without words has no tags."""
        fields = self._index([words for words in sentences if words])
        tagged: List[TaggedSentence] = [None] * len(fields)  # type: ignore[list-item]
        with torch.inference_mode():
            for batch in self._batches(fields):
                for index, sentence in zip(batch, self._run([fields[index] for index in batch])):
                    tagged[index] = sentence
        results = iter(tagged)
        return [next(results) if words else _NOTHING for words in sentences]

    def _index(self, sentences: Sequence[Sequence[str]]) -> List[TextField]:
        fields = [TextField(words, self._indexers) for words in encode_words(sentences, self._indexers)]
        for field in fields:
            field.index(self._model.vocab)
        return fields

    def _batches(self, fields: Sequence[TextField]) -> Iterator[List[int]]:
        lengths = [max(field.get_padding_lengths().values()) for field in fields]
        batch: List[int] = []
        for index in sorted(range(len(fields)), key=lambda index: -lengths[index]):
            if batch and lengths[batch[0]] * (len(batch) + 1) > self._batch_size:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _run(self, fields: Sequence[TextField]) -> Iterator[TaggedSentence]:
        padding: Dict[str, int] = {}
        for field in fields:
            for key, length in field.get_padding_lengths().items():
                padding[key] = max(length, padding.get(key, 0))
        tensors = fields[0].batch_tensors([field.as_tensor(padding) for field in fields])
        tensors = move_to_device(tensors, self._model._get_prediction_device())
        output = self._model.make_output_human_readable(self._model(tokens=tensors))
        return map(TaggedSentence, *(output[name] for name in TaggedSentence._fields))


_NOTHING = TaggedSentence([], [], [], torch.empty(0, 0))
