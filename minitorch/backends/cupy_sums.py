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

from ..native.cuda import PRELUDE
from ..native.cuda_row_formulas import Formula
from .cupy_formulas import KINDS, MEMORY, WIDE, launch_rows
from .cupy_launch import Kernel, in_order, room

__all__ = ["mean", "squared_error_mean", "sum"]

ADDED = {"sum": (("sum", ("a0",)),), "mean": (("mean", ("a0",)),)}
SQUARES = ("sub", ("a0", "a1")), ("square", ("t0",)), ("mean", ("t1",))

COLUMNS = PRELUDE + r"""
// out[a, chunk, b] = Σ x[a, r, b] / divisor, over the rows r of a chunk.
extern "C" __global__ void __launch_bounds__(256) columns(
    const T* x, S* out, int64 rows, int64 columns, int64 chunks, int64 blocks, int64 divisor) {
    const int64 block = blockIdx.x % blocks, chunk = blockIdx.x / blocks % chunks, a = blockIdx.x / blocks / chunks;
    const int64 tall = (rows + chunks - 1) / chunks, begin = chunk * tall, end = begin + tall < rows ? begin + tall : rows;
    const int64 b = block * 32 + threadIdx.x % 32;
    A sum = 0;
    if (b < columns)
        for (int64 r = begin + threadIdx.x / 32; r < end; r += 8) sum += A(x[(a * rows + r) * columns + b]);
    sum = down_block<256, 32>(Sum(), sum);
    if (threadIdx.x < 32 && b < columns) out[(a * chunks + chunk) * columns + b] = S(sum / A(divisor));
}
"""
THREADS, WIDTH = 256, 32
BUSY = 264
"""Blocks that keep a large GPU busy."""
TALL = 64
"""Rows that a chunk has at least."""


@lru_cache(16)
def column_kernel(source, target):
    """The kernel for arrays of one dtype.char to another."""
    names = f"typedef {MEMORY[source]} T;\ntypedef {MEMORY[target]} S;\ntypedef {KINDS[source]} A;\n"
    text = COLUMNS[: len(PRELUDE)] + names + COLUMNS[len(PRELUDE) :]
    return Kernel(text, "columns", "QQqqqqq")


def down_columns(x, out, sizes, divisor):
    """Sums over the middle of (before, rows, columns), divided."""
    before, rows, columns = sizes
    blocks = -(-columns // WIDTH)
    chunks = max(1, min(BUSY // max(blocks * before, 1), rows // TALL))
    char, first = x.dtype.char, out
    if chunks > 1:
        first = room((before, chunks, columns), WIDE[KINDS[char]])
    arguments = (x.data.ptr, first.data.ptr, rows, columns, chunks, blocks, divisor if chunks == 1 else 1)
    column_kernel(char, first.dtype.char)(before * chunks * blocks, THREADS, *arguments)
    if chunks > 1:
        down_columns(first, out, (before, chunks, columns), divisor)


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
    memory = MEMORY[x.dtype.char]
    formula = Formula(KINDS[x.dtype.char], (memory, memory), ("matrix", "column"), ADDED[name], "t0")
    launch_rows(formula, (x.data.ptr, out.data.ptr), *rows)
    return out


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
    out, memory = room((), x.dtype), MEMORY[x.dtype.char]
    formula = Formula(KINDS[x.dtype.char], (memory,) * 3, ("matrix", "matrix", "column"), SQUARES, "t2")
    launch_rows(formula, (x.data.ptr, y.data.ptr, out.data.ptr), 1, 1, x.size)
    return out
