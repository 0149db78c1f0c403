"""Reading and writing at places, on NumPy arrays: what NumPy does slowly, or with other rules than PyTorch's."""

import numpy
from numpy import argwhere, asarray, ndarray

from .large import ENOUGH_TO_ADD, added_in_machine_code

__all__ = [
    "bincount_ints", "gather", "index", "index_put", "nll", "nll_grad", "nonzero_rows", "place_error", "places",
    "scatter", "scatter_add", "scatter_reduce", "searchsorted_rows",
]  # fmt: skip


def places(indices, dims, shape=()):
    """NumPy's key for integer arrays at ``dims``; one place of an array of a ``shape`` is a slice, which NumPy is quicker with."""
    key = [slice(None)] * (max(dims) + 1)
    if shape and len(dims) == 1 and indices[0].shape == (1,):
        n, place = shape[dims[0]], int(indices[0][0])
        if -n <= place < n:
            key[dims[0]] = slice(place % n, place % n + 1)
            return (*key, ...)
    for d, i in zip(dims, indices, strict=True):
        key[d] = i
    return (*key, ...)


def index(x, indices, dims):
    if dims == (0,):
        return x.take(indices[0], 0)
    try:
        return x[places(indices, dims)]
    except IndexError as error:
        raise place_error(indices, dims, error) from None


def index_put(x, y, indices, dims, accumulate, out=None):
    out = x.copy() if out is None else out
    try:
        if not accumulate:
            out[places(indices, dims, out.shape)] = y
        elif dims == (0,) and x.ndim > 1 and indices[0].size and x.dtype != bool:
            add_rows(out, indices[0], y)
        elif len(dims) == indices[0].ndim == 1 and indices[0].size and x.dtype != bool:
            selected = [*x.shape]
            selected[dims[0]] = indices[0].size
            add_rows(out.swapaxes(0, dims[0]), indices[0], numpy.broadcast_to(y, selected).swapaxes(0, dims[0]))
        else:
            numpy.add.at(out, places(indices, dims), y)
    except IndexError as error:
        raise place_error(indices, dims, error) from None
    except ValueError:
        result = list(out[places(indices, dims)].shape)
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(y.shape)} cannot be broadcast to indexing result of shape {result}"
        ) from None
    return out


def place_error(indices, dims, error):
    """PyTorch's words for places that don't fit together, or lie outside."""
    text = str(error)
    if "could not be broadcast" not in text:
        before, _, after = text.partition("axis ")
        axis, _, rest = after.partition(" ")
        number = dims.index(int(axis)) if axis.isdigit() and int(axis) in dims else axis
        return IndexError(f"{before}dimension {number} {rest}")
    shapes = ", ".join(str(list(i.shape)) for i in indices)
    return IndexError(f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}")


FEW = 8
"""Up to so many rows that go to one place are added one after the other; of more, ``reduceat`` makes the sum first."""
PLACES = 200
"""And of so few places in all cases: it costs by the place."""


def add_rows(out, rows, y):
    """out[rows[i]] += y[i], in order. (``add.at`` goes element by element, ``reduceat`` is slow where sums are short.)"""
    n = len(out)
    outside = rows[(rows < -n) | (rows >= n)]
    if outside.size:
        raise IndexError(f"index {outside[0]} is out of bounds for axis 0 with size {n}")
    y = numpy.broadcast_to(y, (*rows.shape, *out.shape[1:])).reshape(rows.size, *out.shape[1:])
    if y.size >= ENOUGH_TO_ADD and added_in_machine_code(out, rows.reshape(-1), y):
        return
    rows = (rows.reshape(-1) % n).astype(numpy.uint16 if n <= 1 << 16 else rows.dtype)  # short keys are sorted faster
    order = None
    if (rows[1:] < rows[:-1]).any():
        order = rows.argsort(kind="stable")
        rows = rows[order]
    starts = numpy.flatnonzero(numpy.concatenate(([True], rows[1:] != rows[:-1])))
    counts = numpy.diff(starts, append=rows.size)
    many = counts > (FEW if starts.size > PLACES else 0)
    if many.any():
        chosen = numpy.flatnonzero(numpy.repeat(many, counts))
        places = counts[many].cumsum() - counts[many]
        out[rows[starts[many]]] += numpy.add.reduceat(y[chosen if order is None else order[chosen]], places, 0)
        starts, counts = starts[~many], counts[~many]
    for k in range(counts.max(initial=0)):  # the k-th row of each place
        at = starts[counts > k] + k
        out[rows[at]] += y[at if order is None else order[at]]


def along(index, dim, size):
    """The key of ``index`` along ``dim``: its own position in every other dim. Raises IndexError for negative positions."""
    if index.size and index.min() < 0:
        raise IndexError(f"index {index.min()} is out of bounds for axis {dim} with size {size}")
    last = index.ndim - 1
    key = [numpy.arange(n).reshape((n,) + (1,) * (last - d)) if d != dim else index for d, n in enumerate(index.shape)]
    return tuple(key)


