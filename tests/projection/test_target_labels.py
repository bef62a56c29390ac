"""What is carried over to the target: probabilities and scores, by hand."""

import numpy
import pytest

from lowresource_ner.distillation import Teacher
from lowresource_ner.projection.parallel_text import SentencePair
from lowresource_ner.projection.projectors import ProjectedSpan
from lowresource_ner.projection.source_labels import SourceLabeller, SourceLabels
from lowresource_ner.projection.target_labels import carried_probabilities, sentence_score
from lowresource_ner.projection.word_alignment import parse_links
from lowresource_ner.tagging import EntitySpan, get_scheme

TYPES = ["LOC", "PER"]

# "Ana flew to New York": O, LOC and PER of each word.
SOURCE = numpy.array(
    [[0.1, 0.1, 0.8], [0.9, 0.0, 0.1], [1.0, 0.0, 0.0], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0]], numpy.float32
)
SPANS = [EntitySpan(0, 1, "PER"), EntitySpan(3, 5, "LOC")]
# "Ana voló hasta la ciudad de Nueva York": "ciudad" stands for York as well, "la" and "de" for nothing.
LINKS = parse_links("0-0 1-1 2-2 3-6 4-7 4-4").sure
PROJECTED = [
    ProjectedSpan(SPANS[0], EntitySpan(0, 1, "PER"), 1.0),
    ProjectedSpan(SPANS[1], EntitySpan(4, 8, "LOC"), 0.8),
]


def carried(scheme: str, projected=PROJECTED, links=LINKS) -> dict:
    """By label, the probabilities of the eight target words."""
    labels = SourceLabels(SPANS, [0.8, 0.63], SOURCE)
    found = carried_probabilities(labels, projected, links, 8, get_scheme(scheme), TYPES)
    assert found.dtype == numpy.float32 and found.sum(axis=1) == pytest.approx(numpy.ones(8))
    return dict(zip(get_scheme(scheme).tag_set(TYPES), found.T.tolist()))


def test_probabilities_of_types_take_the_letter_of_the_position() -> None:
    """ "de" has no link, and the mean of New and York; "la" is outside with certainty."""
    columns = carried("IOB2")
    assert columns["O"] == pytest.approx([0.1, 0.9, 1, 1, 0.1, 0.15, 0.2, 0.1])
    assert columns["B-LOC"] == pytest.approx([0.1, 0, 0, 0, 0.9, 0, 0, 0])
    assert columns["I-LOC"] == pytest.approx([0, 0, 0, 0, 0, 0.8, 0.7, 0.9])
    assert columns["B-PER"] == pytest.approx([0.8, 0.1, 0, 0, 0, 0, 0, 0])
    assert columns["I-PER"] == pytest.approx([0, 0, 0, 0, 0, 0.05, 0.1, 0])
    columns = carried("IOBES")
    assert columns["S-PER"] == pytest.approx([0.8, 0.1, 0, 0, 0, 0, 0, 0])
    assert columns["B-LOC"] == pytest.approx([0, 0, 0, 0, 0.9, 0, 0, 0])
    assert columns["E-LOC"] == pytest.approx([0, 0, 0, 0, 0, 0, 0, 0.9])


def test_a_dropped_part_of_an_entity_is_outside() -> None:
    """The projection is "Nueva York"; "ciudad", whose only link is to York, is then outside, and so is all of a lost entity."""
    part = [PROJECTED[0], ProjectedSpan(SPANS[1], EntitySpan(6, 8, "LOC"), 0.9)]
    assert carried("IOB2", part)["O"] == pytest.approx([0.1, 0.9, 1, 1, 1, 1, 0.2, 0.1])
    lost = [PROJECTED[0], ProjectedSpan(SPANS[1], None, 0.0)]
    assert carried("IOB2", lost)["O"] == pytest.approx([0.1, 0.9, 1, 1, 1, 1, 1, 1])
    # A word outside that is linked to two words has their mean; links to words of entities do not count.
    both = LINKS | parse_links("2-1 3-1").sure
    assert carried("IOB2", lost, both)["O"][1] == pytest.approx(0.95)


def test_the_score_of_a_sentence() -> None:
    assert sentence_score(PROJECTED, [0.8, 0.5], LINKS, 5, 8) == pytest.approx((0.8 * 1 + 0.5 * 0.8) / 2)
    lost = [PROJECTED[0], ProjectedSpan(SPANS[1], None, 0.0)]
    assert sentence_score(lost, [1.0, 1.0], LINKS, 5, 8) == 0.5
    # Without entities: 5 of 5 and 6 of 8 words have links.
    assert sentence_score([], [], LINKS, 5, 8) == pytest.approx(11 / 13)


class Certain(Teacher):
    """Says what it was made with, and skips sentences of one word."""

    labels = ["I-PER", "O", "B-LOC", "B-PER", "I-LOC"]
    tag_scheme = "IOB2"

    def __init__(self, rows: list) -> None:
        self._rows = numpy.array(rows, numpy.float32)

    def _label(self, sentences) -> list:
        return [None if len(words) == 1 else self._rows[: len(words)] for words in sentences]


def test_a_teacher_of_the_source() -> None:
    """B-PER and I-PER are the best of the first two words, I-LOC of the last, an entity of its own as conlleval reads it."""
    teacher = Certain([[0.1, 0.2, 0.1, 0.5, 0.1], [0.6, 0.1, 0.1, 0.2, 0], [0, 0.3, 0.2, 0.1, 0.4]])
    labeller = SourceLabeller(teacher)
    pairs = [SentencePair(0, "a:1", ["Ana", "Luz", "Lima"], ["x"]), SentencePair(1, "a:2", ["Ana"], ["x"])]
    labels, skipped = labeller.label(pairs)
    assert skipped is None and labeller.types == TYPES and labels is not None
    assert labels.spans == [EntitySpan(0, 2, "PER"), EntitySpan(2, 3, "LOC")]
    assert labels.confidences == pytest.approx([0.3, 0.4])
    numpy.testing.assert_allclose(
        labels.type_probabilities, [[0.2, 0.2, 0.6], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1]], atol=1e-6
    )
