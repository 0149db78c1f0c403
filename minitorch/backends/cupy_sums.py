"""Sums on CuPy's arrays in one or two kernels, whichever dims they go over; with narrow types they add up in float32.

    over the last dims          rows, each by a team of threads (cupy_formulas.py)
    over all but one            the same, a row in several parts
    over the first dims         columns: a block takes 32 of them, its threads go down side by side

Other sums, and those of integers, are CuPy's own.   torch: ATen/native/cuda/Reduce.cuh
"""

import math
from functools import lru_cache

import cupy
import numpy

from ..native.cuda_row_formulas import Formula
from .cupy_columns import KINDS, MEMORY, down_columns
from .cupy_formulas import along_rows
from .cupy_launch import in_order, room

__all__ = ["mean", "squared_error_mean", "sum"]

ADDED = {"sum": (("sum", ("a0",)),), "mean": (("mean", ("a0",)),)}
SQUARES = ("sub", ("a0", "a1")), ("square", ("t0",)), ("mean", ("t1",))

@lru_cache(256)
def arranged(shape, dims):
    """(parts, rows, columns) where a row is what is added up, or None; and (before, rows, columns) where columns are, or None."""
    over = sorted([d % len(shape) for d in dims])
    first, last = over[0], over[-1]
    between = [d for d in range(first, last) if d not in over]
    if not between and last == len(shape) - 1:
        return (1, math.prod(shape[:first]), math.prod(shape[first:])), None
    if not between:
        return None, (math.prod(shape[:first]), math.prod(shape[first : last + 1]), math.prod(shape[last + 1 :]))
    if between == list(range(between[0], between[-1] + 1)) and first == 0 and last == len(shape) - 1:
        split = between[0], between[-1] + 1
        return (math.prod(shape[: split[0]]), math.prod(shape[split[0] : split[1]]), math.prod(shape[split[1] :])), None
    return None, None


def added(x, dims, keepdim, name):
    """The sum or the mean; None if that isn't done here."""
    if x.dtype.char not in KINDS or not dims or not x.ndim or not x.size or not x._c_contiguous:
        return None
    rows, columns = arranged(x.shape, tuple(dims))
    if (rows is None and columns is None) or x.size >= 1 << 31:
        return None
    over = {d % x.ndim for d in dims}
    out = room(tuple([1 if d in over else n for d, n in enumerate(x.shape) if keepdim or d not in over]), x.dtype)
    if rows is None:
        down_columns(x, out, columns, columns[1] if name == "mean" else 1)
        return out
    added_rows(x.dtype.char, name).launch((x.data.ptr, out.data.ptr), rows)
    return out


@lru_cache(16)
def added_rows(char, name):
    """The kernels that add up rows, or take their mean."""
    return along_rows(Formula(KINDS[char], (MEMORY[char],) * 2, ("matrix", "column"), ADDED[name], "t0"))


@lru_cache(8)
def mean_square(char):
    """The kernels of ``squared_error_mean``."""
    return along_rows(Formula(KINDS[char], (MEMORY[char],) * 3, ("matrix", "matrix", "column"), SQUARES, "t2"))


def wide(x):
    """The dtype that is added up in: integers in int64, narrow types in float32."""
    return numpy.int64 if x.dtype.kind in "biu" else numpy.float32 if x.dtype.char in "eE" else None


def sum(x, dims, keepdim):
    """Integers and booleans add up in int64."""
    if dims == ():
        return x.astype(numpy.int64 if x.dtype.kind in "biu" else x.dtype)
    found = added(x, dims, keepdim, "sum")
    if found is None:
        found = x.sum(dims, wide(x), None, keepdim)
        found = found.astype(x.dtype) if x.dtype.char in "eE" else found
    return found


def mean(x, dims, keepdim):
    found = added(x, dims, keepdim, "mean")
    if found is None:
        total = x.sum(dims, wide(x), None, keepdim) if dims != () else x.astype(wide(x) or x.dtype)
        found = (total / total.dtype.type(math.prod([x.shape[d] for d in dims]))).astype(x.dtype, copy=False)
    return found


def squared_error_mean(x, y):
    """The mean of (x - y)², for arrays of one shape."""
    if x.dtype.char not in KINDS or x.dtype != y.dtype or x.shape != y.shape or not 0 < x.size < 1 << 31:
        return cupy.square(cupy.subtract(x, y)).sum() / x.dtype.type(x.size)
    x, y = in_order(x), in_order(y)
    out = room((), x.dtype)
    mean_square(x.dtype.char).launch((x.data.ptr, y.data.ptr, out.data.ptr), (1, 1, x.size))
    return out
