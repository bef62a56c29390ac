"""A dataset reader that chooses among other readers by a name in the path."""

from typing import Any, Dict, Iterator, Mapping

from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance

from lowresource_ner.data.dataset_readers.sharding_reader import ShardingReader


@DatasetReader.register("by_name")
class ByNameReader(ShardingReader):
    """
    Reads a path `{"held_out": "raw.txt"}` with the reader "held_out", and a plain path with the reader `default`. A training can
    thus be validated on one kind of data, and its archive, which holds this reader, evaluated on another by a plain command.

    Registered as a `DatasetReader` with name "by_name".

    # Parameters

    default : `DatasetReader`
        For plain paths, and for prediction.
    readers : `Dict[str, DatasetReader]`
        By name.
    max_instances
        See `ShardingReader`.

    # Raises

    `ConfigurationError`
        If a path has a name that no reader has, and for options that belong to one of its readers.
    """

    inner_options = (
        "Options of the reader of plain paths are below 'default': validation_dataset_reader.default.{option}; those of the "
        "others below 'readers' and their names."
    )

    def __init__(self, default: DatasetReader, readers: Dict[str, DatasetReader], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._default = default
        self._readers = readers
        self.inner_readers = (default, *readers.values())

    @property
    def token_indexers(self) -> Any:
        """Those of the default reader."""
        return getattr(self._default, "token_indexers", {})

    def text_to_instance(self, *inputs: Any) -> Instance:
        return self._default.text_to_instance(*inputs)

    def apply_token_indexers(self, instance: Instance) -> None:
        self._default.apply_token_indexers(instance)

    def _read(self, file_path: Any) -> Iterator[Instance]:
        if not isinstance(file_path, Mapping):
            yield from self._default._read(file_path)
            return
        for name, path in file_path.items():
            if name not in self._readers:
                raise ConfigurationError(
                    f"The data path {dict(file_path)} names '{name}', and the readers are {', '.join(self._readers) or 'none'}. "
                    "Name one of them, or give a plain path for the default reader."
                )
            yield from self._readers[name]._read(path)
