"""The dataset reader of a model that tells languages apart: sentences as vectors, and the languages they are in."""

from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

import numpy
import torch
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Field, Instance
from allennlp.data.dataset_readers.dataset_reader import DistributedInfo, WorkerInfo
from allennlp.data.fields import LabelField, MetadataField

from lowresource_ner.data.batching.bounded_blocks import bounded_blocks, num_characters
from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.data.dataset_readers.sentence_reader import SentenceReader
from lowresource_ner.data.fields.numpy_field import NumpyField
from lowresource_ner.distillation.weights.sentence_vectors import SentenceEncoder

_BLOCK = 2048
"""Sentences that the encoder is given in one call."""

_BLOCK_CHARACTERS = 1 << 22
"""A block of so many characters takes no further sentence."""


@DatasetReader.register("language_vectors")
class LanguageVectorsReader(DatasetReader):
    """
    Reads texts of several languages, for `language_similarity`. Each sentence's vector is computed once, when it is read.

    A path names the language of each text: `{"en": "en.conll", "de": "de.conll"}`, where a text is whatever the inner reader
    takes. On the command line this is written as JSON, or shorter, `en=en.conll`; `allennlp evaluate` takes
    `en=en.conll,de=de.conll` for two corpora and gives the figures of one language after the other.

    Registered as a `DatasetReader` with name "language_vectors".

    # Parameters

    encoder : `SentenceEncoder`
    reader : `Optional[DatasetReader]`, optional (default = `raw_text`)
        `raw_text`, or `conll_ner`, whose tags are not used.
    label_namespace : `str`, optional (default = `"language_labels"`)

    # Raises

    `ConfigurationError`
        Where the reader is none of this package's, or a path names no language.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        reader: Optional[DatasetReader] = None,
        label_namespace: str = "language_labels",
        **kwargs: Any,
    ) -> None:
        super().__init__(manual_distributed_sharding=True, manual_multiprocess_sharding=True, **kwargs)
        reader = reader or RawTextReader()
        if not isinstance(reader, SentenceReader):
            raise ConfigurationError(
                f"'reader' of language_vectors is a {type(reader).__name__}; it is one of this package, raw_text or conll_ner."
            )
        self.encoder = encoder
        self._reader = reader.of_words_alone()
        self._label_namespace = label_namespace

    def text_to_instance(
        self,
        words: Sequence[str],
        language: Optional[str] = None,
        place: str = "(given text)",
        vector: Optional[numpy.ndarray] = None,
    ) -> Instance:
        """
        An instance with the fields `vector`, `language` where it is known, and `metadata` ("words" and "place").

        # Parameters

        words : `Sequence[str]`
        language : `Optional[str]`
        place : `str`
            File and line, for messages.
        vector : `Optional[numpy.ndarray]`
            (hidden_size,) Computed where it is not given.
        """
        vector = self.encoder.encode([words])[0] if vector is None else vector
        fields: Dict[str, Field] = {
            "vector": NumpyField(vector),
            "metadata": MetadataField({"words": list(words), "place": place}),
        }
        if language is not None:
            fields["language"] = LabelField(language, self._label_namespace)
        return Instance(fields)

    def _read(self, file_path: Any) -> Iterator[Instance]:
        for language, corpus in _corpora(file_path).items():
            for block in bounded_blocks(self._reader._read(corpus), _size, _BLOCK, _BLOCK_CHARACTERS):
                metadata: Any = [instance["metadata"] for instance in block]
                words = [each["words"] for each in metadata]
                for each, vector in zip(metadata, self.encoder.encode(words)):
                    instance = self.text_to_instance(each["words"], language, each["place"], vector)
                    instance.add_field("metadata", MetadataField(each))
                    yield instance

    def _set_worker_info(self, info: Optional[WorkerInfo]) -> None:
        super()._set_worker_info(info)
        if info is not None:
            torch.set_num_threads(1)  # the threads of OpenMP do not survive the fork that made this worker
        self._reader._set_worker_info(info)

    def _set_distributed_info(self, info: Optional[DistributedInfo]) -> None:
        super()._set_distributed_info(info)
        self._reader._set_distributed_info(info)


def _corpora(file_path: Any) -> Mapping[str, Any]:
    """Each language's text."""
    if isinstance(file_path, Mapping) and file_path:
        return file_path
    parts = [part.partition("=") for part in str(file_path).split(",")]
    if not all(language and path for language, _, path in parts):
        raise ConfigurationError(
            f"language_vectors was given the path {file_path!r}, which does not say what language its text is in. Give a path "
            'for each language, {"en": "en.conll", "de": "de.conll"}, or en=en.conll.'
        )
    return {language: path for language, _, path in parts}


def _size(instance: Instance) -> int:
    metadata: Any = instance["metadata"]
    return num_characters(metadata["words"])
