"""Reading and writing at places, on CuPy arrays. Places out of range are taken modulo the size: nobody looks at them."""

import cupy
import numpy

from ..settings import SETTINGS
from . import cupy_labels as labels
from .indexing import place_error, places

__all__ = [
    "add_at", "argsort", "bincount_ints", "gather", "index", "index_put", "nll", "nll_grad", "nonzero_rows", "scatter",
    "scatter_add", "scatter_reduce", "searchsorted_rows", "topk_places",
]  # fmt: skip


def key_of(indices, dims):
    """CuPy's key for integer arrays at ``dims``. Raises IndexError if they don't fit together."""
    try:
        numpy.broadcast_shapes(*[i.shape for i in indices])
    except ValueError:
        raise place_error(indices, dims, "could not be broadcast") from None
    return places(indices, dims)


def index(x, indices, dims):
    return x.take(indices[0], 0) if dims == (0,) else x[key_of(indices, dims)]


def index_put(x, y, indices, dims, accumulate, out=None):
    out = x.copy() if out is None else out
    if accumulate and dims == (0,) and out.ndim and y.__class__ is cupy.ndarray and labels.add_rows(out, indices[0], y):
        return out
    key = key_of(indices, dims)
    try:
        if accumulate:
            add_at(out, key, y)
        else:
            out[key] = y
    except ValueError:
        result = list(out[key].shape)
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(y.shape)} cannot be broadcast to indexing result of shape {result}"
        ) from None
    return out


SIGNED = {"q": "Q", "l": "L"}  # of dtype.char
"""Whole numbers that wrap are added alike with and without a sign; the GPU has an atomic addition for those without."""


def add_at(out, key, y):
    """out[key] += y, also where several of the places are one: in one order, if that is asked for."""
    char = out.dtype.char
    if SETTINGS.deterministic and out.dtype.kind in "fV" and out.flags.c_contiguous:
        places = cupy.arange(out.size).reshape(out.shape)[key]
        y = cupy.broadcast_to(cupy.asarray(y, out.dtype), places.shape)
        if labels.add_rows(out.reshape(-1), places.reshape(-1), y.reshape(-1)):
            return
    if char in "?bBhH":
        wide = out.astype(numpy.int32)
        add_at(wide, key, cupy.asarray(y).astype(numpy.int32))
        cupy.copyto(out, (wide != 0) if char == "?" else wide.astype(out.dtype))
    elif char == "E":  # bfloat16
        wide = out.astype(numpy.float32)
        add_at(wide, key, cupy.asarray(y).astype(numpy.float32))
        cupy.copyto(out, wide.astype(out.dtype))
    elif char in "FD":  # complex: its two parts, one after the other
        y = cupy.asarray(y, out.dtype)
        for part, more in ((out.real, y.real), (out.imag, y.imag)):
            dense = part.copy()
            add_at(dense, key, more)
            part[...] = dense
    elif char in SIGNED:
        cupy.add.at(out.view(SIGNED[char]), key, cupy.asarray(y).astype(out.dtype).view(SIGNED[char]))
    else:
        cupy.add.at(out, key, y)


def along(index, dim):
    """The key of ``index`` along ``dim``: its own position in every other dim."""
    last = index.ndim - 1
    key = [cupy.arange(n).reshape((n,) + (1,) * (last - d)) if d != dim else index for d, n in enumerate(index.shape)]
    return tuple(key)


def gather(x, index, dim):
    if x.ndim == 0 or index.ndim == 0:
        return x.reshape(-1).take(index, 0)
    return x[along(index, dim)]


def picked_places(index, dim, ignored):
    """The key of one class in each row of ``dim``, and where the index isn't ``ignored``."""
    valid = index != ignored
    index = cupy.where(valid, index, 0)
    last = index.ndim - 1
    key = [cupy.arange(n).reshape((n,) + (1,) * (last - d)) for d, n in enumerate(index.shape)]
    return (*key[:dim], index, *key[dim:]), valid


def nll(x, index, dim, ignored, average):
    found = labels.nll(x, index, dim, ignored, average)
    if found is not None:
        return found
    key, valid = picked_places(index, dim, ignored)
    found = cupy.where(valid, cupy.negative(x[key]), x.dtype.type(0))
    return found.sum() / cupy.count_nonzero(valid).astype(x.dtype) if average else found


