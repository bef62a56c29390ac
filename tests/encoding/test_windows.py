"""Windows: properties, hand counts, and the choice of a window against a search over all of them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lowresource_ner.encoding.windows import choose_windows, cut_windows


@st.composite
def cuts(draw):
    size = draw(st.integers(1, 12))
    return draw(st.lists(st.integers(1, 60), min_size=1, max_size=5)), size, draw(st.integers(0, size - 1))


@pytest.mark.parametrize(
    "lengths, size, overlap, expected",
    [
        ([4], 4, 1, [(0, 0, 4)]),
        ([5], 4, 1, [(0, 0, 4), (0, 1, 5)]),
        ([7], 4, 1, [(0, 0, 4), (0, 3, 7)]),
        ([8], 4, 0, [(0, 0, 4), (0, 4, 8)]),
        ([10], 4, 2, [(0, 0, 4), (0, 2, 6), (0, 4, 8), (0, 6, 10)]),
        ([3, 9, 1], 4, 1, [(0, 0, 3), (1, 0, 4), (1, 3, 7), (1, 5, 9), (2, 0, 1)]),
    ],
)
def test_windows_by_hand(lengths, size, overlap, expected):
    assert cut_windows(lengths, size, overlap) == expected


@given(cuts())
def test_windows_cover_overlap_and_are_no_longer_than_asked(cut):
    lengths, size, overlap = cut
    windows = cut_windows(lengths, size, overlap)
    assert windows == sorted(windows)
    for row, length in enumerate(lengths):
        own = [window for window in windows if window.row == row]
        assert {position for window in own for position in range(window.start, window.stop)} == set(range(length))
        assert all(0 < window.stop - window.start <= size for window in own)
        if length <= size:
            assert len(own) == 1
        else:
            assert all(window.stop - window.start == size for window in own)
            assert all(before.stop - after.start >= overlap for before, after in zip(own, own[1:]))
            assert all(before.start < after.start for before, after in zip(own, own[1:]))
            # No window too many: without the last one the sentence would not be covered.
            assert own[-2].stop < length


@pytest.mark.parametrize("size, overlap", [(4, 4), (4, 5), (4, -1), (0, 0)])
def test_windows_that_would_not_advance_are_refused(size, overlap):
    with pytest.raises(ValueError, match="overlap"):
        cut_windows([10], size, overlap)


def context(window, position, length):
    """Sub-words to the nearer edge that is not one of the sentence; less than nothing outside the window."""
    if not window.start <= position < window.stop:
        return -1
    before = position - window.start if window.start > 0 else math.inf
    after = window.stop - 1 - position if window.stop < length else math.inf
    return min(before, after)


@given(cuts(), st.data())
def test_each_word_gets_the_window_in_which_it_has_most_context(cut, data):
    lengths, size, overlap = cut
    windows = cut_windows(lengths, size, overlap)
    num_words = data.draw(st.integers(1, 6))
    starts = [[data.draw(st.integers(0, length - 1)) for _ in range(num_words)] for length in lengths]
    chosen = choose_windows(windows, torch.tensor(lengths), torch.tensor(starts)).tolist()
    for row, length in enumerate(lengths):
        for position, index in zip(starts[row], chosen[row]):
            assert windows[index].row == row
            contexts = [context(window, position, length) if window.row == row else -1 for window in windows]
            assert index == contexts.index(max(contexts))


class Elements(TorchDispatchMode):
    """Counts the elements of all tensors that torch computes."""

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.total += sum(each.numel() for each in tree_leaves(result) if isinstance(each, torch.Tensor))
        return result


def elements_computed(num_subwords):
    windows = cut_windows([num_subwords], 32, 8)
    starts = torch.arange(num_subwords).unsqueeze(0)
    with Elements() as elements:
        choose_windows(windows, torch.tensor([num_subwords]), starts)
    return elements.total


def test_four_times_the_words_are_four_times_the_work():
    fewer, more = elements_computed(1000), elements_computed(4000)
    assert 1000 < fewer and more < 4.5 * fewer
