"""Orders batches for the four-module update loop: one batch of each module in every step."""

import random
from itertools import chain, islice
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence

from allennlp.common.checks import ConfigurationError
from allennlp.common.util import is_distributed, lazy_groups_of
from allennlp.data import Instance
from allennlp.data.data_loaders.multitask_scheduler import MultiTaskScheduler
from allennlp.data.fields import TextField
from allennlp.nn.util import dist_reduce

_BATCHES_PER_GROUP = 50
"""Batches whose sentences are sorted by length together."""


@MultiTaskScheduler.register("one_batch_per_module")
class OneBatchPerModule(MultiTaskScheduler):
    """
    Yields batches in steps: one of each module, in the order of `modules` (Jia, Liang and Zhang 2019, P19-1236, algorithm 1). Set
    the trainer's `num_gradient_accumulation_steps` to the number of modules and give it the callback `module_updates`, and a step
    is one update.

    The corpus of one module defines the epoch: its sentences are cut into batches of the given size. The corpus of a module
    without a batch size is cut into the same number of batches, so that all end together; if it has fewer sentences than there
    are steps, it is repeated, one sentence a step. A module with a batch size of its own reads its corpus at its own pace,
    continues from epoch to epoch, and begins again at its end.

    Within groups of 50 batches sentences are sorted by length, so that there is little padding.

    Registered as a `MultiTaskScheduler` with name "one_batch_per_module", for the data loader of the same name.

    # Parameters

    modules : `List[str]`
        In the order of their updates. The released code of the paper has LM source, NER source, LM target, NER target.
    batch_size : `Dict[str, int]`
        Sentences in a batch: of the epoch's module, and of those that read at their own pace.
    epoch : `str`
        The module whose corpus defines the epoch.

    # Raises

    `ConfigurationError`
        If modules are named twice or missing in the data, a batch size is below 1, or a corpus is empty.
    """

    def __init__(self, modules: List[str], batch_size: Dict[str, int], epoch: str) -> None:
        super().__init__()
        if len(set(modules)) != len(modules) or not modules:
            raise ConfigurationError(f"'modules' of the scheduler are {modules}: at least one, and none of them twice.")
        for name in [epoch, *batch_size]:
            if name not in modules:
                raise ConfigurationError(
                    f"The scheduler has no module '{name}'; its 'modules' are {', '.join(modules)}."
                )
        if epoch not in batch_size:
            raise ConfigurationError(f"'batch_size' of the scheduler lacks '{epoch}', whose corpus defines the epoch.")
        for name, size in batch_size.items():
            if size < 1:
                raise ConfigurationError(f"'batch_size' of module '{name}' is {size}; it must be 1 or more.")
        self.modules = list(modules)
        self._batch_size = dict(batch_size)
        self._epoch = epoch
        self.shuffle = True
        """Whether the batches of a group come in random order; set by the data loader."""
        # The modules that continue where the last epoch ended.
        self._running: Dict[str, Iterator[Instance]] = {}

    def check(self, corpora: Iterable[str]) -> None:
        """Raises a `ConfigurationError` if the data's modules are not the scheduler's."""
        if set(corpora) != set(self.modules):
            raise ConfigurationError(
                f"The data has the modules {', '.join(sorted(corpora))}, and the scheduler {', '.join(self.modules)}. Each "
                "module has a reader, a data path and a place in the scheduler's 'modules'."
            )

    def batch_instances(self, epoch_instances: Mapping[str, Iterable[Instance]]) -> Iterator[List[Instance]]:
        """
        Yields the batches of an epoch.

        # Parameters

        epoch_instances : `Mapping[str, Iterable[Instance]]`
            By module; each can be iterated over repeatedly, and has a length. The data loader of the same name passes them.
        """
        self.check(epoch_instances)
        counts = {name: _length(name, corpus) for name, corpus in epoch_instances.items()}
        num_steps = self._num_steps(counts)
        batches = {name: self._batches(name, epoch_instances[name], counts[name], num_steps) for name in self.modules}
        for _ in range(num_steps):
            for name in self.modules:
                yield next(batches[name])

    def count_batches(self, dataset_counts: Dict[str, int]) -> int:
        return len(self.modules) * self._num_steps(dataset_counts)

    def _num_steps(self, counts: Mapping[str, int]) -> int:
        """Steps in an epoch; under distributed training the same in every worker, so that none has to stop early."""
        num_steps = -(-counts[self._epoch] // self._batch_size[self._epoch])
        if is_distributed():
            from torch.distributed import ReduceOp

            num_steps = int(dist_reduce(num_steps, ReduceOp.MAX))
        return num_steps

    def _batches(self, name: str, corpus: Iterable[Instance], count: int, num_steps: int) -> Iterator[List[Instance]]:
        size = self._batch_size.get(name)
        if size is None and count >= num_steps:
            sizes: List[int] = [
                count * (step + 1) // num_steps - count * step // num_steps for step in range(num_steps)
            ]
            instances = iter(corpus)
        elif name == self._epoch and size is not None:
            sizes = [min(size, count - start) for start in range(0, count, size)]
            # A worker whose share of the corpus is the smaller one fills its last step from the beginning.
            sizes += [size] * (num_steps - len(sizes))
            instances = chain(corpus, _endless(corpus))
        else:
            sizes = [size or 1] * num_steps
            instances = self._running.setdefault(name, _endless(corpus))
        return _by_length(instances, sizes, self.shuffle)


def _endless(corpus: Iterable[Instance]) -> Iterator[Instance]:
    while True:
        yield from corpus


def _by_length(instances: Iterator[Instance], sizes: Sequence[int], shuffle: bool) -> Iterator[List[Instance]]:
    """Batches of the given sizes, in groups of similar length, a group's batches in random order or from short to long."""
    for group_sizes in lazy_groups_of(sizes, _BATCHES_PER_GROUP):
        group = sorted(islice(instances, sum(group_sizes)), key=_num_words)
        if shuffle:
            random.shuffle(group_sizes)
        ends = [sum(group_sizes[: number + 1]) for number in range(len(group_sizes))]
        batches = [group[end - size : end] for end, size in zip(ends, group_sizes)]
        if shuffle:
            random.shuffle(batches)
        yield from batches


def _num_words(instance: Instance) -> int:
    return max((len(field) for field in instance.fields.values() if isinstance(field, TextField)), default=0)


def _length(name: str, corpus: Any) -> int:
    try:
        count = len(corpus)
    except TypeError as error:
        raise ConfigurationError(
            "The scheduler 'one_batch_per_module' needs the data loader of the same name ('data_loader': {'type': "
            "'one_batch_per_module', ...})."
        ) from error
    if count == 0:
        raise ConfigurationError(
            f"The corpus of module '{name}' is empty. Check its data path, and the 'sample' of its reader."
        )
    return count