def gather(x, index, dim):
    if x.ndim == 0 or index.ndim == 0:
        return x.reshape(-1).take(index.reshape(index.shape), 0)
    return x[along(index, dim, x.shape[dim])]


def picked_places(index, classes, dim, ignored):
    """The key of one class in each row of ``dim``, and where the index isn't ``ignored`` (None: everywhere).

    Raises IndexError for an index that is no class.
    """
    outside = (index < 0) | (index >= classes)
    valid = None
    if 0 <= ignored < classes or outside.any():
        valid = index != ignored
        if (outside & valid).any():
            raise IndexError(f"Target {index[outside & valid][0]} is out of bounds.")
        index = numpy.where(valid, index, 0)
    last = index.ndim - 1
    key = [numpy.arange(n).reshape((n,) + (1,) * (last - d)) for d, n in enumerate(index.shape)]
    return (*key[:dim], index, *key[dim:]), valid


def nll(x, index, dim, ignored, average):
    key, valid = picked_places(index, x.shape[dim], dim, ignored)
    found = asarray(numpy.negative(x[key]))
    if valid is not None:
        found[~valid] = 0
    if not average:
        return found
    return asarray(
        numpy.add.reduce(found, None) / x.dtype.type(index.size if valid is None else numpy.count_nonzero(valid))
    )


def nll_grad(g, index, shape, dim, ignored, average):
    key, valid = picked_places(index, shape[dim], dim, ignored)
    g = numpy.negative(g)
    if average:
        g = g / g.dtype.type(index.size if valid is None else numpy.count_nonzero(valid))
    out = numpy.zeros(shape, g.dtype)
    out[key] = g if valid is None else numpy.where(valid, g, g.dtype.type(0))
    return out


def cut(y, shape):
    """The leading corner of ``y``, of that shape; numbers and 0-d arrays stay."""
    if y.__class__ is not ndarray or y.ndim == 0 or y.shape == shape:
        return y
    return y[tuple(slice(0, n) for n in shape)]


def scatter(x, index, y, dim, out=None):
    out = x.copy() if out is None else out
    if x.ndim == 0:
        out[...] = y.reshape(()) if index.size else out
    else:
        out[along(index, dim, out.shape[dim])] = cut(y, index.shape)
    return out


def scatter_add(x, index, y, dim, out=None):
    out = x.copy() if out is None else out
    if index.size:
        ufunc = numpy.logical_or if x.dtype == bool else numpy.add
        if x.ndim == 0:
            ufunc.at(out, (), y.any() if x.dtype == bool else y.sum())
        else:
            join_at(ufunc, out, index, y, dim)
    return out


def join_at(ufunc, out, index, y, dim):
    """Let each number of y join the one at its place. Memory in order is one row to NumPy, which it goes through much faster."""
    key, y = along(index, dim, out.shape[dim]), cut(y, index.shape)
    if not out.flags.c_contiguous or out.ndim == 1:
        return ufunc.at(out, key, y)
    if index.max(initial=0) >= out.shape[dim]:
        raise IndexError(f"index {index.max()} is out of bounds for axis {dim} with size {out.shape[dim]}")
    flat = sum([place * (stride // out.itemsize) for place, stride in zip(key, out.strides, strict=True)])
    y = numpy.broadcast_to(y, index.shape) if y.__class__ is ndarray else y
    return ufunc.at(out.reshape(-1), flat.reshape(-1), y.reshape(-1) if y.__class__ is ndarray else y)


REDUCING = {"prod": numpy.multiply, "amax": numpy.maximum, "amin": numpy.minimum}


def scatter_reduce(x, index, y, dim, reduce, out=None):
    out = x.copy() if out is None else out
    if x.ndim == 0:
        out, index, y = out.reshape(1), index.reshape(-1), y.reshape(-1)
    join_at(REDUCING[reduce], out, index, y, dim)
    return out.reshape(x.shape)


def nonzero_rows(x):
    return argwhere(x)


def searchsorted_rows(x, values, right):
    """Where ``values`` would be inserted into the sorted last dim of ``x``; row by row if x has several."""
    side = "right" if right else "left"
    if x.ndim == 1:
        return asarray(numpy.searchsorted(x, values, side)).astype(numpy.int64)
    if not values.size:
        return numpy.empty(values.shape, numpy.int64)
    flat = x.reshape(-1, x.shape[-1]), values.reshape(-1, values.shape[-1])
    found = [numpy.searchsorted(row, wanted, side) for row, wanted in zip(*flat, strict=True)]
    return numpy.array(found, numpy.int64).reshape(values.shape)


def bincount_ints(x, size):
    return numpy.bincount(x, minlength=size).astype(numpy.int64)
