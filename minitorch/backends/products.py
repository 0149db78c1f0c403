"""Products of matrices.

Large ones are machine code's, where llvmlite is (native_products.py). For the others there is BLAS. It has threads of its
own, which spin for a while after each product. Beside the threads that share a convolution (those of ``threads.py``, or
machine code's) they would fight for the same cores, so once those run, products are shared by ours.
"""

from functools import cache
from importlib import import_module
from math import prod

import numpy

from .threads import POOL, get_num_threads, share

__all__ = ["dot", "linear", "matmul", "narrow"]

WORTH_SHARING = 1 << 22
"""Multiplications from which a product is worth waking a thread for."""

WORTH_COMPILING = 1 << 14
"""Multiplications from which a product is worth a kernel, which begins in a microsecond."""

SMALL = 1 << 12
"""Numbers of a matrix up to which products of floats are BLAS's: small.py runs them again with the same bits."""

WORTH_COMPILING_NARROW = 1 << 9
"""The same for 16-bit numbers, of which NumPy would need a copy."""

WORTH_SPLITTING, ENOUGH_ROWS = 1 << 19, 32
"""The same for complex numbers, whose second matrix must be laid out as a real one first: each of its numbers is used by so many rows."""

FEW, LARGE = 3, 1 << 16
"""Rows or columns, and numbers of the other matrix: with so few and so many BLAS is asked for one after the other. It reads the
matrix again for each, where a product of two matrices copies it first."""


@cache
def machine_product():
    return import_module(".native_products", __package__).machine_product  # with all that it needs: most programs do without


def dot(x, y, bias=None):
    """x y + bias, for two matrices and a vector, or None."""
    (m, k), n = x.shape, y.shape[1]
    if m * k * n >= WORTH_COMPILING:
        done = compiled(x, y, bias, m, k, n)
        if done is not None:
            return done
    out = by_blas(x, y)
    return out if bias is None else numpy.add(out, bias, out)


def compiled(x, y, bias, m, k, n):
    """The same by a kernel; None where BLAS is as quick, or where there is none."""
    if x.dtype.kind == "c":
        return machine_product()(x, y, bias) if worth_splitting(m * k * n, m) else None
    if x.dtype.kind == "f":
        if m == 1 or n == 1 or max(m * k, k * n, m * n) <= SMALL:
            return None
        if (m <= FEW and k * n >= LARGE) or (n <= FEW and m * k >= LARGE):
            out = one_by_one(x, y)
            return out if bias is None else numpy.add(out, bias, out)
    return machine_product()(x, y, bias)


def worth_splitting(multiplications, rows):
    return multiplications >= WORTH_SPLITTING and rows >= ENOUGH_ROWS


def one_by_one(x, y):
    """A product of few rows, or of few columns."""
    m, n = x.shape[0], y.shape[1]
    if x.dtype is not y.dtype or x.shape[1] != y.shape[0]:
        return x.dot(y)
    out = numpy.empty((m, n), x.dtype)
    if m <= FEW:
        for row, to in zip(x, out):
            numpy.dot(row, y, out=to)
    else:
        for j in range(n):
            out[:, j] = x.dot(y[:, j])
    return out


def by_blas(x, y):
    if not POOL.rivals or x.shape[0] * x.shape[1] * y.shape[1] < WORTH_SHARING:
        return x.dot(y)
    threads = get_num_threads()
    rows = -(-x.shape[0] // threads)
    if threads == 1 or rows < 8 or x.dtype is not y.dtype or x.dtype.kind != "f":
        return x.dot(y)
    out = numpy.empty((x.shape[0], y.shape[1]), x.dtype)

    def part(start):
        numpy.dot(x[start : start + rows], y, out=out[start : start + rows])

    share(list(range(0, x.shape[0], rows)), lambda: part)
    return out


def matmul(x, y):
    if x.ndim == 2 and y.ndim == 2:
        return dot(x, y)
    if x.ndim < 2 or y.ndim < 2:
        return with_vector(x, y)
    if y.ndim == 2:
        rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return dot(rows, y).reshape(*x.shape[:-1], y.shape[1])
    if x.ndim == y.ndim and x.shape[:-2] == y.shape[:-2] == (1,) * (x.ndim - 2):
        single = (0,) * (x.ndim - 2)
        return dot(x[single], y[single])[(None,) * (x.ndim - 2)]
    short, kind = x.shape[-1] == 1, x.dtype.kind
    vectors = 1 in (x.shape[-2], y.shape[-1]) and not short and kind == "f"  # which BLAS multiplies with nothing copied
    work = max(x.size * y.shape[-1], y.size * x.shape[-2])
    if work >= WORTH_COMPILING and not vectors and (kind != "c" or worth_splitting(work, x.shape[-2])):
        done = machine_product()(x, y)
        if done is not None:
            return done
    return numpy.ascontiguousarray(numpy.multiply(x, y) if short else numpy.matmul(x, y))  # NumPy orders batches as x has them


def with_vector(x, y):
    """A product of a vector, or two, and perhaps a matrix. Integers have no BLAS: theirs is one of matrices, or NumPy's einsum."""
    if x.dtype.kind in "fc" or x.size * y.size == 0:
        return x.dot(y)
    if x.ndim == y.ndim:
        return numpy.einsum("i,i->", x, y)
    shape = x.shape[:-1] + y.shape[1:]
    return dot(x.reshape(-1, x.shape[-1]), y.reshape(y.shape[0], -1)).reshape(shape)


def narrow(name, x, y, bias=None):
    """What matmul or linear give of 16-bit numbers, summed in float32; None where those are widened first."""
    if x.ndim < 2 or y.ndim < 2 or x.size * y.shape[-2 if name == "linear" else -1] < WORTH_COMPILING_NARROW:
        return None
    if name == "matmul" and (x.ndim == 2 or y.ndim > 2):
        return machine_product()(x, y)
    if name == "matmul":
        y = y.T
    if y.ndim != 2 or (bias is not None and bias.shape != y.shape[:1]):
        return None
    out = machine_product()(x.reshape(-1, x.shape[-1]), y.T, bias if bias is None else bias.astype(numpy.float32))
    return None if out is None else out.reshape(*x.shape[:-1], y.shape[0])


def linear(x, weight, bias=None):
    """x Wᵀ + b. Raises ValueError unless W is a matrix and b a vector of its rows' number."""
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError("linear takes a matrix and a vector")
    if x.ndim == 2:
        return dot(x, weight.T, bias)
    return dot(x.reshape(-1, x.shape[-1]), weight.T, bias).reshape(*x.shape[:-1], weight.shape[0])
