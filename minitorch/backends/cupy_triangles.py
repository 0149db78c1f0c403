"""Equations with small triangles on a GPU: one launch, in which each block of threads solves for some columns of one matrix.

Larger triangles come down to these by halves (factors.py).   torch: ATen/native/cuda/linalg/BatchLinearAlgebra.cpp (trsm)
"""

import math
from functools import lru_cache

import cupy

from .cupy_launch import Kernel

__all__ = ["MOST", "solved_in_place"]

MOST = 64
"""Rows of a triangle that a block of threads keeps close."""
COLUMNS, THREADS = 32, 256
KINDS = {"f": "float", "d": "double"}

TEXT = r"""
typedef long long int64;

// x becomes a⁻¹ x. Row by row: x[i] is found, and taken out of the rows that come after it.
extern "C" __global__ void __launch_bounds__(256) solve(const T* a, T* x, int64 n, int64 m, int64 down, int64 right, int64 next,
    int64 x_down, int64 x_next, int64 upper, int64 ones) {
    __shared__ T triangle[64 * 64];
    __shared__ T found[64 * 32];
    const int64 tiles = (m + 31) / 32, matrix = blockIdx.x / tiles, first = blockIdx.x % tiles * 32;
    const int column = threadIdx.x % 32, lane = threadIdx.x / 32;
    const bool there = first + column < m;
    a += matrix * next;
    x += matrix * x_next + first + column;
    for (int k = threadIdx.x; k < n * n; k += 256) triangle[k] = a[k / n * down + k % n * right];
    for (int i = lane; i < n; i += 8) found[i * 32 + column] = there ? x[i * x_down] : T(0);
    __syncthreads();
    for (int k = 0; k < n; ++k) {
        const int i = upper ? n - 1 - k : k;
        if (!ones && lane == 0) found[i * 32 + column] /= triangle[i * n + i];
        __syncthreads();
        for (int r = lane; r < n; r += 8) {
            if (upper ? r < i : r > i) found[r * 32 + column] -= triangle[r * n + i] * found[i * 32 + column];
        }
        __syncthreads();
    }
    for (int i = lane; i < n && there; i += 8) x[i * x_down] = found[i * 32 + column];
}
"""


@lru_cache(2)
def kernel(kind):
    return Kernel(f"typedef {kind} T;\n{TEXT}", "solve", "QQ" + "q" * 9)


def solved_in_place(a, x, upper, unitriangular):
    """Solve A X = B for a triangle of ``MOST`` rows at most, in place of B; False if no kernel can.

    x: (*batch, n, m), whose rows lie in order;   a: (*batch, n, n), or without a batch.
    """
    kind, (n, m), size = KINDS.get(a.dtype.char), x.shape[-2:], a.itemsize
    if kind is None or x.dtype != a.dtype or x.strides[-1] != size or not evenly(x):
        return False
    if a.ndim > 2 and (a.shape[:-2] != x.shape[:-2] or not evenly(a)):
        a = cupy.ascontiguousarray(cupy.broadcast_to(a, (*x.shape[:-2], n, n)))
    down, right = [s // size for s in a.strides[-2:]]
    steps = [y.strides[-3] // size if y.ndim > 2 else 0 for y in (a, x)]
    words = (n, m, down, right, steps[0], x.strides[-2] // size, steps[1], int(upper), int(unitriangular))
    kernel(kind)(math.prod(x.shape[:-2]) * -(-m // COLUMNS), THREADS, a.data.ptr, x.data.ptr, *words)
    return True


def evenly(x):
    """Whether one step leads from each matrix of a batch to the next."""
    shape, strides = x.shape[:-2], x.strides[:-2]
    return all([n == 1 or s == t * k for n, s, t, k in zip(shape, strides, strides[1:], shape[1:])])
