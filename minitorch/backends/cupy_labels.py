"""What is taken from and put at places that labels name, in one kernel each: the end of a classifier, an embedding's gradient.

torch: ATen/native/cuda/Loss.cu, NLLLoss2d.cu, Embedding.cu
"""

import math
from functools import lru_cache

import cupy
import numpy

from ..native.cuda import PRELUDE
from ..native.cuda_scatter import ADDING, CHUNK, FEW, Sorting
from ..settings import SETTINGS
from .cupy_launch import Kernel, in_order, room

__all__ = ["add_rows", "nll", "nll_grad"]

MEMORY = {"f": "float", "d": "double", "e": "float16", "E": "bfloat16", "i": "int", "q": "int64", "l": "int64"}
"""dtype.char → what lies in memory."""
THREADS = 256
LABELS = 1 << 13
"""Labels that a block of threads goes through at least, where a loss is averaged."""
MOST_BLOCKS = 1024

TEXT = r"""
// x: (outer, classes, inner), labels: (outer, inner), counted flat. Where there is no such class, NaN.
__device__ inline A number_at(const T* x, int64 i, int64 label, int64 classes, int64 inner) {
    return label < 0 || label >= classes ? A(NAN) : A(x[(i / inner * classes + label) * inner + i % inner]);
}

extern "C" __global__ void __launch_bounds__(256) picked(
    const T* x, const L* labels, T* out, int64 size, int64 classes, int64 inner, int64 ignored) {
    const int64 i = int64(blockIdx.x) * 256 + threadIdx.x;
    if (i >= size) return;
    const int64 label = labels[i];
    out[i] = T(label == ignored ? A(0) : -number_at(x, i, label, classes, inner));
}

// The sum of what each block picks, and how many that is.
extern "C" __global__ void __launch_bounds__(256) averaged(
    const T* x, const L* labels, A* sums, int64 size, int64 classes, int64 inner, int64 ignored) {
    A sum = 0, count = 0;
    for (int64 i = int64(blockIdx.x) * 256 + threadIdx.x; i < size; i += int64(gridDim.x) * 256) {
        const int64 label = labels[i];
        if (label == ignored) continue;
        if (x) sum -= number_at(x, i, label, classes, inner);
        count += 1;
    }
    sum = across_block<256>(Sum(), sum);
    count = across_block<256>(Sum(), count);
    if (threadIdx.x == 0) {
        sums[blockIdx.x] = sum;
        sums[gridDim.x + blockIdx.x] = count;
    }
}

// Of the sums and counts of all blocks their quotient.
extern "C" __global__ void __launch_bounds__(256) divided(const A* sums, T* out, int64 blocks) {
    A sum = 0, count = 0;
    for (int64 i = threadIdx.x; i < blocks; i += 256) {
        sum += sums[i];
        count += sums[blocks + i];
    }
    sum = across_block<256>(Sum(), sum);
    count = across_block<256>(Sum(), count);
    if (threadIdx.x == 0) *out = T(sum / count);
}

// -g where the labels say, 0 elsewhere. each: whether g has a number for each label; if not it is shared among the counted.
extern "C" __global__ void __launch_bounds__(256) put(
    const T* g, const L* labels, T* out, const A* sums, int64 blocks, int64 each, int64 size, int64 classes, int64 inner, int64 ignored) {
    A share = 0;
    if (!each) {
        for (int64 b = 0; b < blocks; ++b) share += sums[blocks + b];
        share = -A(*g) / share;
    }
    for (int64 i = int64(blockIdx.x) * 256 + threadIdx.x; i < size; i += int64(gridDim.x) * 256) {
        const int64 column = i % inner, of = i / inner % classes, at = i / inner / classes * inner + column, label = labels[at];
        out[i] = T(label == of && label != ignored ? (each ? -A(g[at]) : share) : A(0));
    }
}

// out[labels[i]] += y[i] of rows of so many columns: native/cuda_scatter.py.
extern "C" __global__ void __launch_bounds__(256) sorted(const L* labels, int* order, int* named, int64 n, int64 rows) {
    sort_places(labels, order, named, n, rows);
}

extern "C" __global__ void __launch_bounds__(256) added(
    const T* y, const int* order, const int* named, T* out, A* ends, int64 n, int64 rows, int64 columns, int64 across) {
    add_chunks(y, order, named, out, ends, n, rows, columns, across);
}

extern "C" __global__ void __launch_bounds__(256) joined(
    const int* named, T* out, const A* ends, int64 n, int64 rows, int64 columns, int64 across) {
    join_chunks(named, out, ends, n, rows, columns, across);
}
"""
LAYOUTS = {
    "picked": "QQQqqqq", "averaged": "QQQqqqq", "divided": "QQq", "put": "QQQQqqqqqq", "sorted": "QQQqq", "added": "QQQQQqqqq",
    "joined": "QQQqqqq",
}  # fmt: skip


