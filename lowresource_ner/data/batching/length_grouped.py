"""Puts instances of similar length into one batch."""

import random
from typing import Iterator, List, Optional, Sequence

from allennlp.common.checks import ConfigurationError
from allennlp.data import BatchSampler, Instance


@BatchSampler.register("length_grouped")
class LengthGroupedSampler(BatchSampler):
    """
    Puts instances of similar length into one batch. All instances are shuffled and cut into groups of many batches; each group is
    sorted by length and cut into batches, which are shuffled in turn. So there is little padding, and batches differ from
    epoch to epoch.

    The length is the padded one: in sub-words, if there are any. AllenNLP's `bucket` sorts all instances at once, by words, and
    varies the batches by noise in the lengths, which costs padding.

    Registered as a `BatchSampler` with name "length_grouped".

    # Parameters

    batch_size : `int`
    batches_per_group : `Optional[int]`, optional (default = `50`)
        None to sort all instances at once.
    shuffle : `bool`, optional (default = `True`)
        False for evaluation: the order is fixed, the longest first.

    # Raises

    `ConfigurationError`
        If a size is below 1.
    """

    def __init__(self, batch_size: int, batches_per_group: Optional[int] = 50, shuffle: bool = True) -> None:
        if batch_size < 1 or (batches_per_group is not None and batches_per_group < 1):
            raise ConfigurationError(
                f"'batch_size' ({batch_size}) and 'batches_per_group' ({batches_per_group}) of length_grouped must be 1 or more."
            )
        self.batch_size = batch_size
        self._batches_per_group = batches_per_group if shuffle else None
        self._shuffle = shuffle

    def get_batch_indices(self, instances: Sequence[Instance]) -> Iterator[List[int]]:
        """Yields the indices of each batch's instances. The instances must be indexed."""
        lengths = [_padded_length(instance) for instance in instances]
        order = list(range(len(instances)))
        if self._shuffle:
            random.shuffle(order)
        group_size = len(order) if self._batches_per_group is None else self.batch_size * self._batches_per_group
        batches = []
        for start in range(0, len(order), max(1, group_size)):
            group = sorted(order[start : start + group_size], key=lambda index: -lengths[index])
            batches += [group[first : first + self.batch_size] for first in range(0, len(group), self.batch_size)]
        if self._shuffle:
            random.shuffle(batches)
        yield from batches

    def get_num_batches(self, instances: Sequence[Instance]) -> int:
        return -(-len(instances) // self.batch_size)

    def get_batch_size(self) -> Optional[int]:
        return self.batch_size


def _padded_length(instance: Instance) -> int:
    """The greatest length of any field of an instance, as padding counts it."""
    return max((length for field in instance.get_padding_lengths().values() for length in field.values()), default=0)