def nll_grad(g, index, shape, dim, ignored, average):
    found = labels.nll_grad(g, index, shape, dim, ignored, average)
    if found is not None:
        return found
    key, valid = picked_places(index, dim, ignored)
    g = cupy.negative(g)
    if average:
        g = g / cupy.count_nonzero(valid).astype(g.dtype)
    out = cupy.zeros(shape, g.dtype)
    out[key] = cupy.where(valid, g, g.dtype.type(0))
    return out


def cut(y, shape):
    """The leading corner of ``y``, of that shape; numbers and 0-d arrays stay."""
    if y.__class__ is not cupy.ndarray or y.ndim == 0 or y.shape == shape:
        return y
    return y[tuple(slice(0, n) for n in shape)]


def scatter(x, index, y, dim, out=None):
    out = x.copy() if out is None else out
    if x.ndim == 0:
        if index.size:
            out[...] = y.reshape(()) if y.__class__ is cupy.ndarray else y
    else:
        out[along(index, dim)] = cut(y, index.shape)
    return out


def scatter_add(x, index, y, dim, out=None):
    out = x.copy() if out is None else out
    if x.ndim == 0:
        out += y.sum().astype(x.dtype)
    elif index.size:
        add_at(out, along(index, dim), cut(y, index.shape))
    return out


REDUCING = {"prod": "out[k] * y[j]", "amax": "isnan(y[j]) || y[j] > out[k] ? y[j] : out[k]",
            "amin": "isnan(y[j]) || y[j] < out[k] ? y[j] : out[k]"}  # fmt: skip

LINES = """
    for (long long step = 0; step < length; ++step) {{
        const long long j = i * length + step, k = i * room + places[j];
        out[k] = {value};
    }}
"""
"""A thread goes along one line of the source, one element after the other, so that no two meet at a place."""


def scatter_reduce(x, index, y, dim, reduce, out=None):
    result = x.copy("C").reshape(x.shape or (1,))
    shape = index.shape or (1,)
    index, y = index.reshape(shape), cut(y, index.shape).reshape(shape)
    dim %= result.ndim
    corner = result[tuple([slice(None) if d == dim else slice(0, n) for d, n in enumerate(shape)])]
    lines, index, y = [cupy.moveaxis(a, dim, -1).copy("C") for a in (corner, index, y)]
    if x.dtype.char in "eE":
        lines, y = lines.astype(numpy.float32), y.astype(numpy.float32)
    value = REDUCING[reduce] if lines.dtype.kind == "f" else REDUCING[reduce].replace("isnan(y[j]) || ", "")
    kernel = cupy.ElementwiseKernel(
        "raw T y, raw I places, int64 length, int64 room", "raw T out", LINES.format(value=value), f"scatter_{reduce}"
    )
    if index.size:
        kernel(y, index, index.shape[-1], lines.shape[-1], lines, size=index.size // index.shape[-1])
    corner[...] = cupy.moveaxis(lines, -1, dim).astype(x.dtype)
    result = result.reshape(x.shape)
    if out is None:
        return result
    cupy.copyto(out, result)
    return out


def argsort(x, dim, descending):
    """Stable; NaN counts as the largest."""
    if x.ndim == 0:
        return cupy.zeros((), numpy.int64)
    if not descending:
        return x.argsort(dim)
    backward = cupy.flip(x, dim).argsort(dim)
    return x.shape[dim] - 1 - cupy.flip(backward, dim)


def topk_places(x, k, dim, largest, in_order):
    """Where the k largest are, or the smallest: of all in order the first k."""
    return argsort(x, dim, largest).take(cupy.arange(k), dim)


def nonzero_rows(x):
    return cupy.argwhere(x)


def searchsorted_rows(x, values, right):
    """Where ``values`` would be inserted into the sorted last dim of ``x``; row by row if x has several."""
    side = "right" if right else "left"
    if x.ndim == 1:
        return cupy.searchsorted(x, values, side).astype(numpy.int64)
    found = cupy.empty(values.shape, numpy.int64)
    rows = x.reshape(-1, x.shape[-1]), values.reshape(-1, values.shape[-1]), found.reshape(-1, values.shape[-1])
    for row, wanted, place in zip(*rows, strict=True):
        place[...] = cupy.searchsorted(row, wanted, side)
    return found


def bincount_ints(x, size):
    return cupy.bincount(x, minlength=size).astype(numpy.int64) if x.size else cupy.zeros(size, numpy.int64)
