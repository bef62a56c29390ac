"""
Compares floating-point numbers that may differ by rounding. Rounding depends on the processor and on the size of batches, and
must not decide which weights, sentences or labels are taken.
"""

import numpy

SINGLE = 2.0**-16
"""
Numbers that were computed in single precision are the same if their difference is no more than this share of their size.

A sum of n terms is off by some √n · 2⁻²³ of its size: 3e-6 at the 768 terms of mBERT, and its layers add up. The vectors and
scores of small encoders, in batches of other sizes and with AVX-512, AVX2 and neither, differed by up to 2.4e-6; 2⁻¹⁶ = 1.5e-5
leaves room for encoders that are deeper and wider.
"""

HALF = 2.0**-11
"""
Probabilities that may have been stored in half precision are the same if their difference is no more than this, the spacing of
half precision below 1 and twice the greatest error of rounding.
"""


def differ_by_rounding(values: numpy.ndarray) -> bool:
    """Whether all values are the same but for rounding: their standard deviation is within `SINGLE` of the greatest."""
    wide = values.astype(numpy.float64)
    return bool(wide.std() <= SINGLE * numpy.abs(wide).max()) if wide.size else True


def with_ties(values: numpy.ndarray) -> numpy.ndarray:
    """
    Sets the values that differ from the greatest of their row by no more than `SINGLE` to that greatest value, so that an arg max
    takes the first of them on every processor.

    # Parameters

    values : `numpy.ndarray`
        (..., num_values) Probabilities, or their logarithms.

    # Returns

    `numpy.ndarray`
        Of the same shape.
    """
    greatest = values.max(axis=-1, keepdims=True)
    return numpy.where(values >= greatest - SINGLE, greatest, values)
