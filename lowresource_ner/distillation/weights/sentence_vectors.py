"""Computes sentence vectors with a frozen pretrained encoder."""

from functools import cached_property
from typing import NamedTuple, Optional, Sequence

import numpy
import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.nn.util import masked_mean, move_to_device

from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.frozen_encoder import FrozenEncoder, frozen_encoder
from lowresource_ner.encoding.subword_tokenizer import Subwords, pad_subwords
from lowresource_ner.predictors.batch_tagger import batches_of_similar_length

_POOLINGS = ("auto", "pooler", "mean")

# Encoders whose pooler is pretrained with a sentence-level task, such as BERT's next sentence prediction. The files of other
# encoders, such as XLM-R's, may contain a pooler with random weights.
_PRETRAINED_ON_SENTENCES = {"albert", "bert", "megatron-bert", "mobilebert", "nezha"}


class _Encoder(NamedTuple):
    """A loaded encoder. `has_pooler` : whether to use its pooler instead of the mean of the word vectors."""

    frozen: FrozenEncoder
    has_pooler: bool


class SentenceEncoder(FromParams):
    """
    Computes a vector g(u) for each sentence, which is the input of the language classifier (Wu et al. 2020, arXiv:2004.12440,
    section 3.3). It is the output of the encoder's pooler, as in the paper, or the mean of the word vectors, where the vector of
    a word is that of its first sub-word.

    The encoder is loaded on first use. Loading does not change the state of random number generators.

    # Parameters

    model_name : `str`
        Name on the Hugging Face Hub, local folder, or archive of this package; see `EncoderFiles`.
    pooling : `str`, optional (default = `"auto"`)
        "pooler", "mean" or "auto", which uses the pooler if it was pretrained (mBERT), and the mean otherwise (XLM-R,
        `multilingual-mini`, archives of this package).
    max_length : `Optional[int]`, optional (default = the encoder's maximum, 512 for BERT)
        Sub-words per window, including special tokens. The mean is taken over all words, with several windows for long sentences
        (see `WindowReader`). The pooler reads only the first window.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the index of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words per batch, including padding.

    # Raises

    `ConfigurationError`
        If the pooling is unknown. In `encode`, also if the encoder cannot be read or does not have the requested pooler.
    """

    def __init__(
        self,
        model_name: str,
        pooling: str = "auto",
        max_length: Optional[int] = None,
        cuda_device: int = -1,
        batch_size: int = 4096,
    ) -> None:
        if pooling not in _POOLINGS:
            raise ConfigurationError(f"'pooling' is '{pooling}'; it is one of {', '.join(_POOLINGS)}.")
        self._model_name = model_name
        self._pooling = pooling
        self._max_length = max_length
        self._cuda_device = cuda_device
        self._batch_size = batch_size

    def encode(self, sentences: Sequence[Sequence[str]]) -> numpy.ndarray:
        """
        Computes sentence vectors.

        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `numpy.ndarray`
            (num_sentences, hidden_size) float32, with zeros for sentences without words.
        """
        (model, tokenizer, windows), has_pooler = self._encoder
        vectors = numpy.zeros((len(sentences), model.config.hidden_size), numpy.float32)
        with_words = [index for index, words in enumerate(sentences) if words]
        subwords = tokenizer.encode_batch([sentences[index] for index in with_words])
        if has_pooler:
            subwords = [Subwords(each.ids[: windows.size], [0]) for each in subwords]
        with torch.inference_mode():
            for batch in batches_of_similar_length([len(each.ids) for each in subwords], self._batch_size):
                encoded = self._encode([subwords[index] for index in batch])
                vectors[[with_words[index] for index in batch]] = encoded.float().cpu().numpy()
        return vectors

    def _encode(self, sentences: Sequence[Subwords]) -> torch.Tensor:
        """(num_sentences, hidden_size)"""
        (model, _, windows), has_pooler = self._encoder
        words = move_to_device(pad_subwords(sentences, windows.input_format.pad_id), model.device)
        mask = words.pop("mask")
        if has_pooler:
            lengths = words["subword_mask"].sum(dim=1)
            ids, attention_mask = windows.input_format.with_special_tokens(words["token_ids"], lengths)
            return model(input_ids=ids, attention_mask=attention_mask).pooler_output
        vectors = windows.read(
            lambda ids, attention_mask: model(input_ids=ids, attention_mask=attention_mask).last_hidden_state,
            **words,
            most_subwords=self._batch_size,
        )
        return masked_mean(vectors, mask.unsqueeze(-1), dim=1)

    @cached_property
    def _encoder(self) -> _Encoder:
        check_for_gpu(self._cuda_device)
        with preserved_random_state():
            files = EncoderFiles(self._model_name)
            is_trained = files.config().model_type in _PRETRAINED_ON_SENTENCES
            wants_pooler = self._pooling == "pooler" or (self._pooling == "auto" and is_trained)
            pooler = files.model_with_pooler() if wants_pooler else None
            if pooler is None and self._pooling == "pooler":
                raise ConfigurationError(
                    f"'pooling' is 'pooler', but the weights of encoder '{self._model_name}' contain no pooler. Use 'mean', or "
                    "'auto', which uses the pooler if there is a trained one."
                )
            model = pooler or files.model()
            return _Encoder(frozen_encoder(files, model, self._max_length, self._cuda_device), pooler is not None)
