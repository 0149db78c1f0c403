"""Large products of matrices in machine code, by the one kernel of native/product.py: what products.py uses for them.

OpenBLAS knows some processors well and others by half; and its threads don't like ours. Whether a product is computed here
depends on shapes alone.
"""

import numpy

from ..native.narrow import NARROW
from ..native.product import product
from .keeping import keep_freed_memory

__all__ = ["machine_product"]

WORTH_TURNING = 32
"""Columns from which it costs little to copy a transposed matrix of complex numbers first."""

KINDS = {"f": "float", "d": "double", "l": "i64", "q": "i64", "i": "i32", "e": "float16", "E": "bfloat16"}
"""NumPy's dtype.char → LLVM's kind, or a type of 16 bits."""


def machine_product(x, y, bias=None):
    """x y + bias, for arrays with two to four dims whose first ones broadcast; bias: a vector, or None. None if machine code
    can't do it. Of 16-bit numbers the bias is float32: sums are rounded once."""
    if x.dtype.kind == "c":
        return complex_product(x, y, bias)
    kind = KINDS.get(x.dtype.char)
    dtype = numpy.dtype("float32") if kind in NARROW else x.dtype
    if kind is None or not x.dtype.isnative or y.dtype is not x.dtype or (bias is not None and bias.dtype is not dtype):
        return None
    if max(x.ndim, y.ndim) > 4 or x.shape[-1] != y.shape[-2] or 0 in (*x.shape, *y.shape):
        return None
    (x, a), (y, b) = laid_out(x), laid_out(y)
    keep_freed_memory()
    found = product(kind, a[1] == 1, b[1] == 1)
    if found is None:
        return None
    batch = x.shape[:-2] if x.shape[:-2] == y.shape[:-2] else numpy.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    m, n, k = x.shape[-2], y.shape[-1], x.shape[-1]
    out = numpy.empty((*batch, m, n), x.dtype)
    steps = [(row if column == 1 else column, *batch_steps(z, batch)) for z, (row, column) in ((x, a), (y, b))]
    bias = None if bias is None else numpy.ascontiguousarray(bias)
    found(x, y, bias, out, (*(1, 1, *batch)[-2:], m, n, k), steps)
    return out


def complex_product(x, y, bias=None):
    """The same for complex numbers, by a product of real ones: a row of pairs times a square for each number of y.

        [re im]  @  [ re im]    =  [re im]      of x, of y, of the product
                    [-im re]
    """
    if y.dtype is not x.dtype or (bias is not None and bias.dtype is not x.dtype) or not x.dtype.isnative or 0 in (*x.shape, *y.shape):
        return None
    if x.ndim == 2 and x.strides[-1] != x.itemsize and y.shape[-1] < WORTH_TURNING:
        return None
    k, n = y.shape[-2:]
    squares = numpy.empty((*y.shape[:-2], k, 2, n), y.dtype)
    squares[..., 0, :] = y
    squares.real[..., 1, :] = numpy.negative(y.imag)
    squares.imag[..., 1, :] = y.real
    real = x.real.dtype
    bias = None if bias is None else numpy.ascontiguousarray(bias).view(real)
    out = machine_product(numpy.ascontiguousarray(x).view(real), squares.view(real).reshape(*y.shape[:-2], 2 * k, 2 * n), bias)
    return None if out is None else out.view(x.dtype)


def laid_out(x):
    """x and its last two strides, in elements, of which one is 1; a contiguous copy of x if it must be."""
    size = x.itemsize
    row, column = x.strides[-2:]
    if size not in (row, column) or any([stride % size for stride in x.strides]):
        x = numpy.ascontiguousarray(x)
        row, column = x.strides[-2:]
    return x, (row // size, column // size)


def batch_steps(x, batch):
    """How far apart in x the matrices of a batch lie, along the last two dims of the batch, in elements."""
    if x.ndim == 2:
        return 0, 0
    if x.shape[:-2] != batch:
        x = numpy.broadcast_to(x, (*batch, *x.shape[-2:]))
    return [step // x.itemsize for step in (0, 0, *x.strides[:-2])[-2:]]
