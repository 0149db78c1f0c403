"""Sums, means and extremes: NumPy's, but where it takes longer to begin with a row than to go through it.

It begins each row of a last dim anew, and each row of numbers beside each other: 16,384 sums of three numbers took 179 us, and take 10.
Sums along one dim are products with ones; those of a few numbers, and extremes, are taken side by side.
"""

import math

import numpy

from .memory import in_order

__all__ = ["amax", "amin", "mean", "sum"]

ROWS = 256
"""How many rows are added up one after another."""
ONES = {numpy.dtype(name): numpy.ones(ROWS, name) for name in ("float32", "float64")}


FEW, MORE, NARROW_ROWS = 8, 32, 128
"""So few numbers along a last dim that are added, or compared, or beside each other in rows that are compared: NumPy begins each
of these anew, and takes longer for that than for the numbers."""


def sum(x, dims, keepdim):
    """Integers and booleans add up in int64. A matrix along one dim is a product with ones, which is faster."""
    if len(dims) == 1 and x.dtype in ONES:
        total = float_sum(x, dims[0])
        if total is not None:
            return total.reshape(*x.shape[: dims[0]], 1, *x.shape[dims[0] + 1 :]) if keepdim else total
    return in_order(numpy.add.reduce(x, dims, numpy.int64 if x.dtype.kind in "biu" else None, None, keepdim))


def float_sum(x, dim):
    """The sum along one dim; None where NumPy's own does well."""
    n, last = x.shape[dim], x.ndim - 1
    if last == 1 and n <= ROWS:
        ones = ONES[x.dtype][:n]
        return x.dot(ones) if dim else ones.dot(x)
    if dim == last and 1 < n < FEW and last > 1:
        return by_columns(numpy.add, x)
    if not x.flags.c_contiguous or not x.size:
        return column_sums(x.T) if n > ROWS and dim == 1 == last and x.flags.f_contiguous and x.size else None
    if dim == last and FEW <= n <= ROWS:
        return x.reshape(-1, n).dot(ONES[x.dtype][:n]).reshape(x.shape[:-1])
    if dim == last - 1 and n <= ROWS:
        return numpy.matmul(ONES[x.dtype][:n], x)
    return column_sums(x.reshape(n, -1)).reshape(x.shape[1:]) if n > ROWS and dim == 0 and last else None


def by_columns(function, x):
    """What a function makes of the numbers of each short row, from left to right, as ``function.reduce`` does."""
    out = function(x[..., 0], x[..., 1])
    for k in range(2, x.shape[-1]):
        function(out, x[..., k], out=out)
    return in_order(out)


def column_sums(x):
    """The sums of a matrix's columns, taken in blocks of rows: the error grows with their number's logarithm, not with it.

    NumPy adds pairwise only along the last dim.
    """
    n, columns = x.shape
    if n <= ROWS:
        return ONES[x.dtype][:n].dot(x)
    blocks = n // ROWS
    total = column_sums(numpy.matmul(ONES[x.dtype][:ROWS], x[: blocks * ROWS].reshape(blocks, ROWS, columns)))
    return total + column_sums(x[blocks * ROWS :]) if n % ROWS else total


def mean(x, dims, keepdim):
    total = sum(x, dims, keepdim)
    return total / x.dtype.type(math.prod([x.shape[d] for d in dims]))


def amax(x, dims, keepdim):
    return extreme(numpy.maximum, x, dims, keepdim)


def amin(x, dims, keepdim):
    return extreme(numpy.minimum, x, dims, keepdim)


def extreme(function, x, dims, keepdim):
    """The reduction by numpy.maximum or minimum, in any order."""
    if len(dims) == 1 and x.ndim > 1:
        dim, last = dims[0], x.ndim - 1
        if dim == last and 1 < x.shape[last] <= MORE and x.size >= x.shape[last] ** 2:
            out = by_columns(function, x)
            return out[..., None] if keepdim else out
        if dim == last - 1 and x.shape[last] < NARROW_ROWS and x.shape[dim] > FEW:
            out = halved(function, x)
            return in_order(out if keepdim else out[..., 0, :])
    return in_order(function.reduce(x, dims, None, None, keepdim))


def halved(function, x):
    """``function.reduce`` along the last dim but one: the second half onto the first, until one is left."""
    n = x.shape[-2]
    while n > 1:
        half = n // 2
        out = function(x[..., :half, :], x[..., half : 2 * half, :])
        if n % 2:
            function(out[..., :1, :], x[..., -1:, :], out=out[..., :1, :])
        x, n = out, half
    return x
