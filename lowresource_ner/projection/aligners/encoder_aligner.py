"""Aligns words by the vectors of a multilingual encoder."""

from functools import cached_property
from pathlib import Path
from typing import Any, List, NamedTuple, Optional, Sequence

import numpy
import torch
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.nn.util import move_to_device

from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.frozen_encoder import FrozenEncoder, frozen_encoder
from lowresource_ner.encoding.subword_tokenizer import Subwords, pad_subwords
from lowresource_ner.predictors.batch_tagger import batches_of_similar_length
from lowresource_ner.projection.aligners.similarity_links import argmax_links, itermax_links, softmax_links
from lowresource_ner.projection.aligners.word_aligner import WordAligner
from lowresource_ner.projection.parallel_text import ParallelText, SentencePair
from lowresource_ner.projection.word_alignment import WordAlignment

_METHODS = ("argmax", "itermax", "softmax")


class _Encoder(NamedTuple):
    frozen: FrozenEncoder
    layer: int


class _Side(NamedTuple):
    """
    An encoded sentence: `vectors` of its sub-words, (num_subwords, dim), and `words`, (num_subwords,), the position of the word
    that each sub-word belongs to.
    """

    vectors: torch.Tensor
    words: torch.Tensor


@WordAligner.register("encoder")
class EncoderAligner(WordAligner):
    """
    Aligns words by the similarity of their sub-word vectors in a layer of a multilingual encoder, without training (SimAlign,
    Jalili Sabet et al. 2020, arXiv:2004.08728). Two words are linked if any of their sub-words are linked.

    The encoder is loaded on first use, without changing the state of random number generators.

    Registered as a `WordAligner` with name "encoder", the default.

    # Parameters

    model_name : `str`, optional (default = `"multilingual-mini"`)
        Hub name, local folder, or an archive of this package, whose trained encoder is used; see `EncoderFiles`.
    layer : `Optional[int]`, optional (default = two thirds of the layers, rounded)
        From 0 (the embeddings) to the number of layers. The default is layer 8 for base-sized BERT and XLM-R (12 layers), which
        works best in the papers.
    method : `str`, optional (default = `"argmax"`)
        "argmax" links sub-words that are mutually most similar by cosine, which favours precision. "itermax" adds a second
        round for sub-words not linked yet, which favours recall. "softmax" links sub-words if the softmax of their dot products
        exceeds `threshold` in both directions (awesome-align, Dou and Neubig 2021, arXiv:2101.08231).
    threshold : `float`, optional (default = `0.001`)
        The minimum probability of a link, for the method "softmax".
    max_length : `Optional[int]`, optional (default = the encoder's maximum)
        The number of sub-words per window, including special tokens; see `WindowReader`.
    cuda_device : `int`, optional (default = `-1`)
        The index of a GPU, or -1 for the CPU.
    batch_size : `int`, optional (default = `4096`)
        The maximum number of sub-words per batch, including padding.

    # Raises

    `ConfigurationError`
        If the method is unknown or the threshold is out of range; in `prepare`, if the encoder cannot be read or lacks the layer.
    """

    has_vectors = True

    def __init__(
        self,
        model_name: str = "multilingual-mini",
        layer: Optional[int] = None,
        method: str = "argmax",
        threshold: float = 0.001,
        max_length: Optional[int] = None,
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        if method not in _METHODS:
            raise ConfigurationError(f"'method' of the aligner is '{method}'; it must be one of {', '.join(_METHODS)}.")
        if not 0 <= threshold < 1:
            raise ConfigurationError(
                f"'threshold' of the aligner is {threshold}; it must be at least 0 and less than 1."
            )
        self._model_name = model_name
        self._layer = layer
        self._method = method
        self._threshold = threshold
        self._max_length = max_length
        self._cuda_device = cuda_device
        self._batch_size = batch_size

    def prepare(self, text: ParallelText, num_lines: int, folder: Path) -> None:
        self._encoder  # noqa: B018  # Loads the encoder.

    def align(self, pairs: Sequence[SentencePair], vectors: bool = False) -> List[WordAlignment]:
        sides = self._encode([words for pair in pairs for words in (pair.source, pair.target)])
        encoded_pairs = zip(sides[::2], sides[1::2])
        with torch.inference_mode():
            return [
                WordAlignment(
                    self._links(source, target), (_word_vectors(source), _word_vectors(target)) if vectors else None
                )
                for source, target in encoded_pairs
            ]

    def _links(self, source: _Side, target: _Side) -> frozenset:
        if self._method == "softmax":
            links = softmax_links(source.vectors @ target.vectors.T, self._threshold)
        else:
            cosines = _normalised(source.vectors) @ _normalised(target.vectors).T
            links = argmax_links(cosines) if self._method == "argmax" else itermax_links((cosines + 1) / 2)
        sources, targets = links.nonzero(as_tuple=True)  # sub-word positions
        return frozenset(zip(source.words[sources].tolist(), target.words[targets].tolist()))

    def _encode(self, sentences: Sequence[Sequence[str]]) -> List[_Side]:
        subwords = self._encoder.frozen.tokenizer.encode_batch(sentences)
        sides: List[Any] = [None] * len(subwords)
        with torch.inference_mode():
            for batch in batches_of_similar_length([len(each.ids) for each in subwords], self._batch_size):
                vectors = self._vectors([subwords[index] for index in batch])
                for index, rows in zip(batch, vectors):
                    sides[index] = _Side(rows[: len(subwords[index].ids)], _words_of(subwords[index]).to(rows.device))
        return sides

    def _vectors(self, sentences: Sequence[Subwords]) -> torch.Tensor:
        """Returns vectors of shape (num_sentences, num_subwords, dim). Those of padding are undefined."""
        (model, _, windows), layer = self._encoder
        batch = move_to_device(pad_subwords(sentences, windows.input_format.pad_id), model.device)
        ids, mask = batch["token_ids"], batch["subword_mask"]
        # Positions of all sub-words, rather than of each word's first sub-word.
        positions = torch.arange(ids.size(1), device=ids.device) * mask
        return windows.read(
            lambda ids, attention_mask: model(
                input_ids=ids, attention_mask=attention_mask, output_hidden_states=True
            ).hidden_states[layer],
            ids,
            mask,
            positions,
            most_subwords=self._batch_size,
        ).float()

    @cached_property
    def _encoder(self) -> _Encoder:
        check_for_gpu(self._cuda_device)
        with preserved_random_state():
            files = EncoderFiles(self._model_name)
            num_layers = files.config().num_hidden_layers
            layer = round(num_layers * 2 / 3) if self._layer is None else self._layer
            if not 0 <= layer <= num_layers:
                raise ConfigurationError(
                    f"'layer' of the aligner is {layer}, but encoder '{self._model_name}' has {num_layers} layers. It must be "
                    f"between 0 (the embeddings) and {num_layers}."
                )
            return _Encoder(frozen_encoder(files, files.model(), self._max_length, self._cuda_device), layer)


def _words_of(sentence: Subwords) -> torch.Tensor:
    """Returns the position of the word that each sub-word belongs to, (num_subwords,)."""
    starts = torch.tensor(sentence.starts)
    return torch.bucketize(torch.arange(len(sentence.ids)), starts, right=True) - 1


def _normalised(vectors: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1)


def _word_vectors(side: _Side) -> numpy.ndarray:
    """Returns word vectors of shape (num_words, dim), on the CPU: the mean over the sub-words of each word."""
    counts = torch.bincount(side.words).unsqueeze(1)
    sums = side.vectors.new_zeros(len(counts), side.vectors.size(1)).index_add(0, side.words, side.vectors)
    return (sums / counts).cpu().numpy()
