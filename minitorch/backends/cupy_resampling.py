"""Resampling on a GPU: a kernel for each dim that is mixed anew, which fetches the elements that go into each result.

Which they are, and with which weights, is worked out once, on the CPU (resampling.py).   torch: ATen/native/cuda/UpSample*.cu
"""

import math
from functools import lru_cache

import cupy
import numpy

from ..native.cuda import PRELUDE
from . import resampling
from .cupy_launch import Kernel, in_order, room

__all__ = ["resample"]

THREADS, MOST_BLOCKS = 256, 4224
KINDS = {
    "f": ("float", "float"), "d": ("double", "double"), "e": ("float16", "float"), "E": ("bfloat16", "float"), "B": ("uint8", "uint8"),
    "b": ("int8", "int8"), "h": ("short", "short"), "i": ("int", "int"), "l": ("int64", "int64"), "q": ("int64", "int64"),
    "?": ("bool", "bool"), "F": ("float", "float"), "D": ("double", "double"),
}  # fmt: skip
"""dtype.char → what lies in memory, and what is computed with; complex numbers are pairs."""

TEXT = r"""
// out[o, j, i] = sum over k of weights[k, j] x[o, places[k, j], i]
extern "C" __global__ void __launch_bounds__(256) mix(const T* x, T* out, const int* places, const A* weights,
    int64 size, int64 before, int64 after, int64 inner, int64 taps) {
    for (int64 at = int64(blockIdx.x) * 256 + threadIdx.x; at < size; at += int64(gridDim.x) * 256) {
        const int64 i = at % inner, j = at / inner % after, o = at / inner / after;
        const T* const from = x + o * before * inner + i;
        A sum = A(from[places[j] * inner]) * weights[j];
        for (int64 k = 1; k < taps; ++k) sum = sum + A(from[places[k * after + j] * inner]) * weights[k * after + j];
        out[at] = T(sum);
    }
}
"""


@lru_cache(16)
def kernel(memory, number):
    """The kernel for numbers of a kind."""
    return Kernel(f"{PRELUDE}\ntypedef {memory} T;\ntypedef {number} A;\n{TEXT}", "mix", "QQQQqqqqq")


@lru_cache(1024)
def taps(plan, back, dtype):
    """(places, weights) of ``resampling.taps``, (taps, size after) each, on the GPU."""
    after = plan[1] if back else plan[2]
    times, parts = resampling.taps(plan, back, dtype)
    whole = numpy.arange(max(plan[1:3]), dtype=numpy.int32)
    if times > 1:
        return cupy.asarray((whole[:after] // times)[None]), cupy.asarray(numpy.ones((1, after), dtype).real)
    places = [whole[place] if place.__class__ is slice else place for place, _ in parts]
    weights = [numpy.ones(after, dtype).real if weight is None else weight.real for _, weight in parts]
    return cupy.asarray(numpy.stack(places).astype(numpy.int32)), cupy.asarray(numpy.stack(weights))


def resample(x, plans, back):
    """Each of the last dims mixed anew, see ``resampling.py``."""
    dims = len(plans)
    sizes = [plan[1] if back else plan[2] for plan in plans]
    lead = x.ndim - dims
    if not x.size or 0 in sizes:
        return cupy.zeros((*x.shape[:lead], *sizes), x.dtype)
    order = sorted(range(dims), key=lambda i: sizes[i] / x.shape[lead + i])  # what shrinks goes first
    for i in order:
        x = mixed(x, lead + i, sizes[i], plans[i], back)
    return x


def mixed(x, dim, size, plan, back):
    """``x`` mixed along ``dim``, which then has ``size`` elements."""
    x, kinds = in_order(x), KINDS[x.dtype.char]
    places, weights = taps(plan, back, numpy.dtype(numpy.float32) if kinds[0] != kinds[1] else x.dtype)
    shape = (*x.shape[:dim], size, *x.shape[dim + 1 :])
    out = room(shape, x.dtype)
    pair = 2 if x.dtype.kind == "c" else 1
    inner = pair * math.prod(x.shape[dim + 1 :])
    told = (x.data.ptr, out.data.ptr, places.data.ptr, weights.data.ptr, pair * out.size, x.shape[dim], size, inner, len(places))
    kernel(*kinds)(min(-(-pair * out.size // THREADS), MOST_BLOCKS), THREADS, *told)
    return out
