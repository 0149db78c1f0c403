"""Rows that few programs run, on CuPy arrays: resampling and cumulated logarithms.

What has no kernel here is computed by the CPU's: the arrays are sent there and back (``by_cpu``).
"""

from functools import lru_cache, wraps

import cupy

from . import resampling

__all__ = ["by_cpu", "logcumsumexp", "resample"]


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


# ---------------------------------------------------------------------------------------------------------- resampling


def resample(x, plans, back):
    """Each of the last dims mixed anew, see ``resampling.py``; which elements with which weights is worked out there."""
    dims = len(plans)
    sizes = [plan[1] if back else plan[2] for plan in plans]
    lead = x.ndim - dims
    if not x.size or 0 in sizes:
        return cupy.zeros((*x.shape[:lead], *sizes), x.dtype)
    order = sorted(range(dims), key=lambda i: sizes[i] / x.shape[lead + i])  # what shrinks goes first
    for i in order:
        x = mixed(x, lead + i, *taps(plans[i], back, x.dtype))
    return cupy.ascontiguousarray(x)


@lru_cache(1024)
def taps(plan, back, dtype):
    """``resampling.taps``, kept on the GPU."""
    times, parts = resampling.taps(plan, back, dtype)
    there = [(p if p.__class__ is slice else cupy.asarray(p), None if w is None else cupy.asarray(w)) for p, w in parts]
    return times, there


def mixed(x, dim, times, parts):
    """``x`` mixed along ``dim``: each element so many times, or a sum of weighted elements."""
    if times > 1:
        return cupy.repeat(x, times, dim)
    before, out = (slice(None),) * dim, None
    for place, weight in parts:
        seen = x[(*before, place)] if place.__class__ is slice else x.take(place, dim)
        if weight is not None:
            seen = seen * weight.reshape(-1, *[1] * (x.ndim - dim - 1))
        out = seen if out is None else out + seen
    return out
