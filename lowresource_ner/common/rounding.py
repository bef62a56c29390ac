"""
Compares floating-point numbers that may differ by rounding. Rounding depends on the processor and on the size of batches, and
must not decide which weights, sentences or labels are chosen.
"""

import numpy

SINGLE = 2.0**-16
"""
Relative tolerance within which numbers computed in single precision are considered equal.

The relative error of a sum of n terms is about √n · 2⁻²³: 3e-6 for the 768 terms of mBERT, and it adds up over layers. The
vectors and scores of small encoders differed by up to 2.4e-6 between batch sizes and between AVX-512, AVX2 and neither; 2⁻¹⁶ =
1.5e-5 leaves room for deeper and wider encoders.
"""

HALF = 2.0**-11
"""
Absolute tolerance within which probabilities that may have been stored in half precision are considered equal: the spacing of
half precision below 1, which is twice the greatest rounding error.
"""


def differ_by_rounding(values: numpy.ndarray) -> bool:
    """Whether the values differ only by rounding: their standard deviation is within `SINGLE` of the greatest."""
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
        The same shape.
    """
    greatest = values.max(axis=-1, keepdims=True)
    return numpy.where(values >= greatest - SINGLE, greatest, values)
