"""Reading and writing at places that are themselves values: two rows to which all of the table's come down.

    take(x, i; along)            out[a, b] = x[i[a, b], b]       along = (-1, 1): dim 0 of x by index number 0, dim 1 by out's dim 1
    put(x, y, i; along, adds)    x, with y[a, b] added to, or put in place of, x[i[a, b], b]

Every index has the shape of the result (of y), expanded to it. ``index``, ``gather`` and the pools' rows are spelled out as
these here.
"""

import math

from .. import primitives as rows
from ..backends import pooling
from ..dtypes import int64
from ..tables import windows
from .graph import Value

__all__ = ["PLACES", "PUT", "Row", "TAKE", "along_dim"]


class Row:
    """A row that only the compiler has. It isn't in the table, for it needs no derivative."""

    view, vjps, ready = False, (), None

    def __init__(self, name, forward, kind="indexing"):
        self.name, self.kind, self.forward = name, kind, forward


def grid(xp, shape, indices, along):
    """An index for each dim of x, as the array library wants them."""
    found = []
    for d in along:
        if d < 0:
            found.append(indices[-1 - d])
        else:
            found.append(xp.arange(0, 1, shape[d], int64).reshape([-1 if k == d else 1 for k in range(len(shape))]))
    return found


def take(xp, x, *rest):
    *indices, along = rest
    return xp.index(x, grid(xp, indices[0].shape, indices, along), tuple(range(x.ndim)))


def put(xp, x, y, *rest):
    *indices, along, adds = rest
    return xp.index_put(x, y, grid(xp, y.shape, indices, along), tuple(range(x.ndim)), adds)


TAKE, PUT = Row("take", take), Row("put", put)


# ------------------------------------------------------------------------------------------------------ decompositions


def inside(w, index, size, dim, first):
    """An index with its negative places, from ``first`` on, counted from the end. One that lies outside is an error."""
    index = w.cast(index, int64)
    outside = w.or_(w.compare(rows.lt, index, first), w.compare(rows.ge, index, size))
    w.refuse(outside, IndexError, f"index out of range in self\ndimension {dim} has {size} places: {first} to {size - 1}")
    return w.where(w.add(index, size), w.compare(rows.lt, index, 0), index) if first else index


def spread(w, indices, dims, x, shape):
    """(indices expanded to the shape of the result, along) of an ``index`` by the dims."""
    places = broadcast_all([i.shape for i in indices])
    first = dims[0] if list(dims) == list(range(dims[0], dims[0] + len(dims))) else 0
    behind = len(shape) - first - len(places)
    wide = []
    for d, i in zip(dims, indices):
        i = inside(w, i, x.shape[d], d, -x.shape[d])
        wide.append(w.expand(w.reshape(i, [*(1,) * (len(places) - i.ndim), *i.shape, *(1,) * behind]), shape))
    others = iter([k for k in range(len(shape)) if not first <= k < first + len(places)])
    return wide, tuple([-1 - dims.index(d) if d in dims else next(others) for d in range(x.ndim)])


def broadcast_all(shapes):
    n = max([len(s) for s in shapes])
    padded = [(1,) * (n - len(s)) + tuple(s) for s in shapes]
    return tuple([max(sizes) if 0 not in sizes else 0 for sizes in zip(*padded)])


def index(w, step):
    (x, *indices), (dims,) = step.inputs, step.params
    if not indices or 0 in step.out.shape:
        return None
    wide, along = spread(w, indices, tuple(dims), x, step.out.shape)
    return w.step(TAKE, (x, *wide), (along,), step.out.shape, step.out.dtype)


def index_put(w, step):
    (x, y, *indices), (dims, adds) = step.inputs, step.params
    places = broadcast_all([i.shape for i in indices])
    rest = [n for d, n in enumerate(x.shape) if d not in dims]
    first = dims[0] if list(dims) == list(range(dims[0], dims[0] + len(dims))) else 0
    shape = (*rest[:first], *places, *rest[first:])
    if 0 in shape or x.dtype is not y.dtype or x.dtype.name == "bool":
        return None
    wide, along = spread(w, indices, tuple(dims), x, shape)
    return w.step(PUT, (x, w.expand(y, shape), *wide), (along, adds), x.shape, x.dtype)


def along_dim(dim, ndim):
    return tuple([-1 if d == dim else d for d in range(ndim)])


def gather(w, step):
    (x, places), (dim,) = step.inputs, step.params
    if not x.ndim or not places.ndim or 0 in places.shape:
        return None
    dim %= x.ndim
    return w.step(TAKE, (x, inside(w, places, x.shape[dim], dim, 0)), (along_dim(dim, x.ndim),), step.out.shape, step.out.dtype)


def scattered(adds):
    """scatter or scatter_add, where the source has the index's shape or is one number."""

    def decomposition(w, step):
        (x, places, y), (dim,) = step.inputs, step.params
        if y.__class__ is Value and not y.ndim:
            y = w.expand(y, places.shape)
        fits = y.__class__ is Value and x.ndim and y.shape == places.shape and y.size and y.dtype is x.dtype
        if not fits or x.dtype.name == "bool":
            return None
        dim %= x.ndim
        places = inside(w, places, x.shape[dim], dim, 0)
        return w.step(PUT, (x, y, places), (along_dim(dim, x.ndim), adds), x.shape, x.dtype)

    return decomposition


def flat(shape, dims):
    """The shape of maps whose last ``dims`` dims are one."""
    return (*shape[: len(shape) - dims], math.prod(shape[len(shape) - dims :]))


def pool_gather(w, step):
    (x, places), (dims, _) = step.inputs, step.params
    lead = x.ndim - dims
    return w.step(TAKE, (w.reshape(x, flat(x.shape, dims)), places), ((*range(lead), -1),), step.out.shape, step.out.dtype)


def pool_scatter(w, step):
    (g, places), (shape, dims, seen) = step.inputs, step.params
    whole = flat(shape, dims)
    zeros = w.step(rows.full, (), (whole, 0, g.dtype), whole, g.dtype)
    along = (*range(len(whole) - 1), -1)
    return w.reshape(w.step(PUT, (zeros, g, places), (along, bool(pooling.overlapping(seen))), whole, g.dtype), shape)


PLACES = {
    rows.index: index, rows.index_put: index_put, rows.gather: gather, rows.scatter_add: scattered(True),
    rows.scatter: scattered(False), windows.pool_gather: pool_gather, windows.pool_scatter: pool_scatter,
}  # fmt: skip
"""Row → its decomposition, as in decompositions.py."""
