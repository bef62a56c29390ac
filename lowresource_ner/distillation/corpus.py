"""A corpus as teachers' weights and selections read it: all of its sentences, in blocks."""

from typing import Callable, Iterable, Iterator, List, Sequence

from lowresource_ner.data.batching.bounded_blocks import bounded_blocks, num_characters

Corpus = Callable[[], Iterable[Sequence[str]]]
"""Returns the words of all sentences; each call begins anew."""

MOST_SENTENCES = 2048
"""Of a block."""

_MOST_CHARACTERS = 1 << 22
"""A block of so many characters takes no further sentence."""


def sentence_blocks(corpus: Corpus) -> Iterator[List[Sequence[str]]]:
    """Yields the sentences of a corpus in blocks that a model can be run on."""
    return bounded_blocks(corpus(), num_characters, MOST_SENTENCES, _MOST_CHARACTERS)
