"""One vector for a sentence, from a pretrained encoder that is not trained any further."""

from functools import cached_property
from typing import Any, List, Optional, Sequence

import numpy
import torch
from allennlp.common import FromParams
from allennlp.common.checks import ConfigurationError, check_for_gpu
from allennlp.common.util import int_to_device
from allennlp.nn.util import masked_mean, move_to_device
from transformers import PreTrainedModel

from lowresource_ner.common.preserved_random_state import preserved_random_state
from lowresource_ner.data.token_indexers.subwords import SubwordIndexer
from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.subword_tokenizer import Subwords
from lowresource_ner.modules import SubwordTransformer
from lowresource_ner.predictors.batch_tagger import batches_of_like_length

_POOLINGS = ("auto", "pooler", "mean")

# Encoders whose pretraining has a task for whole sentences (BERT: is this the next one?), in which alone a pooler is trained. The
# files of others may hold a pooler as well, XLM-R's do, with the random weights that it began with.
_PRETRAINED_ON_SENTENCES = {"albert", "bert", "megatron-bert", "mobilebert", "nezha"}


class SentenceEncoder(FromParams):
    """
    Gives each sentence the vector g(u) that languages are told apart by (Wu et al. 2020, section 3.3): the encoder's pooler
    over [CLS], as in the paper, or the mean over its words, of which the first sub-words stand for them.

    Making one is cheap; the encoder is loaded when the first sentence comes. That draws on no random numbers of the training
    around it.

    # Parameters

    model_name : `str`
        Hub name, local folder, or archive of this package; see `EncoderFiles`.
    pooling : `str`, optional (default = `"auto"`)
        "pooler"; "mean"; or "auto", the pooler where pretraining has trained one (mBERT), and the mean where not (XLM-R,
        `multilingual-mini`, archives of this package).
    max_length : `Optional[int]`, optional (default = what the encoder can read, 512 for BERT)
        Sub-words in a window, special tokens included. The mean is over all words of a sentence, in as many windows as it takes;
        the pooler sees the first window alone.
    cuda_device : `int`, optional (default = `-1`)
        -1 for the CPU, or the number of a GPU.
    batch_size : `int`, optional (default = `4096`)
        Sub-words, padding included, that the encoder sees at once.

    # Raises

    `ConfigurationError`
        For an unknown pooling; once a sentence comes, where the encoder cannot be read, or has no pooler and is asked for it.
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
        # Parameters

        sentences : `Sequence[Sequence[str]]`
            The words of each sentence.

        # Returns

        `numpy.ndarray`
            (num_sentences, hidden_size) float32; zeros for a sentence without words.
        """
        vectors = numpy.zeros((len(sentences), self._encoder.hidden_size), numpy.float32)
        with_words = [index for index, words in enumerate(sentences) if words]
        subwords = self._encoder.subwords([sentences[index] for index in with_words])
        with torch.inference_mode():
            for batch in batches_of_like_length([len(each.ids) for each in subwords], self._batch_size):
                encoded = self._encoder([subwords[index] for index in batch])
                vectors[[with_words[index] for index in batch]] = encoded.float().cpu().numpy()
        return vectors

    @cached_property
    def _encoder(self) -> "_Encoder":
        check_for_gpu(self._cuda_device)
        device = int_to_device(self._cuda_device)
        with preserved_random_state():
            files = EncoderFiles(self._model_name)
            is_trained = files.config().model_type in _PRETRAINED_ON_SENTENCES
            if self._pooling == "pooler" or (self._pooling == "auto" and is_trained):
                model = files.model_with_pooler()
                if model is not None:
                    return _Pooler(files, model, self._max_length, device)
            if self._pooling == "pooler":
                raise ConfigurationError(
                    f"'pooling' is 'pooler', and the weights of encoder '{self._model_name}' come without a pooler. Take 'mean', "
                    "or 'auto', which takes the pooler where there is one that was trained."
                )
            return _MeanOfWords(files, self._max_length, device)


class _Encoder:
    """Sub-words of some sentences in, vectors (num_sentences, hidden_size) out."""

    def __init__(self, files: EncoderFiles, device: torch.device) -> None:
        self.hidden_size: int = files.config().hidden_size
        self._indexer = SubwordIndexer(files.model_name)
        self._device = device

    def subwords(self, sentences: Sequence[Sequence[str]]) -> List[Subwords]:
        """Those that are run, which say how much room a sentence takes in a batch."""
        return self._indexer.encode_batch(sentences)

    def __call__(self, sentences: Sequence[Subwords]) -> torch.Tensor:
        raise NotImplementedError


class _Pooler(_Encoder):
    def __init__(
        self, files: EncoderFiles, model: PreTrainedModel, max_length: Optional[int], device: torch.device
    ) -> None:
        super().__init__(files, device)
        self._prefix, self._suffix = files.special_tokens()
        self._window_size, _ = files.window(max_length, None)
        files.check(model, self._window_size, self.hidden_size)
        self._model: Any = model.eval().to(device)

    def subwords(self, sentences: Sequence[Sequence[str]]) -> List[Subwords]:
        return [
            Subwords([*self._prefix, *each.ids[: self._window_size], *self._suffix], [])
            for each in super().subwords(sentences)
        ]

    def __call__(self, sentences: Sequence[Subwords]) -> torch.Tensor:
        inputs = move_to_device(self._indexer.pad_batch(sentences), self._device)
        return self._model(input_ids=inputs["token_ids"], attention_mask=inputs["subword_mask"].long()).pooler_output


class _MeanOfWords(_Encoder):
    def __init__(self, files: EncoderFiles, max_length: Optional[int], device: torch.device) -> None:
        super().__init__(files, device)
        self._embedder = SubwordTransformer(files.model_name, max_length=max_length).eval().to(device)

    def __call__(self, sentences: Sequence[Subwords]) -> torch.Tensor:
        inputs = move_to_device(self._indexer.pad_batch(sentences), self._device)
        words = self._embedder(**inputs)  # (num_sentences, num_words, hidden_size)
        return masked_mean(words, inputs["mask"].unsqueeze(-1), dim=1)
