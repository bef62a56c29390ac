"""Cuts a stream into blocks of bounded number and bounded total size."""

from typing import Callable, Iterable, Iterator, List, Sequence, TypeVar

Item = TypeVar("Item")


def bounded_blocks(
    items: Iterable[Item], size: Callable[[Item], int], max_items: int, max_size: int
) -> Iterator[List[Item]]:
    """
    Yields lists of up to `max_items` consecutive items. A list whose sizes add up to `max_size` or more takes no further item, so
    it exceeds `max_size` by less than its last item.
    """
    block: List[Item] = []
    total = 0
    for item in items:
        block.append(item)
        total += size(item)
        if len(block) == max_items or total >= max_size:
            yield block
            block, total = [], 0
    if block:
        yield block


def num_characters(words: Sequence[str]) -> int:
    """The size of a sentence: the characters of its words, with one between them."""
    return sum(map(len, words)) + len(words)
