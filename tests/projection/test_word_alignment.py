"""Links and their format, symmetrisation, and the alignment error rate, by hand."""

import itertools
import random

import pytest

from lowresource_ner.projection.alignment_error_rate import AlignmentErrorRate
from lowresource_ner.projection.symmetrisation import grow_diag_final_and
from lowresource_ner.projection.word_alignment import GoldLinks, format_links, link_outside, parse_links


def links(text: str) -> frozenset:
    return parse_links(text).sure


def test_links_are_read_and_written() -> None:
    assert parse_links("1-2 0-0\t10-3\n") == GoldLinks(links("0-0 1-2 10-3"), links("0-0 1-2 10-3"))
    assert parse_links("0-0 1p2") == GoldLinks(links("0-0"), links("0-0 1-2"))
    assert parse_links("") == GoldLinks(frozenset(), frozenset())
    assert format_links({(10, 3), (0, 0), (1, 2)}) == "0-0 1-2 10-3"
    assert link_outside(links("0-0 1-2"), 2, 3) is None
    assert link_outside(links("0-0 1-3"), 2, 3) == (1, 3) and link_outside(links("0-0 2-0"), 2, 3) == (2, 0)


@pytest.mark.parametrize("text", ["0", "0-", "a-1", "-1-2", "0-1-2", "0–1", "1.0-2", "٣-1", "9999999999-1"])
def test_other_things_are_no_links(text) -> None:
    with pytest.raises(ValueError, match="is not a link; give two positions from 0"):
        parse_links(f"0-0 {text}")


def test_grow_diag_final_and_by_hand() -> None:
    """0-0 is common; 1-1 neighbours it diagonally, 1-2 that. 4-4 is far, but both of its words are free, unlike those of 4-0."""
    forward, reverse = links("0-0 1-1 4-4 4-0"), links("0-0 1-2")
    assert grow_diag_final_and(forward, reverse) == links("0-0 1-1 1-2 4-4")
    # A neighbour both of whose words have links is not added.
    assert grow_diag_final_and(links("0-0 1-1 0-1"), links("0-0 1-1")) == links("0-0 1-1")
    # Nothing in common: what is free is added, the forward links first.
    assert grow_diag_final_and(links("0-0"), links("0-1 1-1")) == links("0-0 1-1")
    assert grow_diag_final_and(frozenset(), frozenset()) == frozenset()


def test_symmetrised_links_lie_between_intersection_and_union() -> None:
    generator = random.Random(5)
    cells = list(itertools.product(range(5), range(6)))
    for _ in range(200):
        forward, reverse = (frozenset(generator.sample(cells, generator.randint(0, 8))) for _ in range(2))
        found = grow_diag_final_and(forward, reverse)
        assert forward & reverse <= found <= forward | reverse
        # Whatever was left out has a word with a link.
        sources, targets = {source for source, _ in found}, {target for _, target in found}
        assert all(source in sources or target in targets for source, target in forward | reverse)


def test_the_error_rate_by_hand() -> None:
    """
    First pair: 3 links, 2 of them sure, 1 possible. Second pair: 1 link, wrong. Together 4 links, 5 sure ones: precision 3 / 4,
    recall 2 / 5, error rate 1 - (2 + 3) / (4 + 5).
    """
    rate = AlignmentErrorRate()
    rate.add(links("0-0 1-1 2-2"), parse_links("0-0 1-1 3-3 2p2"))
    rate.add(links("0-0"), parse_links("0-1 1-0"))
    assert rate.as_dict() == {
        "error_rate": 44.44,
        "precision": 75.0,
        "recall": 40.0,
        "pairs": 2,
        "links": 4,
        "sure_links": 5,
    }


def test_no_links_have_no_errors() -> None:
    assert AlignmentErrorRate().error_rate == AlignmentErrorRate().precision == 0
    silent = AlignmentErrorRate()
    silent.add(frozenset(), parse_links("0-0"))
    assert (silent.error_rate, silent.precision, silent.recall) == (1, 0, 0)
