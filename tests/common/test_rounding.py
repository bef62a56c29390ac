"""What differs by rounding alone is the same, whatever the processor; what differs by more is not."""

import numpy
import pytest

from lowresource_ner.common.rounding import SINGLE, differ_by_rounding, with_ties


def in_many_orders(num_terms: int, all_positive: bool) -> numpy.ndarray:
    """(200,) The same sum of so many products in single precision, one after the other, in many orders."""
    rng = numpy.random.default_rng(num_terms)
    terms = rng.normal(size=num_terms) * rng.normal(size=num_terms)
    terms = numpy.abs(terms) if all_positive else terms + 0.5
    orders = rng.permuted(numpy.tile(terms.astype(numpy.float32), (200, 1)), axis=1)
    return numpy.cumsum(orders, axis=1, dtype=numpy.float32)[:, -1]


@pytest.mark.parametrize("num_terms", [32, 768, 1024])
@pytest.mark.parametrize("all_positive", [True, False])
@pytest.mark.parametrize("size", [1.0, 1e-4, 1e4])
def test_the_order_of_a_sum_makes_no_difference(num_terms, all_positive, size) -> None:
    sums = in_many_orders(num_terms, all_positive) * numpy.float32(size)
    assert len(set(sums.tolist())) > 2
    assert differ_by_rounding(sums)
    sums[::2] *= 1.001
    assert not differ_by_rounding(sums)


@pytest.mark.parametrize("values", [[], [0.3], [0.0, 0.0], [[-2.0, -2.0]]])
def test_nothing_and_what_is_equal_does_not_differ(values) -> None:
    assert differ_by_rounding(numpy.array(values, numpy.float32))


def test_the_first_of_those_that_tie_is_the_greatest() -> None:
    near, far = SINGLE / 4, SINGLE * 4
    rows = numpy.array([[0.1, 0.4, 0.4 + near], [0.4 - far, 0.4, 0.2], [0.5 - near, 0.0, 0.5]], numpy.float32)
    tied = with_ties(rows)
    assert tied.dtype == numpy.float32 and tied.argmax(axis=1).tolist() == [1, 1, 0]
    numpy.testing.assert_allclose(tied, rows, rtol=0, atol=2 * near)
    assert (tied[0, 1] == tied[0, 2]) and (tied[2, 0] == tied[2, 2])
