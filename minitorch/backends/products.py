"""Products of matrices.

BLAS has threads of its own, which spin for a while after each product. Beside the threads that share a convolution (those
of ``threads.py``, or machine code's) they would fight for the same cores, so once those run, large products are shared by
ours.
"""

import numpy

from .threads import POOL, get_num_threads, share

__all__ = ["dot", "linear", "matmul"]

WORTH_SHARING = 1 << 22
"""Multiplications from which a product is worth waking a thread for."""


def dot(x, y):
    """x y, for two matrices."""
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
    return dot(x, y) if x.ndim == 2 and y.ndim == 2 else numpy.matmul(x, y)


def linear(x, weight, bias=None):
    """x Wᵀ + b. Raises ValueError unless W is a matrix and b a vector of its rows' number."""
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError("linear takes a matrix and a vector")
    if x.ndim == 2:
        out = dot(x, weight.T)
    else:
        out = dot(x.reshape(-1, x.shape[-1]), weight.T).reshape(*x.shape[:-1], weight.shape[0])
    if bias is not None:
        numpy.add(out, bias, out)
    return out
