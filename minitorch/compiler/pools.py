"""Pooling as loops: one place of the window after the other, for all positions at once, each a strided view of the input.

    max over 2 x 2          %1 … %4 = slices of %0;  best = %1;  place = 0;  for each other: where(%k > best) …
    max over 40 x 40        40 x 40 as dims of their own:  best = amax;  place = amin of where(%0 == best, its number)
    its mean                2 x 2 side by side: a sum over two of (…, 4, 2, 3, 2)
    its mean's gradient     the same, expanded; where windows overlap, fold: zeros, and at each of the four slices the gradient is added

torch: ATen/native/cpu/MaxPoolKernel.cpp, AvgPoolKernel.cpp
"""

import itertools
import math

from .. import primitives as rows
from ..dtypes import int64
from ..tables import windows
from .gather_scatter import Row

__all__ = ["FOLD", "MOST", "POOLS", "describable", "framed", "largest_by_reduction", "paired", "seen", "taps", "tiled"]

MOST = 64
"""Places in a window at most: each is an expression of its own."""


def fold(xp, *rest):
    """Zeros of a shape, to which each piece is added at its key."""
    *pieces, shape, keys = rest
    out = xp.zeros(shape, pieces[0].dtype)
    for x, key in zip(pieces, keys, strict=True):
        place = rows.slice.forward(xp, out, key)
        xp.add(place, x, place)
    return out


FOLD = Row("fold", fold)


def frame_of(sizes, geometry):
    """(before, after) of the padding, per dim: as much after as the last position reaches."""
    kernel, stride, padding, dilation, positions = geometry
    return [
        (before, max(0, (count - 1) * s + d * (k - 1) + 1 - before - n))
        for n, k, s, before, d, count in zip(sizes, kernel, stride, padding, dilation, positions)
    ]


def taps(geometry):
    """(place in the window, key of what it sees of a framed map) of each."""
    kernel, stride, _, dilation, positions = geometry
    for place in itertools.product(*map(range, kernel)):
        start = [i * d for i, d in zip(place, dilation)]
        yield place, tuple([(i, i + s * (n - 1) + 1, s) for i, s, n in zip(start, stride, positions)])


def framed(w, x, geometry, filling):
    """x with its padding."""
    lead = x.ndim - len(geometry[0])
    widths = [(0, 0)] * lead + frame_of(x.shape[lead:], geometry)
    if not any([before or after for before, after in widths]):
        return x
    shape = [before + n + after for n, (before, after) in zip(x.shape, widths)]
    return w.step(rows.pad, (x,), (tuple(widths), filling), shape, x.dtype)


def seen(w, x, key, positions):
    """What one place of the windows sees."""
    lead = x.ndim - len(positions)
    whole = tuple([(0, n, 1) for n in x.shape[:lead]])
    return w.step(rows.slice, (x,), ((*whole, *key),), (*x.shape[:lead], *positions), x.dtype)


def describable(x, geometry):
    """Whether a window's places can be written out, one by one or, of many, as a dim of their own."""
    kernel, _, padding, dilation, _ = geometry
    few = math.prod(kernel) <= MOST and not (any(padding) and any([d > 1 for d in dilation]))
    return x.dtype.name in ("float32", "float64") and (few or tiled(x.shape[x.ndim - len(kernel) :], geometry))


def largest_by_reduction(w, x, geometry):
    """(x with its windows as dims of their own, those dims, the largest of each window)."""
    lead = x.shape[: x.ndim - len(geometry[0])]
    pairs = w.reshape(x, paired(lead, geometry))
    dims = tuple(range(len(lead) + 1, pairs.ndim, 2))
    return pairs, dims, w.reduce(rows.amax, pairs, dims)


def index_by_reduction(w, x, geometry):
    """``max_pool_index`` of windows side by side: the first place that has the largest, or the last NaN."""
    pairs, dims, best = largest_by_reduction(w, x, geometry)
    lead, size = x.shape[: x.ndim - len(geometry[0])], math.prod(x.shape[x.ndim - len(geometry[0]) :])
    places = w.expand(w.reshape(w.count(size), paired((1,) * len(lead), geometry)), pairs.shape)
    first = w.where(places, w.compare(rows.eq, pairs, w.expand(best, pairs.shape)), size - 1)
    last = w.where(places, w.compare(rows.isnan, pairs), 0)
    index = w.where(w.reduce(rows.amax, last, dims), w.compare(rows.isnan, best), w.reduce(rows.amin, first, dims))
    return w.reshape(index, (*lead, *geometry[-1]))


def max_pool_index(w, step):
    (x,), (geometry,) = step.inputs, step.params
    kernel, stride, padding, dilation, positions = geometry
    if not describable(x, geometry):
        return None
    sizes = x.shape[x.ndim - len(kernel) :]
    if math.prod(kernel) > MOST:
        return index_by_reduction(w, x, geometry)
    x = framed(w, x, geometry, -math.inf)
    corner = [along(w, k, s, p, len(positions), n) for k, (s, p, n) in enumerate(zip(stride, padding, positions))]
    first = flat(w, [w.maximum(c, 0) if p else c for c, p in zip(corner, padding)], sizes)
    best, place = None, None
    for at, key in taps(geometry):
        value = seen(w, x, key, positions)
        here = flat(w, [w.add(c, i * d) if i else c for c, i, d in zip(corner, at, dilation)], sizes)
        if best is None:
            best, place = value, w.expand(w.reshape(first, (*(1,) * (x.ndim - first.ndim), *first.shape)), value.shape)
            if not any(padding):
                continue
        better = w.or_(w.compare(rows.gt, value, best), w.compare(rows.isnan, value))
        best = w.where(value, better, best)
        place = w.where(here, better, place)
    return place


