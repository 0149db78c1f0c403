"""Large products of matrices in machine code, by the one kernel of native/product.py: what products.py uses for them.

OpenBLAS knows some processors well and others by half; and its threads don't like ours. Whether a product is computed here
depends on shapes alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy

from ..native.narrow import NARROW
from ..native.product import product
from .keeping import keep_freed_memory

__all__ = ["machine_product"]

WORTH_TURNING = 32
"""Columns from which it costs little to copy a transposed matrix of complex numbers first."""

BRIEF, OFTEN = 15, 1 << 15
"""Numbers of a sum up to which the kernel turns y number by number, for each few rows of x; and numbers of a product from which these are
so many that y is better turned once, before."""

KINDS = {"f": "float", "d": "double", "l": "i64", "q": "i64", "i": "i32", "e": "float16", "E": "bfloat16"}
"""NumPy's dtype.char → LLVM's kind, or a type of 16 bits."""


def machine_product(x, y, bias=None):
    """x y + bias, for arrays with two to four dims whose first ones broadcast; bias: a vector, or None. None if machine code
    can't do it. Of 16-bit numbers the bias is float32: sums are rounded once."""
    if x.dtype.kind == "c":
        return complex_product(x, y, bias)
    plan = plan_of(x.dtype, x.shape, x.strides, y.dtype, y.shape, y.strides)
    if plan is None or (bias is not None and bias.dtype is not plan.sums):
        return None
    x = numpy.ascontiguousarray(x) if plan.copies_x else x
    y = numpy.ascontiguousarray(y) if plan.copies_y else y
    out = numpy.empty(plan.shape, x.dtype)
    if bias is None:
        plan.run(x, y, out, out, *plan.words, 0)
    else:
        plan.run(x, y, numpy.ascontiguousarray(bias), out, *plan.words, 1)
    return out


@dataclass(frozen=True)
class Plan:
    """What is done with two arrays: whether each is made contiguous first, the result's shape, the dtype of its sums; and what
    computes it, with words for it (``Product.planned``)."""

    copies_x: bool
    copies_y: bool
    shape: tuple
    sums: numpy.dtype
    run: Callable
    words: tuple


@lru_cache(1024)
def plan_of(dtype, x_shape, x_strides, y_dtype, y_shape, y_strides):
    """The Plan for arrays that lie so; None if machine code can't do it. It is kept: to make one takes longer than a small product."""
    kind = KINDS.get(dtype.char)
    if kind is None or not dtype.isnative or y_dtype is not dtype or x_shape[-1] != y_shape[-2]:
        return None
    if max(len(x_shape), len(y_shape)) > 4 or 0 in (*x_shape, *y_shape):
        return None
    m, n, k = x_shape[-2], y_shape[-1], x_shape[-1]
    copies_x, a = laid_out(x_shape, x_strides, dtype.itemsize)
    copies_y, b = laid_out(y_shape, y_strides, dtype.itemsize)
    if b[-1] != 1 and k <= BRIEF and m * n >= OFTEN and kind not in NARROW:
        copies_y, b = True, contiguous(y_shape)
    keep_freed_memory()
    found = product(kind, a[-1] == 1, b[-1] == 1)
    if found is None:
        return None
    batch = numpy.broadcast_shapes(x_shape[:-2], y_shape[:-2])
    steps = [(z[-2] if z[-1] == 1 else z[-1], *batch_steps(shape, z)) for shape, z in ((x_shape, a), (y_shape, b))]
    run, words = found.planned((*(1, 1, *batch)[-2:], m, n, k), steps)
    return Plan(copies_x, copies_y, (*batch, m, n), numpy.dtype("float32") if kind in NARROW else dtype, run, words)


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


def laid_out(shape, strides, size):
    """Whether an array must be copied, for one of its last two strides to be 1; and the strides, then, in elements."""
    strides = [*strides[:-2], *[size if n == 1 else stride for n, stride in zip(shape[-2:], strides[-2:])]]
    if size in strides[-2:] and not any([stride % size for stride in strides]):
        return False, [stride // size for stride in strides]
    return True, contiguous(shape)


def contiguous(shape):
    return [prod(shape[dim + 1 :]) for dim in range(len(shape))]


def batch_steps(shape, strides):
    """How far apart the matrices of a batch lie, along its last two dims, in elements: 0 along a dim that is broadcast."""
    steps = [0 if n == 1 else stride for n, stride in zip(shape[:-2], strides[:-2])]
    return (0, 0, *steps)[-2:]
