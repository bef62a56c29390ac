"""Loads batches of several modules, one batch of each in turn."""

import random
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from allennlp.common.checks import ConfigurationError
from allennlp.common.util import lazy_groups_of
from allennlp.data import DataLoader, Instance, TensorDict
from allennlp.data.data_loaders import MultiTaskDataLoader
from allennlp.data.data_loaders.multitask_data_loader import maybe_shuffle_instances
from allennlp.data.data_loaders.multitask_scheduler import MultiTaskScheduler
from allennlp.data.dataset_readers import MultiTaskDatasetReader

from lowresource_ner.data.batching.one_batch_per_module import OneBatchPerModule


class _Corpus:
    """The corpus of a module, which can be iterated over repeatedly, in a new order each time."""

    def __init__(self, loader: DataLoader, shuffle: bool) -> None:
        self._loader = loader
        self._shuffle = shuffle
        self._length: Optional[int] = None

    def __iter__(self) -> Iterator[Instance]:
        if not self.is_in_memory:
            # AllenNLP shuffles in a pool of 1024.
            return iter(maybe_shuffle_instances(self._loader, self._shuffle))
        instances = list(self._loader.iter_instances())
        if self._shuffle:
            random.shuffle(instances)
        return iter(instances)

    def __len__(self) -> int:
        if self._length is None:
            self._length = len(self._loader) if self.is_in_memory else sum(1 for _ in self._loader.iter_instances())
        return self._length

    @property
    def is_in_memory(self) -> bool:
        return getattr(self._loader, "max_instances_in_memory", None) is None


@DataLoader.register("one_batch_per_module")
class ModuleLoader(MultiTaskDataLoader):
    """
    AllenNLP's `multitask` data loader for the scheduler `one_batch_per_module`. Corpora are shuffled as a whole, and can begin
    again within an epoch. A corpus that is too large for memory is read lazily where `max_instances_in_memory` names its
    module; it is then read once more to count it, and shuffled from a pool of 1024 sentences.

    Each batch has the field `module_name`, a list with the module of each sentence. (AllenNLP's `multitask` reader calls it
    `task`.) If the function `before_update` is set, it is called with all batches of an update before the first one is yielded.

    Registered as a `DataLoader` with name "one_batch_per_module".

    # Parameters

    As AllenNLP's `multitask`, without `sampler` and `instances_per_epoch`. With `"shuffle": false` nothing is random.

    # Raises

    `ConfigurationError`
        If the modules of the readers or of the data are not the scheduler's, or the scheduler or the reader has the wrong type.
    """

    def __init__(self, reader: Any, data_path: Dict[str, Any], scheduler: MultiTaskScheduler, **kwargs: Any) -> None:
        if not isinstance(scheduler, OneBatchPerModule):
            raise ConfigurationError(
                f"The data loader 'one_batch_per_module' has the scheduler {type(scheduler).__name__}; it needs the one of "
                "the same name."
            )
        if not isinstance(reader, MultiTaskDatasetReader) or not isinstance(data_path, Mapping):
            raise ConfigurationError(
                "The data loader 'one_batch_per_module' needs the reader 'multitask' and data paths by module; it has the reader "
                f"{type(reader).__name__} and the path {data_path}."
            )
        for name in ("sampler", "instances_per_epoch"):
            if kwargs.get(name) is not None:
                raise ConfigurationError(
                    f"The data loader 'one_batch_per_module' takes no '{name}': the scheduler defines an epoch."
                )
        scheduler.check(reader.readers)
        scheduler.check(data_path)
        super().__init__(reader, data_path, scheduler, **kwargs)
        scheduler.shuffle = self._shuffle
        self.modules = scheduler.modules
        self.before_update: Optional[Callable[[Sequence[Mapping[str, Any]]], None]] = None
        self._corpora = {name: _Corpus(loader, self._shuffle) for name, loader in self._loaders.items()}

    def __len__(self) -> int:
        return self.scheduler.count_batches({name: len(corpus) for name, corpus in self._corpora.items()})

    def __iter__(self) -> Iterator[TensorDict]:
        for update in lazy_groups_of(super().__iter__(), len(self.modules)):
            batches: List[Dict[str, Any]] = [
                {"module_name" if name == "task" else name: field for name, field in batch.items()} for batch in update
            ]
            if self.before_update is not None:
                self.before_update(batches)
            yield from batches

    def _get_instances_for_epoch(self) -> Dict[str, Any]:
        return dict(self._corpora)
