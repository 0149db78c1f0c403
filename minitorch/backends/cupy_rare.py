"""Rows that few programs run, on CuPy arrays: cumulated logarithms.

What has no kernel here is computed by the CPU's: the arrays are sent there and back (``by_cpu``).
"""

from functools import wraps

import cupy

__all__ = ["by_cpu", "logcumsumexp"]


def by_cpu(function):
    """A function of NumPy arrays as one of CuPy arrays."""

    @wraps(function)
    def on_gpu(*arguments, out=None):
        result = cupy.asarray(function(*[x.get() if x.__class__ is cupy.ndarray else x for x in arguments]))
        if out is None:
            return result
        cupy.copyto(out, result)
        return out

    return on_gpu


# ---------------------------------------------------------------------------------------------- cumulated logarithms

LOG_SUM = """
    T total = x[i * length];
    out[i * length] = total;
    for (long long j = 1; j < length; ++j) {
        const T next = x[i * length + j];
        const T high = max(total, next), low = min(total, next);
        total = isnan(total) || isnan(next) ? total + next : high == low && isinf(high) ? high : high + log1p(exp(low - high));
        out[i * length + j] = total;
    }
"""
"""A thread goes along one line: log(e^a + e^b) = max + log(1 + e^(min - max))."""


def logcumsumexp(x, dim):
    if not x.ndim or not x.size:
        return x.copy()
    lines = cupy.moveaxis(x, dim, -1).copy("C")
    out = cupy.empty_like(lines)
    kernel = cupy.ElementwiseKernel("raw T x, int64 length", "raw T out", LOG_SUM, "logcumsumexp")
    kernel(lines, lines.shape[-1], out, size=lines.size // lines.shape[-1])
    return cupy.ascontiguousarray(cupy.moveaxis(out, -1, dim))
