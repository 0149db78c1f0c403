"""Products of matrices.

Large ones are machine code's, where llvmlite is (native_products.py). For the others there is BLAS. It has threads of its
own, which spin for a while after each product. Beside the threads that share a convolution (those of ``threads.py``, or
machine code's) they would fight for the same cores, so once those run, products are shared by ours.
"""

from functools import cache
from importlib import import_module

import numpy

from .threads import POOL, get_num_threads, share

__all__ = ["dot", "linear", "matmul"]

WORTH_SHARING = 1 << 22
"""Multiplications from which a product is worth waking a thread for."""

WORTH_COMPILING = 1 << 22
"""Multiplications from which a product is worth a kernel: it saves 30 microseconds."""

WORTH_COMPILING_BATCH = 1 << 21
"""The same for many products at once, which NumPy computes one after the other."""


@cache
def machine_product():
    return import_module(".native_products", __package__).machine_product  # with all that it needs: most programs do without


def dot(x, y, bias=None):
    """x y + bias, for two matrices and a vector, or None."""
    if x.shape[0] * x.shape[1] * y.shape[1] >= WORTH_COMPILING:
        done = machine_product()(x, y, bias)
        if done is not None:
            return done
    out = by_blas(x, y)
    return out if bias is None else numpy.add(out, bias, out)


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
    if max(x.size * y.shape[-1], y.size * x.shape[-2]) >= WORTH_COMPILING_BATCH and x.ndim > 1 and y.ndim > 1:
        done = machine_product()(x, y)
        if done is not None:
            return done
    return numpy.matmul(x, y)


def linear(x, weight, bias=None):
    """x Wᵀ + b. Raises ValueError unless W is a matrix and b a vector of its rows' number."""
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError("linear takes a matrix and a vector")
    if x.ndim == 2:
        return dot(x, weight.T, bias)
    return dot(x.reshape(-1, x.shape[-1]), weight.T, bias).reshape(*x.shape[:-1], weight.shape[0])
