"""Dataset reader for `language_similarity`: sentence vectors and their languages."""

from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

import numpy
from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Field, Instance
from allennlp.data.fields import LabelField, MetadataField

from lowresource_ner.data.dataset_readers.raw_text import RawTextReader
from lowresource_ner.data.dataset_readers.sentence_reader import reader_without_tags
from lowresource_ner.data.dataset_readers.sharding_reader import ShardingReader
from lowresource_ner.data.fields.numpy_field import NumpyField
from lowresource_ner.distillation.weights.sentence_vectors import SentenceEncoder


@DatasetReader.register("language_vectors")
class LanguageVectorsReader(ShardingReader):
    """
    Reads texts in several languages for `language_similarity`, and computes a vector for each sentence.

    The data path maps languages to paths for the inner reader: `{"en": "en.conll", "de": "de.conll"}`. On the command line, write
    this as JSON or as `en=en.conll`. (`allennlp evaluate` splits `en=en.conll,de=de.conll` and evaluates each language
    separately.)

    Registered as a `DatasetReader` with name "language_vectors".

    # Parameters

    encoder : `SentenceEncoder`
    reader : `Optional[DatasetReader]`, optional (default = `raw_text`)
        The reader of the texts: `raw_text`, or `conll_ner`, whose tags are ignored.
    label_namespace : `str`, optional (default = `"language_labels"`)
    max_instances
        See `ShardingReader`.

    # Raises

    `ConfigurationError`
        If the reader is not one of this package, or a path is given without its language.
    """

    inner_options = "Options of the reader of the texts are below 'reader': reader.{option}."

    def __init__(
        self,
        encoder: SentenceEncoder,
        reader: Optional[DatasetReader] = None,
        label_namespace: str = "language_labels",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self._reader = reader_without_tags(reader or RawTextReader(), "language_vectors")
        self.inner_readers = [self._reader]
        self._label_namespace = label_namespace

    def text_to_instance(
        self,
        words: Sequence[str],
        language: Optional[str] = None,
        place: str = "(given text)",
        vector: Optional[numpy.ndarray] = None,
    ) -> Instance:
        """
        Returns an instance with the fields `vector`, `language` if given, and `metadata` ("words" and "place").

        # Parameters

        words : `Sequence[str]`
        language : `Optional[str]`
        place : `str`
            File and line, for error messages.
        vector : `Optional[numpy.ndarray]`
            The sentence vector, (hidden_size,) float32. By default, it is computed.
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
            for block in self._reader.instance_blocks(corpus):
                metadata: Any = [instance["metadata"] for instance in block]
                words = [each["words"] for each in metadata]
                for each, vector in zip(metadata, self.encoder.encode(words)):
                    instance = self.text_to_instance(each["words"], language, each["place"], vector)
                    instance.add_field("metadata", MetadataField(each))
                    yield instance


def _corpora(file_path: Any) -> Mapping[str, Any]:
    """Returns the path of each language's text."""
    if isinstance(file_path, Mapping) and file_path:
        return file_path
    parts = [part.partition("=") for part in str(file_path).split(",")]
    if not all(language and path for language, _, path in parts):
        raise ConfigurationError(
            f"language_vectors was given the path {file_path!r}, which does not name its language. Give one for each language, "
            '{"en": "en.conll", "de": "de.conll"}, or en=en.conll.'
        )
    return {language: path for language, _, path in parts}
