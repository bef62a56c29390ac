"""Batches of like length: every instance once, little padding, other batches in every epoch, the same for the same seed."""

import random

import pytest
from allennlp.common.checks import ConfigurationError
from allennlp.data import Vocabulary
from allennlp.data.samplers import BucketBatchSampler
from conftest import CORPORA, TINY_ENCODER

from lowresource_ner.data import ConllNerReader, LengthGroupedSampler, SubwordIndexer


@pytest.fixture(scope="module")
def instances() -> list:
    reader = ConllNerReader(token_indexers={"encoder": SubwordIndexer(str(TINY_ENCODER))})
    instances = list(reader.read(CORPORA / "*" / "*.conll"))
    vocab = Vocabulary.from_instances(instances)
    for instance in instances:
        instance.index_fields(vocab)
    assert len(instances) == 722
    return instances


def num_subwords(instance) -> int:
    return len(instance["tokens"]._indexed_tokens["encoder"]["token_ids"])


def padding(batches: list, instances: list) -> float:
    """The share of positions that are padding."""
    lengths = [[num_subwords(instances[index]) for index in batch] for batch in batches]
    return 1 - sum(map(sum, lengths)) / sum(max(batch) * len(batch) for batch in lengths)


@pytest.mark.parametrize("options", [{}, {"batches_per_group": 3}, {"batches_per_group": None}, {"shuffle": False}])
def test_every_instance_once_in_batches_of_the_size(options, instances) -> None:
    sampler = LengthGroupedSampler(batch_size=10, **options)
    batches = list(sampler.get_batch_indices(instances))
    assert sorted(index for batch in batches for index in batch) == list(range(722))
    assert sorted(map(len, batches)) == [2] + [10] * 72
    assert sampler.get_num_batches(instances) == len(batches) == 73


def test_less_is_padded_than_by_words(instances) -> None:
    random.seed(0)
    ours = padding(list(LengthGroupedSampler(8).get_batch_indices(instances)), instances)
    by_words = padding(list(BucketBatchSampler(8, ["tokens"]).get_batch_indices(instances)), instances)
    assert ours < 0.5 * by_words


def test_batches_differ_from_epoch_to_epoch_and_follow_the_seed(instances) -> None:
    sampler = LengthGroupedSampler(8, batches_per_group=10)
    random.seed(4)
    first, second = (list(sampler.get_batch_indices(instances)) for _ in range(2))
    random.seed(4)
    assert first == list(sampler.get_batch_indices(instances))
    together = {frozenset(batch) for batch in first} & {frozenset(batch) for batch in second}
    assert len(together) < 5


def test_without_shuffling_the_longest_come_first(instances) -> None:
    state = random.getstate()
    batches = list(LengthGroupedSampler(8, shuffle=False).get_batch_indices(instances))
    lengths = [num_subwords(instances[index]) for batch in batches for index in batch]
    assert lengths == sorted(lengths, reverse=True) and random.getstate() == state


def test_nothing_and_sizes_below_one() -> None:
    assert list(LengthGroupedSampler(8).get_batch_indices([])) == []
    with pytest.raises(ConfigurationError, match="1 or more"):
        LengthGroupedSampler(0)
    with pytest.raises(ConfigurationError, match="1 or more"):
        LengthGroupedSampler(4, batches_per_group=0)
