"""A dataset reader that is several."""

from typing import Any, Dict, Iterator, Mapping, Optional

from allennlp.common.checks import ConfigurationError
from allennlp.data import DatasetReader, Instance
from allennlp.data.dataset_readers.dataset_reader import DistributedInfo, WorkerInfo


@DatasetReader.register("by_name")
class ByNameReader(DatasetReader):
    """
    Reads a path `{"held_out": "raw.txt"}` with the reader "held_out", and a plain path with the reader `default`. So a training
    can be validated on one kind of data, and its archive, whose reader this is, evaluated on another by a plain command.

    Registered as a `DatasetReader` with name "by_name".

    # Parameters

    default : `DatasetReader`
        For plain paths, and for prediction.
    readers : `Dict[str, DatasetReader]`
        By name.

    # Raises

    `ConfigurationError`
        For a path with a name that no reader has, and for settings that are those of its readers.
    """

    def __init__(self, default: DatasetReader, readers: Dict[str, DatasetReader], **kwargs: Any) -> None:
        strangers = sorted(set(kwargs) - {"max_instances", "serialization_dir"})
        if strangers:
            raise ConfigurationError(
                f"by_name has no {', '.join(strangers)}. Settings of the reader of plain paths are below 'default': "
                f"validation_dataset_reader.default.{strangers[0]}; those of the others below 'readers' and their names."
            )
        max_instances = kwargs.get("max_instances")
        super().__init__(max_instances, manual_distributed_sharding=True, manual_multiprocess_sharding=True)
        self._default = default
        self._readers = readers

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

    def _set_worker_info(self, info: Optional[WorkerInfo]) -> None:
        super()._set_worker_info(info)
        for reader in (self._default, *self._readers.values()):
            reader._set_worker_info(info)

    def _set_distributed_info(self, info: Optional[DistributedInfo]) -> None:
        super()._set_distributed_info(info)
        for reader in (self._default, *self._readers.values()):
            reader._set_distributed_info(info)
