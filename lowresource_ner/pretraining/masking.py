"""Masks sub-words for a masked language model: single ones at random, whole words, or spans of words."""

from typing import Iterator, Sequence, Tuple, Union

import numpy as np
import torch
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

MAX_WORDS = 10
"""The maximum length of a span."""

GEOMETRIC_P = 0.2

_NOTHING = -100  # the label of a sub-word that is not predicted

Masked = Tuple[torch.Tensor, torch.Tensor]


class SubwordMasking:
    """
    Masks each sub-word with the same probability, independently of the others: transformers' collator, which draws from torch's
    generator.

    # Parameters

    tokenizer : `PreTrainedTokenizerFast`
    share : `float`
        The share of sub-words that are to be predicted.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, share: float) -> None:
        self._collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=share)

    def __call__(self, input_ids: np.ndarray, words: np.ndarray, seed: Sequence[int]) -> Masked:
        """See `SpanMasking`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(hash(tuple(seed)))
            return self._collator.torch_mask_tokens(
                torch.from_numpy(input_ids), special_tokens_mask=torch.from_numpy(words < 0)
            )


class SpanMasking:
    """
    Masks spans of whole words (SpanBERT, Joshi et al. 2020, arXiv:1907.10529, section 3.1). Spans begin at random words and do
    not overlap. Their lengths in words follow a geometric distribution with p = 0.2, truncated to at most `max_words`; with 10,
    the mean is 3.8. Of the spans, 80 % are replaced by mask tokens, 10 % by random sub-words, and 10 % are left as they are.

    The paper masks until the share is reached, which masks more than that of short texts. Here the last word is masked with the
    probability at which the expected share is exact.

    # Parameters

    tokenizer : `PreTrainedTokenizerFast`
    share : `float`
        The expected share of sub-words that are to be predicted.
    max_words : `int`, optional (default = `10`)
        1 for whole-word masking.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, share: float, max_words: int = MAX_WORDS) -> None:
        self._mask = tokenizer.mask_token_id
        self._vocab_size = len(tokenizer)
        self._share = share
        weights = (1 - GEOMETRIC_P) ** np.arange(max_words)
        self._cumulative = np.cumsum(weights / weights.sum())[:-1]

    def __call__(self, input_ids: np.ndarray, words: np.ndarray, seed: Sequence[int]) -> Masked:
        """
        # Parameters

        input_ids : `np.ndarray`
            Shape: (batch_size, max_length)
        words : `np.ndarray`
            For each sub-word the number of its word, which rises by 1 from word to word; negative for special tokens and padding,
            which are never masked. Shape: (batch_size, max_length)
        seed : `Sequence[int]`
            The same seed gives the same masks.

        # Returns

        `Tuple[torch.Tensor, torch.Tensor]`
            The masked ids, and the labels: the original ids where they are to be predicted, -100 elsewhere. Shape of both:
            (batch_size, max_length)
        """
        generator = np.random.default_rng(list(seed))
        masked, labels = input_ids.copy(), np.full_like(input_ids, _NOTHING)
        for row in range(len(input_ids)):
            for first, end in _texts(words[row]):
                for span in self.spans(words[row, first:end], generator):
                    place = slice(first + span.start, first + span.stop)
                    labels[row, place] = input_ids[row, place]
                    self._replace(masked[row, place], generator)
        return torch.from_numpy(masked), torch.from_numpy(labels)

    def spans(self, words: np.ndarray, generator: np.random.Generator) -> Iterator[range]:
        """Draws the spans of a text, as ranges of sub-words. Shape of `words`: (num_sub_words,)"""
        starts = np.flatnonzero(np.diff(words, prepend=-1, append=-1))  # of the words, and the end of the last
        sizes = np.diff(starts)
        is_free = np.ones(len(sizes), dtype=bool)
        budget = self._share * len(words)
        while budget > 0 and is_free.any():
            free = np.flatnonzero(is_free)
            first = end = free[generator.integers(len(free))]
            longest = first + 1 + int(np.searchsorted(self._cumulative, generator.random(), side="right"))
            while end < min(longest, len(sizes)) and is_free[end] and budget > 0:
                if sizes[end] > budget and generator.random() >= budget / sizes[end]:
                    budget = 0
                    break
                budget -= sizes[end]
                is_free[end] = False
                end += 1
            if end > first:
                yield range(starts[first], starts[end])

    def _replace(self, span: np.ndarray, generator: np.random.Generator) -> None:
        draw = generator.random()
        if draw < 0.8:
            span[:] = self._mask
        elif draw < 0.9:
            span[:] = generator.integers(self._vocab_size, size=len(span))


Masking = Union[SubwordMasking, SpanMasking]


def masking_of(kind: str, tokenizer: PreTrainedTokenizerFast, share: float) -> Masking:
    """
    The masking of an option's value.

    # Parameters

    kind : `str`
        "sub-words", "words" or "spans", as in `TrainingOptions`.
    """
    if kind == "sub-words":
        return SubwordMasking(tokenizer, share)
    return SpanMasking(tokenizer, share, max_words={"words": 1, "spans": MAX_WORDS}[kind])


def _texts(words: np.ndarray) -> Iterator[Tuple[int, int]]:
    """The beginnings and ends of the texts between special tokens."""
    bounds = np.flatnonzero(np.diff(words >= 0, prepend=False, append=False))
    yield from zip(bounds[::2].tolist(), bounds[1::2].tolist())
