"""Divides long sentences into overlapping windows, and chooses for each word the window with most context."""

from itertools import groupby
from typing import List, NamedTuple, Sequence

import torch


class Window(NamedTuple):
    """Sub-words `start` to `stop` (exclusive) of sentence `row`."""

    row: int
    start: int
    stop: int


def cut_windows(lengths: Sequence[int], size: int, overlap: int) -> List[Window]:
    """
    The windows over sentences of `lengths` sub-words, in the order of the sentences and, within each, of their positions.

    A sentence of at most `size` sub-words is one window. A longer one has windows of exactly `size` sub-words, of which
    neighbours share at least `overlap`; the last window ends with the sentence.

    # Raises

    `ValueError`
        If `overlap` is not below `size`.
    """
    if not 0 <= overlap < size:
        raise ValueError(
            f"windows of {size} sub-words cannot overlap by {overlap}: the overlap must be 0 to {size - 1}"
        )
    windows = []
    for row, length in enumerate(lengths):
        start = 0
        while start + size < length:
            windows.append(Window(row, start, start + size))
            start += size - overlap
        windows.append(Window(row, max(0, min(start, length - size)), length))
    return windows


def choose_windows(windows: Sequence[Window], lengths: torch.Tensor, word_starts: torch.Tensor) -> torch.Tensor:
    """
    Chooses for each word the window in which its first sub-word has most context, which is the distance to the nearer edge of the
    window that is not also an edge of the sentence; of equal windows the first one. Each window is compared only with its own
    words, so that the time is proportional to the windows.

    # Parameters

    windows : `Sequence[Window]`
    lengths : `torch.Tensor`
        (batch_size,) sub-words of each sentence.
    word_starts : `torch.Tensor`
        (batch_size, num_words) positions of the words' first sub-words.

    # Returns

    `torch.Tensor` : (batch_size, num_words) indices into `windows`.
    """
    positions, order = word_starts.sort(dim=1)
    chosen = torch.zeros_like(word_starts)
    best = torch.full_like(word_starts, -1)
    unbounded = int(lengths.max()) + 1
    for row, numbered in groupby(enumerate(windows), key=lambda pair: pair[1].row):
        length = int(lengths[row])
        numbers, own = zip(*numbered)
        edges = positions.new_tensor([(window.start, window.stop) for window in own])  # (num_windows, 2)
        spans = torch.searchsorted(positions[row], edges).tolist()
        of_row = positions[row], best[row], chosen[row]
        for number, window, (first, last) in zip(numbers, own, spans):
            inside, best_inside, chosen_inside = (values[first:last] for values in of_row)
            left = inside - window.start if window.start > 0 else torch.full_like(inside, unbounded)
            right = window.stop - 1 - inside if window.stop < length else torch.full_like(inside, unbounded)
            context = torch.minimum(left, right)
            better = context > best_inside
            chosen_inside[better] = number
            best_inside[better] = context[better]
    return torch.zeros_like(chosen).scatter_(1, order, chosen)