def along(w, k, stride, padding, ndim, count):
    """Where the windows begin along dim number ``k`` of a map, shaped to lie along that dim."""
    shape = [1] * ndim
    shape[k] = count
    return w.reshape(w.step(rows.arange, (), (-padding, stride, count, int64), (count,), int64), shape)


def flat(w, places, sizes):
    """Places along each dim as one place, counted through the map."""
    total = places[0]
    for place, n in zip(places[1:], sizes[1:]):
        total = w.add(w.mul(total, n), place)
    return total


def divisor(counts):
    """What a window's sum is divided by, if it is the same number for all."""
    if not isinstance(counts, tuple):
        return counts
    kinds = [set(of_dim) for of_dim in counts]
    return math.prod([kind.pop() for kind in kinds]) if all([len(kind) == 1 for kind in kinds]) else None


def tiled(sizes, geometry):
    """Whether the windows lie side by side and cover the map: every element is in one of them."""
    kernel, stride, padding, dilation, positions = geometry
    plain = tuple(stride) == tuple(kernel) and not any(padding) and all([d == 1 or k == 1 for d, k in zip(dilation, kernel)])
    return plain and all([p * k == n for p, k, n in zip(positions, kernel, sizes)])


def paired(lead, geometry, inside=True):
    """A map's shape, with each dim as two: which window, and where in it."""
    kernel, positions = geometry[0], geometry[-1]
    return (*lead, *[n for p, k in zip(positions, kernel) for n in (p, k if inside else 1)])


def avg_pool(w, step):
    (x,), (geometry, counts) = step.inputs, step.params
    by, ndim = divisor(counts), len(geometry[0])
    if by is not None and x.dtype.name in ("float32", "float64") and tiled(x.shape[x.ndim - ndim :], geometry):
        lead = x.shape[: x.ndim - ndim]
        pairs = w.reshape(x, paired(lead, geometry))
        total = w.reduce(rows.sum, pairs, tuple(range(len(lead) + 1, pairs.ndim, 2)))
        return w.div(w.reshape(total, step.out.shape), float(by))
    if by is None or math.prod(geometry[0]) > MOST or x.dtype.name not in ("float32", "float64"):
        return None
    x, total = framed(w, x, geometry, 0), None
    for _, key in taps(geometry):
        value = seen(w, x, key, geometry[-1])
        total = value if total is None else w.add(total, value)
    return w.div(total, float(by))


def avg_pool_grad(w, step):
    (g,), (shape, geometry, counts) = step.inputs, step.params
    by, lead = divisor(counts), len(shape) - len(geometry[0])
    if by is not None and g.dtype.name in ("float32", "float64") and tiled(shape[lead:], geometry):
        pairs = w.reshape(w.div(g, float(by)), paired(shape[:lead], geometry, inside=False))
        return w.reshape(w.expand(pairs, paired(shape[:lead], geometry)), shape)
    if by is None or math.prod(geometry[0]) > MOST or g.dtype.name not in ("float32", "float64"):
        return None
    widths = frame_of(shape[lead:], geometry)
    whole = [*shape[:lead], *[before + n + after for n, (before, after) in zip(shape[lead:], widths)]]
    share = w.div(g, float(by))
    keys = [(*[(0, n, 1) for n in shape[:lead]], *key) for _, key in taps(geometry)]
    out = w.step(FOLD, [share] * len(keys), (tuple(whole), tuple(keys)), whole, g.dtype)
    if whole == list(shape):
        return out
    inside = (*[(0, n, 1) for n in shape[:lead]], *[(before, before + n, 1) for n, (before, _) in zip(shape[lead:], widths)])
    return w.step(rows.slice, (out,), (inside,), shape, g.dtype)


def fold_windows(w, step):
    """The adjoint of unfold: each place of the windows is added where it was seen."""
    (x,), (shape, dim, size, stride) = step.inputs, step.params
    dim %= len(shape)
    if size > MOST or 0 in x.shape:
        return None
    count, pieces, keys = x.shape[dim], [], []
    for k in range(size):
        key = (*[(0, n, 1) for n in x.shape[:-1]], k)
        pieces.append(w.step(rows.slice, (x,), (key,), x.shape[:-1], x.dtype))
        keys.append(tuple([(k, k + stride * (count - 1) + 1, stride) if d == dim else (0, n, 1) for d, n in enumerate(shape)]))
    return w.step(FOLD, pieces, (tuple(shape), tuple(keys)), shape, x.dtype)


POOLS = {
    windows.max_pool_index: max_pool_index, windows.avg_pool: avg_pool, windows.avg_pool_grad: avg_pool_grad,
    rows.fold_windows: fold_windows,
}  # fmt: skip
"""Row → its decomposition, as in decompositions.py."""
