"""Convolution and pooling on CuPy arrays, said plainly: convolutions as products with the columns of x, pooling as the best or
the sum of what each place of the window sees. Geometries are those of ``convolution.py`` and ``pooling.py``.

    conv              out = W · columns(x)
    conv_input_grad   each column of Wᵀ · g added back to its place
    conv_weight_grad  g · columns(x)ᵀ

torch: aten/src/ATen/native/cuda/im2col.cuh, DilatedMaxPool2d.cu, AveragePool2d.cu
"""

import math
from functools import lru_cache

import cupy
from cupy.lib.stride_tricks import as_strided

from .convolution import framed_sizes, output_sizes, within
from .cupy_indexing import add_at
from .cupy_products import matmul
from .pooling import framed_sizes as pool_sizes
from .pooling import lowest, maps_of, origins, view_keys

__all__ = [
    "avg_pool", "avg_pool_grad", "conv", "conv_input_grad", "conv_weight_grad", "max_pool_index", "pool_gather",
    "pool_scatter",
]  # fmt: skip

COLUMN_BYTES = 1 << 28
"""About how much memory the columns of some images may take at a time."""


# --------------------------------------------------------------------------------------------------------- convolution


def framed(x, padding):
    """x with zeros around its images."""
    if not any([before or after for before, after in padding]):
        return cupy.ascontiguousarray(x)
    frame = cupy.zeros((*x.shape[:2], *framed_sizes(x.shape[2:], padding)), x.dtype)
    frame[(..., *within(padding, x.shape[2:]))] = x
    return frame


