"""Corpora for teacher weights and selections that depend on all sentences of a text."""

from typing import Callable, Iterable, Iterator, List, Sequence

from lowresource_ner.data.batching.bounded_blocks import bounded_blocks, num_characters

Corpus = Callable[[], Iterable[Sequence[str]]]
"""Returns the words of all sentences; each call starts from the first one."""

MOST_SENTENCES = 2048
"""The greatest number of sentences in a block."""

_MOST_CHARACTERS = 1 << 22
"""The number of characters from which on a block is complete."""


def sentence_blocks(corpus: Corpus) -> Iterator[List[Sequence[str]]]:
    """Yields the sentences of a corpus in blocks of bounded size."""
    return bounded_blocks(corpus(), num_characters, MOST_SENTENCES, _MOST_CHARACTERS)
