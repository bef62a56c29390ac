"""A pretrained encoder that computes vectors without being trained."""

from typing import Any, NamedTuple, Optional

from allennlp.common.util import int_to_device

from lowresource_ner.encoding.encoder_files import EncoderFiles
from lowresource_ner.encoding.subword_tokenizer import SubwordTokenizer
from lowresource_ner.encoding.window_reader import WindowReader


class FrozenEncoder(NamedTuple):
    """A model in evaluation mode, its tokenizer, and the windows in which it reads long sentences."""

    model: Any
    tokenizer: SubwordTokenizer
    windows: WindowReader


def frozen_encoder(files: EncoderFiles, model: Any, max_length: Optional[int], cuda_device: int) -> FrozenEncoder:
    """
    Checks a model that was loaded from `files`, and moves it to a device.

    # Parameters

    files : `EncoderFiles`
    model : `Any`
        One of the models of `files`.
    max_length : `Optional[int]`
        Sub-words per window; see `WindowReader`.
    cuda_device : `int`
        -1 for the CPU, or the index of a GPU.

    # Raises

    `ConfigurationError`
        See `EncoderFiles.check`.
    """
    files.check(model, max_length, files.config().hidden_size)
    model.eval().to(int_to_device(cuda_device))
    return FrozenEncoder(model, SubwordTokenizer(files.tokenizer()), WindowReader(files.input_format, max_length))
