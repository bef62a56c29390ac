"""Blocks of a stream, bounded in number and in size."""

import itertools

import pytest

from lowresource_ner.data.batching.bounded_blocks import bounded_blocks


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ([], []),
        ([1, 1, 1, 1, 1], [[1, 1, 1], [1, 1]]),
        ([1, 9, 1, 20, 4, 5, 1, 1], [[1, 9], [1, 20], [4, 5, 1], [1]]),
        ([0, 0, 0, 10, 0], [[0, 0, 0], [10], [0]]),
    ],
)
def test_blocks_by_hand(sizes, expected) -> None:
    assert list(bounded_blocks(sizes, lambda size: size, max_items=3, max_size=10)) == expected


def test_no_more_is_read_than_a_block() -> None:
    stream = iter(itertools.count(1))
    assert next(bounded_blocks(stream, lambda size: size, max_items=100, max_size=10)) == [1, 2, 3, 4]
    assert next(stream) == 5
