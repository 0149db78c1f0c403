"""Arrays side by side in a new one, by one kernel that copies the widest words that all of them are made of.

torch: ATen/native/cuda/Shape.cu
"""

import math
from functools import lru_cache

import cupy

from ..native.cuda import PRELUDE
from .cupy_launch import Kernel, in_order, room

__all__ = ["concatenate", "stack"]

PARTS = 8
"""Arrays that one launch joins at most; more are CuPy's business."""
THREADS, MOST_BLOCKS = 256, 4224
MOST_WORDS = 1 << 31
"""They are counted in 32 bits: dividing longer numbers takes longer than the memory does."""
WORDS = {
    16: "struct alignas(16) Word { int64 low, high; };", 8: "typedef int64 Word;", 4: "typedef int Word;", 2: "typedef short Word;",
    1: "typedef char Word;",
}  # fmt: skip

TEXT = r"""
struct Words { long long at[LAST]; };  // how many words, how many in a row, the address of the result; of each part its
                                       // address, and the column behind it
extern "C" __global__ void __launch_bounds__(256) join(const __grid_constant__ Words words) {
    const unsigned size = words.at[0], columns = words.at[1];
    for (unsigned i = blockIdx.x * 256 + threadIdx.x; i < size; i += gridDim.x * 256) {
        const unsigned row = i / columns, column = i % columns;
        unsigned begin = 0, part = 3;
        while (column >= words.at[part + 1]) {
            begin = words.at[part + 1];
            part += 2;
        }
        const unsigned wide = words.at[part + 1] - begin;
        ((Word*)words.at[2])[i] = ((const Word*)words.at[part])[row * wide + column - begin];
    }
}
"""


@lru_cache(8)
def kernel_of(width):
    """The kernel for words of so many bytes."""
    count = 3 + 2 * PARTS
    return Kernel(f"{PRELUDE}{WORDS[width]}{TEXT.replace('LAST', str(count))}", "join", "q" * count, whole=True)


def concatenate(arrays, dim):
    """Along a dim, in row-major order, whatever order the parts have."""
    first = arrays[0].shape
    dim = dim + len(first) if dim < 0 else dim
    before, behind, out = first[:dim], first[dim + 1 :], None
    if all([x.ndim == len(first) and x.shape[:dim] == before and x.shape[dim + 1 :] == behind for x in arrays]):
        out = joined(arrays, (*before, sum([x.shape[dim] for x in arrays]), *behind), dim)
    return in_order(cupy.concatenate(arrays, dim)) if out is None else out


def stack(arrays, dim):
    """Along a new dim."""
    first, out = arrays[0].shape, None
    dim = dim + len(first) + 1 if dim < 0 else dim
    if all([x.shape == first for x in arrays]):
        out = joined(arrays, (*first[:dim], len(arrays), *first[dim:]), dim)
    return in_order(cupy.stack(arrays, dim)) if out is None else out


def joined(arrays, shape, dim):
    """A new array of that shape, to whose dim each of the arrays brings some numbers; None for what the kernel isn't made for."""
    rows, first = math.prod(shape[:dim]), arrays[0]
    if len(arrays) > PARTS or not all([x._c_contiguous and x.size and x.dtype is first.dtype for x in arrays]):
        return None
    bytes_of = [x.nbytes // rows for x in arrays]
    places, width = [x.data.ptr for x in arrays], 0
    for number in (*bytes_of, *places):
        width |= number
    width = min(width & -width, 16)
    words, column = [], 0
    for place, n in zip(places, bytes_of, strict=True):
        column += n // width
        words += place, column
    size = rows * column
    if size >= MOST_WORDS:
        return None
    out = room(shape, first.dtype)
    words += [0] * (2 * (PARTS - len(arrays)))
    kernel_of(width)(min(-(-size // THREADS), MOST_BLOCKS), THREADS, size, column, out.data.ptr, *words)
    return out
