"""CUDA: rows added at places that labels name, in an order that depends on the labels alone. An embedding's gradient.

    out[label[i]] += y[i]        label  7 2 7 0 7 2        order  3 1 5 0 2 4        the places, sorted; equal ones as they stood

Threads that add as they come add in another order each time, and wait for each other where a label is common. Here the places are
sorted first. A place goes where there are as many smaller ones: each is compared with all others, which for some thousand takes
less time than passes of a sort. Then a thread goes along 32 sorted places of a column and adds up what has one label. Runs that
reach beyond those are put together at last.

torch: ATen/native/cuda/Embedding.cu, EmbeddingBackwardKernel.cu
"""

from .cuda import SIZES, next_power

__all__ = ["ADDING", "CHUNK", "FEW", "Sorting"]

CHUNK = 32
"""Sorted places that a thread goes along."""
THREADS = 256
FEW = 1 << 15
"""Labels up to which each is compared with all others."""

ADDING = r"""
// The row that a label names: negative ones count from the end. What names no row comes last.
template <class L> __device__ inline int row_of(L label, int rows) {
    const int64 row = label < 0 ? int64(label) + rows : int64(label);
    return row < 0 || row >= rows ? rows : int(row);
}

// order: the n places, sorted by the rows that their labels name; named: these rows. A block finds where 32 places go.
template <class L> __device__ inline void sort_places(const L* labels, int* order, int* named, int n, int rows) {
    __shared__ int seen[2048];
    const int lane = threadIdx.x % 32, part = threadIdx.x / 32, first = blockIdx.x * 32, i = first + lane;
    const int row = i < n ? row_of(labels[i], rows) : 0;
    int before = 0;
    for (int start = 0; start < n; start += 2048) {
        __syncthreads();
        for (int k = threadIdx.x; k < 2048; k += 256) seen[k] = start + k < n ? row_of(labels[start + k], rows) : 0x7fffffff;
        __syncthreads();
        const int begin = start + part * 256;
        const int* mine = seen + part * 256;
        if (begin + 256 <= first || begin >= first + 32) {
            const int bound = row + (begin < first);
            #pragma unroll 16
            for (int k = 0; k < 256; ++k) before += mine[k] < bound;
        } else {
            for (int k = 0; k < 256; ++k) before += mine[k] < row + (begin + k < i);
        }
    }
    __syncthreads();
    seen[threadIdx.x] = before;
    __syncthreads();
    if (part == 0 && i < n) {
        for (int p = 1; p < 8; ++p) before += seen[p * 32 + lane];
        order[before] = i;
        named[before] = row;
    }
}

// Of 32 sorted places the sums of one column. ends: (2, chunks, columns): of each chunk what began before it, and what goes on.
template <class T, class A> __device__ inline void add_chunks(
    const T* y, const int* order, const int* named, T* out, A* ends, int n, int rows, int columns, int across) {
    const int chunks = (n + 31) / 32, tiles = (columns + across - 1) / across;
    const int chunk = blockIdx.x / tiles * (256 / across) + threadIdx.x / across;
    const int column = blockIdx.x % tiles * across + threadIdx.x % across, begin = chunk * 32, end = begin + 32 < n ? begin + 32 : n;
    if (chunk >= chunks || column >= columns) return;
    A* const before = ends + int64(chunk) * columns + column;
    int row = named[begin];
    bool begun = begin > 0 && named[begin - 1] == row;
    A sum = 0;
    for (int p = begin; p < end; ++p) {
        if (named[p] != row) {
            T* const place = out + int64(row) * columns + column;
            if (begun) *before = sum;
            else *place = T(A(*place) + sum);
            row = named[p], begun = false, sum = 0;
        }
        sum += A(y[int64(order[p]) * columns + column]);
    }
    if (begun) *before = sum;
    else if (end < n && named[end] == row) before[int64(chunks) * columns] = sum;
    else if (row < rows) out[int64(row) * columns + column] = T(A(out[int64(row) * columns + column]) + sum);
}

// What has one label in several chunks, by the chunk in which that begins.
template <class T, class A> __device__ inline void join_chunks(
    const int* named, T* out, const A* ends, int n, int rows, int columns, int across) {
    const int chunks = (n + 31) / 32, tiles = (columns + across - 1) / across;
    const int chunk = blockIdx.x / tiles * (256 / across) + threadIdx.x / across;
    const int column = blockIdx.x % tiles * across + threadIdx.x % across, begin = chunk * 32, end = begin + 32;
    if (end >= n || column >= columns) return;  // the last chunk doesn't go on
    const int row = named[end - 1];
    if (row == rows || named[end] != row || (begin > 0 && named[begin - 1] == row)) return;
    int low = end, high = n;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (named[middle] > row) high = middle;
        else low = middle + 1;
    }
    const int last = (low - 1) / 32;
    A sum = ends[int64(chunks + chunk) * columns + column];
    #pragma unroll 8
    for (int c = chunk + 1; c <= last; ++c) sum += ends[int64(c) * columns + column];
    T* const place = out + int64(row) * columns + column;
    *place = T(A(*place) + sum);
}
"""


class Sorting:
    """How the work is shared for ``n`` labels and rows of so many columns of a dtype.

    blocks: of sorting;   adding: of the other two functions, with ``across`` threads side by side along a row.
    wide: the type of sums.   ends, room: where the ends of chunks begin behind the sorted places, and where they end, in bytes.
    """

    def __init__(self, n, columns, dtype):
        self.across, self.wide = min(next_power(columns), 128), "double" if dtype == "float64" else "float"
        chunks, tiles = -(-n // CHUNK), -(-columns // self.across)
        self.blocks, self.adding = -(-n // 32), -(-chunks * self.across // THREADS) * tiles
        self.ends = 8 * n
        self.room = self.ends + 2 * chunks * columns * SIZES[self.wide]
