"""Sums and products of all elements up to each, along a dim.   torch: ATen/native/cpu/ReduceOpsKernel.cpp"""

import numpy

from .memory import in_order

__all__ = ["cumprod", "cumsum", "logcumsumexp"]

WIDE = 512
"""Elements of a row from which it is quicker to go on with all of them at once than with one after another."""


def cumsum(x, dim):
    return accumulated(numpy.add, in_order(x), dim)


def cumprod(x, dim):
    return accumulated(numpy.multiply, in_order(x), dim)


def logcumsumexp(x, dim):
    return numpy.logaddexp.accumulate(in_order(x), dim)


def accumulated(ufunc, x, dim):
    """Integers in int64, single precision in double and rounded at the end."""
    if x.dtype.char in "fd" and x.ndim and dim % x.ndim != x.ndim - 1 and x.size > WIDE * x.shape[dim]:
        return by_rows(ufunc, x, dim)
    if x.dtype.char == "f":
        return ufunc.accumulate(x, dim, numpy.float64).astype(x.dtype)
    return ufunc.accumulate(x, dim, numpy.int64 if x.dtype.kind in "biu" else None)


def by_rows(ufunc, x, dim):
    """The same with all that lies at one place of ``dim`` at once."""
    out = numpy.empty_like(x)
    total, *others = numpy.moveaxis(x, dim, 0)
    total, (first, *places) = total.astype(numpy.float64), numpy.moveaxis(out, dim, 0)
    first[...] = total
    for row, place in zip(others, places, strict=True):
        ufunc(total, row, total)
        place[...] = total
    return out
