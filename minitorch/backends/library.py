"""Which array library an array is of: NumPy, or CuPy with the same names on a GPU. For kernels that are the same for both."""

import sys

import numpy

__all__ = ["library_of"]


def library_of(x):
    """The library of the array ``x``, as a module."""
    return numpy if isinstance(x, (numpy.ndarray, numpy.generic)) else sys.modules["cupy"]
