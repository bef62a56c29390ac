"""Computes word vectors with a frozen pretrained encoder."""

import hashlib
import json
from functools import cached_property
from typing import Any, List, Optional, Sequence

import numpy
import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.common.util import int_to_device
from allennlp.nn.util import move_to_device

from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.frozen_encoder import FrozenEncoder, frozen_encoder
from lowresource_ner.encoding.subword_tokenizer import pad_subwords
from lowresource_ner.predictors.batch_tagger import batches_of_similar_length

_TOP_THREE = (-3, -2, -1)


class WordEncoder(FromParams):
    """
    Computes a vector for each word: the vector of its first sub-word, averaged over layers of the encoder.

    The encoder is loaded on first use. Loading does not change the state of random number generators.

    # Parameters

    model_name : `str`
        Name on the Hugging Face Hub, local folder, or archive of this package, such as that of a teacher; see `EncoderFiles`.
    layers : `Optional[Sequence[int]]`, optional (default = `[-3, -2, -1]`)
        The layers to average. 0 is the output of the embeddings, n the output of the n-th layer, and -1 that of the last layer.
    max_length : `Optional[int]`, optional (default = the encoder's maximum, 512 for BERT)
        Sub-words per window, including special tokens; see `WindowReader`.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the index of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words per batch, including padding.

    # Raises

    `ConfigurationError`
        If `layers` is empty. When the encoder is loaded, also if it cannot be read or does not have these layers.
    """

    def __init__(
        self,
        model_name: str,
        layers: Optional[List[int]] = None,
        max_length: Optional[int] = None,
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        self.model_name = model_name
        self._layers = list(_TOP_THREE if layers is None else layers)
        if not self._layers:
            raise ConfigurationError(
                "'layers' of the word vectors is empty; give layer numbers, such as [-1] for the last, or remove the option."
            )
        self._max_length = max_length
        self._cuda_device = cuda_device
        self._batch_size = batch_size

    def load(self) -> None:
        """Loads the encoder, so that errors are found early."""
        self._encoder  # noqa: B018  cached

    @property
    def device(self) -> torch.device:
        return int_to_device(self._cuda_device)

    @property
    def dim(self) -> int:
        """The size of the vectors."""
        return self._encoder.model.config.hidden_size

    @cached_property
    def fingerprint(self) -> str:
        """A hexadecimal digest of everything that the vectors depend on: weights, tokenizer, layers and window size."""
        model, _, windows = self._encoder
        tokenizer = json.loads(self._files.tokenizer().backend_tokenizer.to_str())
        tokenizer.update(truncation=None, padding=None)  # irrelevant, and changed by use of the tokenizer
        parts = [tokenizer, self._layers, windows.size, windows.overlap]
        digest = hashlib.sha256(f"word vectors 1\n{json.dumps(parts, sort_keys=True)}".encode())
        for name, weight in model.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def encode(self, sentences: Sequence[Sequence[str]]) -> List[numpy.ndarray]:
        """
        Computes the word vectors of sentences.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence. Sentences must not be empty.

        # Returns

        `List[numpy.ndarray]`
            The word vectors of each sentence, (num_words, dim) float32.
        """
        _, tokenizer, windows = self._encoder
        subwords = tokenizer.encode_batch(sentences)
        lengths = [len(each.ids) + windows.input_format.num_special_tokens for each in subwords]
        word_vectors: List[Any] = [None] * len(sentences)
        with torch.inference_mode():
            for batch in batches_of_similar_length(lengths, self._batch_size):
                words = pad_subwords([subwords[index] for index in batch], windows.input_format.pad_id)
                num_words = words.pop("mask").sum(dim=1).tolist()
                vectors = windows.read(self._run, **move_to_device(words, self.device), most_subwords=self._batch_size)
                for index, rows, number in zip(batch, vectors.float().cpu().numpy(), num_words):
                    word_vectors[index] = rows[:number].copy()  # a view would keep the whole batch in memory
        return word_vectors

    def _run(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(batch_size, num_subwords, dim)"""
        model = self._encoder.model
        states = model(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
        return torch.stack([states[layer] for layer in self._layers]).mean(dim=0)

    @cached_property
    def _files(self) -> EncoderFiles:
        return EncoderFiles(self.model_name)

    @cached_property
    def _encoder(self) -> FrozenEncoder:
        check_for_gpu(self._cuda_device)
        files = self._files
        num_layers = files.config().num_hidden_layers
        wrong = [layer for layer in self._layers if not -num_layers - 1 <= layer <= num_layers]
        if wrong:
            raise ConfigurationError(
                f"'layers' of the word vectors is {self._layers}, and encoder '{self.model_name}' has {num_layers} layers: give "
                f"numbers from 0 (the embeddings) to {num_layers}, or from -1 (the last) to {-num_layers - 1}."
            )
        with preserved_random_state():
            return frozen_encoder(files, files.model(), self._max_length, self._cuda_device)