@lru_cache(64)
def kernels(char, labels):
    """All kernels for numbers and labels of these dtype.chars, by name; None if there are none."""
    if char not in "fdeE" or labels not in "iql":
        return None
    wide = "double" if char == "d" else "float"
    names = f"typedef {MEMORY[char]} T;\ntypedef {MEMORY[labels]} L;\ntypedef {wide} A;\n"
    return {name: Kernel(PRELUDE + ADDING + names + TEXT, name, layout) for name, layout in LAYOUTS.items()}


def sizes_of(shape, dim):
    """(classes, inner): how many there are along ``dim``, and the numbers that lie behind it."""
    return shape[dim], math.prod(shape[dim % len(shape) + 1 :])


def blocks_for(size, each=THREADS):
    return min(-(-size // each), MOST_BLOCKS)


def nll(x, index, dim, ignored, average):
    """Minus the number that each label names; of all that aren't ``ignored`` the mean, if that is asked. None for other dtypes."""
    of = kernels(x.dtype.char, index.dtype.char)
    if of is None:
        return None
    x, index = in_order(x), in_order(index)
    out = room(() if average else index.shape, x.dtype)
    numbers = index.size, *sizes_of(x.shape, dim), ignored
    if not average:
        of["picked"](-(-index.size // THREADS), THREADS, x.data.ptr, index.data.ptr, out.data.ptr, *numbers)
        return out
    sums, blocks = sums_of(of, x.dtype, x.data.ptr, index, numbers)
    of["divided"](1, THREADS, sums.data.ptr, out.data.ptr, blocks)
    return out


def sums_of(of, dtype, address, index, numbers):
    """What blocks of threads add up and count, and how many blocks there are."""
    blocks = max(blocks_for(index.size, LABELS), 1)
    sums = room((2, blocks), numpy.float64 if dtype.char == "d" else numpy.float32)
    of["averaged"](blocks, THREADS, address, index.data.ptr, sums.data.ptr, *numbers)
    return sums, blocks


def nll_grad(g, index, shape, dim, ignored, average):
    """The gradient of what ``nll`` takes from; None likewise."""
    of = kernels(g.dtype.char, index.dtype.char)
    if of is None:
        return None
    g, index = in_order(g), in_order(index)
    out, numbers = room(shape, g.dtype), (*sizes_of(shape, dim), ignored)
    sums, blocks = sums_of(of, g.dtype, 0, index, (index.size, *numbers)) if average else (g, 0)
    addresses = g.data.ptr, index.data.ptr, out.data.ptr, sums.data.ptr
    of["put"](blocks_for(out.size), THREADS, *addresses, blocks, 0 if average else 1, out.size, *numbers)
    return out


def add_rows(out, index, y):
    """out[index] += y for whole numbers ``index`` of rows, also where several are one: in one order. False if it can't be.

    Of many single numbers only if one order is asked for: threads that add them as they come are quicker.
    """
    if out.ndim == 1 and index.size > FEW and not SETTINGS.deterministic:
        return False
    if out.dtype != y.dtype or not out.flags.c_contiguous or y.shape != (*index.shape, *out.shape[1:]):
        return False
    of = kernels(out.dtype.char, index.dtype.char)
    if of is None:
        return False
    n, rows, columns = index.size, len(out), math.prod(out.shape[1:])
    if not y.size:
        return True
    y, index = in_order(y), in_order(index)
    how = Sorting(n, columns, out.dtype.name)
    memory = room(how.room, numpy.uint8)
    order, named, ends = [memory.data.ptr + at for at in (0, 4 * n, how.ends)]
    if n <= FEW:
        of["sorted"](how.blocks, THREADS, index.data.ptr, order, named, n, rows)
    else:
        found, places = sorted_places(index.reshape(-1), rows)
        order, named = places.data.ptr, found.data.ptr
    of["added"](how.adding, THREADS, y.data.ptr, order, named, out.data.ptr, ends, n, rows, columns, how.across)
    if n > CHUNK:
        of["joined"](how.adding, THREADS, named, out.data.ptr, ends, n, rows, columns, how.across)
    return True


def sorted_places(index, rows):
    """(the rows that labels name, in order; the places where they stand), as the kernel ``sorted`` has them."""
    named = cupy.where(index < 0, index + rows, index)
    named = cupy.where((named < 0) | (named >= rows), rows, named).astype(numpy.int32)
    places = named.argsort(kind="stable")
    return named[places], places.astype(numpy.int32)