def columns_of(frame, kernel, positions, geometry):
    """Each element once for each place of the kernel that reads it: (n, groups, C / groups · kernel, positions)."""
    stride, _, dilation, groups = geometry
    places = [d * s for d, s in zip(dilation, frame.strides[2:], strict=True)]
    moves = [s * step for s, step in zip(stride, frame.strides[2:], strict=True)]
    seen = as_strided(frame, (*frame.shape[:2], *kernel, *positions), (*frame.strides[:2], *places, *moves))
    return seen.reshape(len(frame), groups, frame.shape[1] // groups * math.prod(kernel), math.prod(positions))


def some_images(count, channels, kernel, positions, itemsize):
    """Slices of so many images that their columns fit."""
    step = max(1, COLUMN_BYTES // max(channels * math.prod(kernel) * math.prod(positions) * itemsize, 1))
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def conv(x, weight, bias, geometry):
    """x: (N, C, *sizes), weight: (O, C / groups, *kernel), bias: (O) or None → (N, O, *positions)."""
    kernel, groups = weight.shape[2:], geometry[-1]
    positions = output_sizes(x.shape[2:], kernel, geometry)
    out = cupy.zeros((len(x), len(weight), *positions), x.dtype)
    if out.size and weight.size:
        matrix = weight.reshape(groups, len(weight) // groups, -1)
        frame = framed(x, geometry[1])
        for some in some_images(len(x), x.shape[1], kernel, positions, x.itemsize):
            product = matmul(matrix, columns_of(frame[some], kernel, positions, geometry))
            out[some] = product.reshape(out[some].shape)
    return out if bias is None else cupy.add(out, bias.reshape(-1, *[1] * len(kernel)), out)


def conv_input_grad(g, weight, shape, geometry):
    """The gradient of an input of that shape. g: (N, O, *positions)."""
    stride, padding, dilation, groups = geometry
    kernel, positions = weight.shape[2:], g.shape[2:]
    frame = cupy.zeros((*shape[:2], *framed_sizes(shape[2:], padding)), g.dtype)
    if g.size and weight.size:
        matrix = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
        rows = cupy.ascontiguousarray(g).reshape(len(g), groups, len(weight) // groups, -1)
        keys = view_keys((tuple(kernel), tuple(stride), None, tuple(dilation), tuple(positions)))
        for some in some_images(len(g), shape[1], kernel, positions, g.itemsize):
            columns = matmul(matrix, rows[some]).reshape(-1, shape[1], math.prod(kernel), *positions)
            for place, key in enumerate(keys):
                frame[some][key] += columns[:, :, place]
    return cupy.ascontiguousarray(frame[(..., *within(padding, shape[2:]))])


def conv_weight_grad(x, g, shape, geometry):
    """The gradient of a weight of that shape. x: (N, C, *sizes), g: (N, O, *positions)."""
    kernel, positions, groups = tuple(shape[2:]), g.shape[2:], geometry[-1]
    out = cupy.zeros(shape, x.dtype)
    if x.size and g.size:
        frame, total = framed(x, geometry[1]), out.reshape(groups, shape[0] // groups, -1)
        rows = cupy.ascontiguousarray(g).reshape(len(g), groups, shape[0] // groups, -1)
        for some in some_images(len(x), x.shape[1], kernel, positions, x.itemsize):
            columns = columns_of(frame[some], kernel, positions, geometry)
            total += matmul(rows[some], columns.swapaxes(2, 3)).sum(0)
    return out


# ------------------------------------------------------------------------------------------------------------- pooling


def frame_of(maps, geometry, filling):
    """The maps with ``filling`` around them, and where in it they are."""
    sizes = pool_sizes(maps.shape[1:], geometry)
    inside = (..., *[slice(before, before + n) for before, n in zip(geometry[2], maps.shape[1:], strict=True)])
    frame = cupy.full((len(maps), *sizes), filling, maps.dtype)
    frame[inside] = maps
    return frame, inside


@lru_cache(256)
def origins_there(sizes, geometry):
    """``pooling.origins``, kept on the GPU."""
    return [cupy.asarray(part) for part in origins(sizes, geometry)]


def max_pool_index(x, geometry):
    """Where in its map, counted flat, the largest element of each window is: the first of several, the last NaN."""
    positions = geometry[-1]
    maps = maps_of(x, len(positions))
    frame, _ = frame_of(maps, geometry, lowest(x.dtype))
    origin, offsets, first = origins_there(maps.shape[1:], geometry)
    best = cupy.full((len(maps), *positions), lowest(x.dtype), x.dtype)
    places = cupy.empty(best.shape, cupy.int64)
    places[...] = first
    for i, key in enumerate(view_keys(geometry)):
        seen = frame[key]
        better = seen > best
        if x.dtype.kind == "f":
            better |= cupy.isnan(seen)
        places, best = cupy.where(better, i, places), cupy.where(better, seen, best)
    found = offsets.take(places, 0) + origin
    return found.reshape(*x.shape[: x.ndim - len(positions)], *positions)


def absolute(index, sizes):
    """Flat indices within each map, as flat indices of all maps."""
    maps = maps_of(index, len(sizes))
    return maps.reshape(len(maps), math.prod(maps.shape[1:])) + (cupy.arange(len(maps)) * math.prod(sizes))[:, None]


def pool_gather(x, index, dims):
    """The elements of the maps of x, its last ``dims`` dims, at flat indices."""
    return x.reshape(-1).take(absolute(index, x.shape[x.ndim - dims :]), 0).reshape(index.shape)


def pool_scatter(g, index, shape, dims, overlap):
    """Its adjoint: maps of zeros, with each g added where it was taken."""
    out = cupy.zeros(math.prod(shape), g.dtype)
    if index.size:
        places = absolute(index, shape[len(shape) - dims :]).reshape(-1)
        if overlap:
            add_at(out, places, g.reshape(-1))
        else:
            out[places] = g.reshape(-1)
    return out.reshape(shape)


def divisor(counts, dtype):
    """What the sums are divided by: a number, or the products of the counts in each dim."""
    if not isinstance(counts, tuple):
        return counts
    found = cupy.ones((), dtype)
    for of_dim in counts:
        found = found[..., None] * cupy.asarray(of_dim, dtype)
    return found


def avg_pool(x, geometry, counts):
    """The sum of each window, divided by ``counts``: a number, or a tuple of one for each position of each dim."""
    positions = geometry[-1]
    maps = maps_of(x, len(positions))
    frame, _ = frame_of(maps, geometry, 0)
    total, by = cupy.zeros((len(maps), *positions), x.dtype), divisor(counts, x.dtype)
    for key in view_keys(geometry):
        total += frame[key]
    if x.dtype.kind == "f":
        total /= by
    else:  # integers are rounded towards zero
        total -= cupy.fmod(total, by)
        total //= by
    return total.reshape(*x.shape[: x.ndim - len(positions)], *positions)


def avg_pool_grad(g, shape, geometry, counts):
    """Its adjoint, of that shape: what each window gives to its elements."""
    dims = len(geometry[0])
    maps = maps_of(g, dims)
    room = cupy.zeros((len(maps), *shape[len(shape) - dims :]), g.dtype)
    frame, inside = frame_of(room, geometry, 0)
    part = maps / divisor(counts, g.dtype)
    for key in view_keys(geometry):
        frame[key] += part
    return cupy.ascontiguousarray(frame[inside]).reshape(shape)
