"""
When floats count as the same. What differs by rounding alone differs from processor to processor, and from one batch size to
another; so it must not decide which weights, sentences or labels are taken.
"""

import numpy

SINGLE = 2.0**-16
"""
Computed in single precision, numbers whose difference is no more than this share of their size are the same.

A sum of n terms is off by some √n · 2⁻²³ of its size: 3e-6 at the 768 terms of mBERT, and its layers add up. The vectors and
scores of small encoders, in batches of other sizes and with AVX-512, AVX2 and neither, differed by up to 2.4e-6; 2⁻¹⁶ = 1.5e-5
leaves room for encoders that are deeper and wider.
"""

HALF = 2.0**-11
"""
Probabilities whose difference is no more than this are the same where half precision may have been between, in which answers are
stored: its spacing below 1, twice what rounding can do.
"""


def differ_by_rounding(values: numpy.ndarray) -> bool:
    """Whether all values are the same but for `SINGLE`, by their standard deviation."""
    wide = values.astype(numpy.float64)
    return bool(wide.std() <= SINGLE * numpy.abs(wide).max()) if wide.size else True


def with_ties(values: numpy.ndarray) -> numpy.ndarray:
    """
    Makes what differs from the greatest of its row by no more than `SINGLE` equal to it, so that an arg max takes the first
    of them wherever it is computed.

    # Parameters

    values : `numpy.ndarray`
        (..., num_values) Probabilities, or their logarithms.
    """
    greatest = values.max(axis=-1, keepdims=True)
    return numpy.where(values >= greatest - SINGLE, greatest, values)
