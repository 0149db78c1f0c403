"""Complex numbers: made of reals, and seen as reals."""

import math

import numpy

from .library import library_of

__all__ = ["complex_of", "half_turn", "paired", "pairs_of", "unit"]

COMPLEX_OF = {numpy.dtype("float32"): numpy.dtype("complex64"), numpy.dtype("float64"): numpy.dtype("complex128")}
REAL_OF = {c: r for r, c in COMPLEX_OF.items()}


def unit(x, out=None):
    """x / |x|, and 0 for 0."""
    xp = library_of(x)
    size = xp.absolute(x)
    return xp.true_divide(x, xp.where(size == 0, size.dtype.type(1), size), out)


def half_turn(x, out=None):
    """π where x < 0, else 0; NaN for NaN."""
    xp = library_of(x)
    result = xp.where(x < 0, x.dtype.type(math.pi), xp.where(xp.isnan(x), x, x.dtype.type(0)))
    if out is None:
        return result
    xp.copyto(out, result)
    return out


def complex_of(x, y, out=None):
    """x + yi."""
    xp = library_of(x)
    made = xp.empty(xp.broadcast(x, y).shape, COMPLEX_OF[x.dtype]) if out is None else out
    made.real, made.imag = x, y
    return made


def pairs_of(x):
    """The parts of complex numbers, seen in a new last dim."""
    return x[..., None].view(REAL_OF[x.dtype])


def start(x):
    """The address of the first element."""
    return x.__array_interface__["data"][0] if library_of(x) is numpy else x.data.ptr


def paired(x):
    """Pairs of reals along the last dim, seen as complex numbers. Copied where they don't lie side by side."""
    wide = 2 * x.itemsize
    if x.strides[-1] != x.itemsize or any(s % wide for s in x.strides[:-1]) or start(x) % wide:
        x = x.copy()
    return x.view(COMPLEX_OF[x.dtype])[..., 0]
