"""NumPy's Fourier transforms: pocketfft, in the precision of the input."""

import numpy

__all__ = ["fft", "irfft", "rfft"]

FORWARD = {0: "backward", 0.5: "ortho", 1: "forward"}
INVERSE = {0: "forward", 0.5: "ortho", 1: "backward"}
"""What NumPy calls a division by n^p: which of the two directions is divided."""


def fft(x, dims, inverse, power):
    if inverse:
        return numpy.fft.ifftn(x, None, dims, INVERSE[power])
    return numpy.fft.fftn(x, None, dims, FORWARD[power])


def rfft(x, dims, power):
    return numpy.fft.rfftn(x, None, dims, FORWARD[power])


def irfft(x, dims, n, power):
    """Over the other dims first, then the last one to ``n`` reals."""
    if len(dims) > 1:
        x = fft(x, dims[:-1], True, power)
    return numpy.fft.irfft(x, n, dims[-1], INVERSE[power])
