"""Sums down the columns of CuPy's matrices: a block of threads takes 32 columns, in which its threads go down side by side.

torch: ATen/native/cuda/Reduce.cuh
"""

from functools import lru_cache

import numpy

from ..native.cuda import PRELUDE
from .cupy_launch import Kernel, room

__all__ = ["KINDS", "MEMORY", "WIDE", "down_columns"]

MEMORY = {"f": "float", "d": "double", "e": "float16", "E": "bfloat16"}
"""dtype.char → what lies in memory."""
KINDS = {"f": "float", "d": "double", "e": "float", "E": "float"}
"""The same → what is computed with."""
WIDE = {"float": numpy.float32, "double": numpy.float64}

COLUMNS = PRELUDE + r"""
// out[a, chunk, b] = Σ x[a, r, b] / divisor, over the rows r of a chunk.
extern "C" __global__ void __launch_bounds__(256) columns(
    const T* x, S* out, int64 rows, int64 columns, int64 chunks, int64 blocks, int64 divisor) {
    const int64 block = blockIdx.x % blocks, chunk = blockIdx.x / blocks % chunks, a = blockIdx.x / blocks / chunks;
    const int64 tall = (rows + chunks - 1) / chunks, begin = chunk * tall, end = begin + tall < rows ? begin + tall : rows;
    const int64 b = block * 32 + threadIdx.x % 32;
    A sum = 0;
    if (b < columns)
        #pragma unroll 4
        for (int64 r = begin + threadIdx.x / 32; r < end; r += 8) sum += A(x[(a * rows + r) * columns + b]);
    sum = down_block<256, 32>(Sum(), sum);
    if (threadIdx.x < 32 && b < columns) out[(a * chunks + chunk) * columns + b] = S(sum / A(divisor));
}
"""
THREADS, WIDTH = 256, 32
BUSY = 1056
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
