"""Tags many sentences, in batches of similar length."""

from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence, TypeVar

import torch
from allennlp.data import TextFieldTensors, Token, TokenIndexer, Vocabulary
from allennlp.nn.util import batch_tensor_dicts, move_to_device

from lowresource_ner.data.token_indexers.subwords import SubwordIndexer
from lowresource_ner.models.tagger import Tagger

_T = TypeVar("_T")


class TaggedSentence(NamedTuple):
    """The output of `Tagger.make_output_human_readable` for one sentence."""

    tags: List[str]
    tag_probabilities: List[float]
    entities: List[Dict[str, Any]]
    probabilities: torch.Tensor


class BatchTagger:
    """
    Runs a tagger on sentences in batches of similar length, without AllenNLP's instances.

    # Parameters

    model : `Tagger`
    token_indexers : `Dict[str, TokenIndexer]`
        Those of the model's reader.
    batch_size : `int`
        Positions (sub-words or words, padding included) that are run at once, whatever the number of sentences.
    """

    def __init__(self, model: Tagger, token_indexers: Dict[str, TokenIndexer], batch_size: int) -> None:
        self._model = model
        self._indexers = token_indexers
        self._batch_size = batch_size

    def tag(self, sentences: Sequence[Sequence[str]]) -> List[TaggedSentence]:
        """The tags of each sentence, in the order given. A sentence without words has no tags."""
        return self.each(sentences, self._tagged, _NOTHING)

    def probabilities(self, sentences: Sequence[Sequence[str]]) -> List[torch.Tensor]:
        """
        (num_words, num_tags) for each sentence, on the CPU: the probabilities that `tag` gives, without tags, entities and their
        confidences, which would cost up to a seventh of the time.
        """
        return self.each(sentences, self._probabilities, _NOTHING.probabilities)

    def each(
        self,
        sentences: Sequence[Sequence[str]],
        run: Callable[[TextFieldTensors, Sequence[Sequence[str]]], Iterable[_T]],
        nothing: _T,
    ) -> List[_T]:
        """
        The results of `run` for each sentence, in the order given. `run` is called with the tensors of a batch, on the model's
        device, and the words of its sentences. A sentence without words gets `nothing`.
        """
        with_words = [words for words in sentences if words]
        inputs = [self._input(name, indexer, with_words) for name, indexer in self._indexers.items()]
        results: List[_T] = [nothing] * len(with_words)
        with torch.inference_mode():
            for batch in self._batches(inputs, len(with_words)):
                tokens = {each.name: each.tensors(batch) for each in inputs}
                tokens = move_to_device(tokens, self._model._get_prediction_device())
                for index, result in zip(batch, run(tokens, [with_words[index] for index in batch])):
                    results[index] = result
        remaining = iter(results)
        return [next(remaining) if words else nothing for words in sentences]

    def _input(self, name: str, indexer: TokenIndexer, sentences: Sequence[Sequence[str]]) -> "_Input":
        if isinstance(indexer, SubwordIndexer):
            return _SubwordInput(name, indexer, sentences)
        return _Input(name, indexer, sentences, self._model.vocab)

    def _batches(self, inputs: Sequence["_Input"], num_sentences: int) -> Iterator[List[int]]:
        lengths = [max(each.length(index) for each in inputs) for index in range(num_sentences)]
        return batches_of_similar_length(lengths, self._batch_size)

    def _output(self, tokens: TextFieldTensors, sentences: Sequence[Sequence[str]]) -> Dict[str, Any]:
        return self._model(tokens=tokens, metadata=[{"words": list(words)} for words in sentences])

    def _tagged(self, tokens: TextFieldTensors, sentences: Sequence[Sequence[str]]) -> Iterator[TaggedSentence]:
        readable = self._model.make_output_human_readable(self._output(tokens, sentences))
        return map(TaggedSentence, *(readable[name] for name in TaggedSentence._fields))

    def _probabilities(self, tokens: TextFieldTensors, sentences: Sequence[Sequence[str]]) -> Iterator[torch.Tensor]:
        probabilities = self._model.probabilities(self._output(tokens, sentences)).cpu()
        return (rows[: len(words)] for rows, words in zip(probabilities, sentences))


def batches_of_similar_length(lengths: Sequence[int], batch_size: int) -> Iterator[List[int]]:
    """
    Divides sentences, given by index, into batches, the longest first. A batch ends if another sentence would exceed
    `batch_size`, or if it has an eighth of that, enough to keep the hardware busy, and the next sentence would be padded by more
    than a fifth.

    # Parameters

    lengths : `Sequence[int]`
        Positions of each sentence.
    batch_size : `int`
        Positions in a batch, padding included.
    """
    batch: List[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        longest = lengths[batch[0]] if batch else 0
        is_too_large = longest * (len(batch) + 1) > batch_size
        is_large_enough = longest * len(batch) >= batch_size // 8 and lengths[index] < 0.8 * longest
        if batch and (is_too_large or is_large_enough):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


class _Input:
    """Sentences indexed by any token indexer, one at a time."""

    def __init__(self, name: str, indexer: TokenIndexer, sentences: Sequence[Sequence[str]], vocab: Vocabulary) -> None:
        self.name = name
        self._indexer = indexer
        self._indexed = [indexer.tokens_to_indices([Token(word) for word in words], vocab) for words in sentences]
        self._lengths = [indexer.get_padding_lengths(indexed) for indexed in self._indexed]

    def length(self, index: int) -> int:
        return max(self._lengths[index].values())

    def tensors(self, batch: Sequence[int]) -> Dict[str, torch.Tensor]:
        lengths = [self._lengths[index] for index in batch]
        padding = {key: max(length[key] for length in lengths) for key in lengths[0]}
        return batch_tensor_dicts(
            [self._indexer.as_padded_tensor_dict(self._indexed[index], padding) for index in batch]
        )


class _SubwordInput(_Input):
    """Sentences indexed as sub-words, all in one call."""

    def __init__(self, name: str, indexer: SubwordIndexer, sentences: Sequence[Sequence[str]]) -> None:
        self.name = name
        self._subword_indexer = indexer
        self._subwords = indexer.encode_batch(sentences)

    def length(self, index: int) -> int:
        return len(self._subwords[index].ids)

    def tensors(self, batch: Sequence[int]) -> Dict[str, torch.Tensor]:
        return self._subword_indexer.pad_batch([self._subwords[index] for index in batch])


_NOTHING = TaggedSentence([], [], [], torch.empty(0, 0))
