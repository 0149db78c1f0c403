"""The Fourier transforms of the array libraries, in the precision of the input: NumPy's pocketfft, CuPy's cuFFT."""

from .library import library_of

__all__ = ["fft", "irfft", "rfft"]

FORWARD = {0: "backward", 0.5: "ortho", 1: "forward"}
INVERSE = {0: "forward", 0.5: "ortho", 1: "backward"}
"""What the libraries call a division by n^p: which of the two directions is divided."""


def fft(x, dims, inverse, power):
    if inverse:
        return library_of(x).fft.ifftn(x, None, dims, INVERSE[power])
    return library_of(x).fft.fftn(x, None, dims, FORWARD[power])


def rfft(x, dims, power):
    return library_of(x).fft.rfftn(x, None, dims, FORWARD[power])


def irfft(x, dims, n, power):
    """Over the other dims first, then the last one to ``n`` reals."""
    if len(dims) > 1:
        x = fft(x, dims[:-1], True, power)
    return library_of(x).fft.irfft(x, n, dims[-1], INVERSE[power])
