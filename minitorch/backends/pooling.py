"""The largest, and the mean, of each window: over the last dims of x, however many they are.

A window's places are gone through one after the other, for all positions at once: what one place sees of x is a strided
view of it. Some maps (the planes, or volumes, of an image's channels) at a time, so that all of it stays in the cache.

A geometry is (kernel, stride, padding, dilation, positions), with an entry for each dim; padding is what comes before. There
is as much after as the last position reaches.

torch: ATen/native/cpu/MaxPoolKernel.cpp and AvgPoolKernel.cpp
"""

import math
from functools import lru_cache, partial
from importlib import import_module

import numpy

from .threads import scratch, share

__all__ = [
    "avg_pool", "avg_pool_grad", "maps_of", "max_pool_index", "overlapping", "pool_gather", "pool_scatter",
]  # fmt: skip

MAP_BYTES = 1 << 21
"""About how much memory the maps of one piece may take."""

WORTH_SHARING = 1 << 20
"""Elements seen above which threads share them."""

WORTH_COMPILING = 1 << 18
"""Elements seen from which machine code finds the largest ones, in images."""

MANY, LONG, MOST = 32, 4, 1024
"""Places of a window above which it is a row of its own, if it shares none with others; in a row of a window from which it pays to add
along it; numbers in a row up to which they are added one after another."""


def in_machine_code():
    return import_module(".native_pooling", __package__)  # with all that it needs: most programs do without


def maps_of(x, dims):
    """x as (maps, *sizes): all dims but the last ``dims`` made one."""
    return x.reshape(math.prod(x.shape[: x.ndim - dims]), *x.shape[x.ndim - dims :])


def parts(x):
    """Slices of some maps at a time."""
    step = max(1, MAP_BYTES // max(x[:1].nbytes, 1))
    return [slice(start, min(start + step, len(x))) for start in range(0, len(x), step)]


def framed_sizes(sizes, geometry):
    """The sizes with the padding before, and what the last position reaches beyond."""
    kernel, stride, padding, dilation, positions = geometry
    return [
        max(n + before, (count - 1) * s + d * (k - 1) + 1)
        for n, k, s, before, d, count in zip(sizes, kernel, stride, padding, dilation, positions, strict=True)
    ]


def views(frame, geometry):
    """What each place of the window sees of a frame: for each position, one element."""
    return [frame[key] for key in view_keys(geometry)]


@lru_cache(1024)
def view_keys(geometry):
    kernel, stride, _, dilation, positions = geometry
    keys = []
    for place in numpy.ndindex(*kernel):
        corner = [i * d for i, d in zip(place, dilation, strict=True)]
        reach = [s * (count - 1) + 1 for s, count in zip(stride, positions, strict=True)]
        keys.append((..., *[slice(i, i + r, s) for i, r, s in zip(corner, reach, stride, strict=True)]))
    return keys


class Frames:
    """Some maps of x at a time, in a frame of ``filling`` if there is padding."""

    def __init__(self, x, geometry, filling):
        self.x, self.filling, padding = x, filling, geometry[2]
        self.sizes = framed_sizes(x.shape[1:], geometry)
        self.framed = self.sizes != list(x.shape[1:])
        self.inside = (..., *[slice(before, before + n) for before, n in zip(padding, x.shape[1:], strict=True)])

    def of(self, maps):
        x = self.x[maps]
        if not self.framed:
            return x
        frame = scratch("frame", (len(x), *self.sizes), x.dtype)
        frame.fill(self.filling)
        frame[self.inside] = x
        return frame


def lowest(dtype):
    return -math.inf if dtype.kind == "f" else numpy.iinfo(dtype).min


# ------------------------------------------------------------------------------------------------------------- largest


def max_pool_index(x, geometry):
    """Where in its map, counted flat, the largest element of each window is: the first of several, the last NaN."""
    maps = maps_of(x, len(geometry[0]))
    positions = geometry[-1]
    if len(positions) <= 2 and len(maps) * math.prod((*positions, *geometry[0])) >= WORTH_COMPILING:
        done = in_machine_code().largest_index(*((maps, geometry) if len(positions) == 2 else as_images(maps, geometry)))
        if done is not None:
            return done.reshape(*x.shape[: x.ndim - len(positions)], *positions)
    out = numpy.empty((len(maps), *positions), numpy.int64)
    if math.prod(geometry[0]) > MANY and is_tiled(maps.shape[1:], geometry):
        share(parts(maps), lambda: partial(largest_of_tiles, maps, geometry, out), maps.size >= WORTH_SHARING)
        return out.reshape(*x.shape[: x.ndim - len(positions)], *positions)
    frames = Frames(maps, geometry, lowest(x.dtype))
    origin, offsets, first = origins(maps.shape[1:], geometry)

    def find(some):
        index = out[some]
        places = largest_places(frames.of(some), index.shape, first, geometry, frames.framed)
        offsets.take(places, out=index, mode="clip")  # the mode that needs no check
        index += origin

    share(parts(maps), lambda: find, out.size * math.prod(geometry[0]) >= WORTH_SHARING)
    return out.reshape(*x.shape[: x.ndim - len(positions)], *positions)


def is_tiled(sizes, geometry):
    """Whether the windows lie side by side and cover the map."""
    kernel, stride, padding, dilation, positions = geometry
    alone = stride == kernel and set(dilation) == {1} and not any(padding)
    return alone and all([p * k == n for p, k, n in zip(positions, kernel, sizes, strict=True)])


def largest_of_tiles(maps, geometry, out, some):
    """``max_pool_index`` of some maps, whose windows become rows."""
    kernel, positions = geometry[0], geometry[-1]
    tiles, places = [
        x.reshape(-1, *[n for pair in zip(positions, kernel, strict=True) for n in pair])
        .transpose(0, *range(1, 2 * len(kernel), 2), *range(2, 2 * len(kernel) + 1, 2))
        .reshape(len(x), *positions, -1)
        for x in (maps[some], numpy.arange(math.prod(maps.shape[1:])).reshape(1, *maps.shape[1:]))
    ]
    best = tiles.argmax(-1)[..., None]
    if maps.dtype.kind == "f" and numpy.isnan(numpy.take_along_axis(tiles, best, -1)).any():
        odd = numpy.isnan(tiles)  # of NaNs the last counts, not the first
        last = tiles.shape[-1] - 1 - odd[..., ::-1].argmax(-1)[..., None]
        best = numpy.where(odd.any(-1, keepdims=True), last, best)
    out[some] = numpy.take_along_axis(places, best, -1)[..., 0]


def as_images(maps, geometry):
    """Signals as images of one row, and the geometry that does the same to them."""
    kernel, stride, padding, dilation, positions = geometry
    return maps[:, None], ((1, *kernel), (1, *stride), (0, *padding), (1, *dilation), (1, *positions))


def largest_places(frame, shape, first, geometry, framed):
    """The number of the place, in each window, where the largest element is.

    Bytes are cheap: where an element is better than all before it, its place's number is larger than theirs too.
    """
    best, better = scratch("best", shape, frame.dtype), scratch("better", shape, bool)
    places, number = scratch("places", shape, first.dtype), scratch("number", shape, first.dtype)
    places[...] = first
    best.fill(lowest(frame.dtype))
    for i, seen in enumerate(views(frame, geometry)):
        if i == 0 and not framed:
            best[...] = seen
            continue
        numpy.greater(seen, best, better)
        numpy.multiply(better, first.dtype.type(i), number)
        numpy.maximum(places, number, out=places)
        numpy.maximum(best, seen, out=best)  # NaN, once there, stays

    if frame.dtype.kind == "f" and numpy.isnan(best).any():
        for i, seen in enumerate(views(frame, geometry)):
            numpy.isnan(seen, better)
            numpy.copyto(places, first.dtype.type(i), where=better)
    return places


@lru_cache(256)
def origins(sizes, geometry):
    """Flat indices: each window's origin, which may lie outside; how far from it each place is. And the number of the
    first place that lies inside, for each position."""
    kernel, stride, padding, dilation, positions = geometry
    dims = range(len(sizes))
    steps = [math.prod(sizes[i + 1 :]) for i in dims]
    starts = [numpy.arange(positions[i]) * stride[i] - padding[i] for i in dims]
    skipped = [-(numpy.minimum(start, 0) // dilation[i]) for i, start in enumerate(starts)]
    places = [numpy.arange(kernel[i]) * dilation[i] for i in dims]

    numbers = numpy.uint8 if math.prod(kernel) <= 256 else numpy.int32
    rows = [math.prod(kernel[i + 1 :]) for i in dims]
    return flat(starts, steps), flat(places, steps).reshape(-1), flat(skipped, rows).astype(numbers)


def flat(coordinates, steps):
    """Σ coordinate · step, for each combination of the dims' coordinates."""
    found = numpy.zeros((), numpy.int64)
    for of_dim, step in zip(coordinates, steps, strict=True):
        found = numpy.add.outer(found, of_dim * step)
    return found


def absolute(index, sizes):
    """Flat indices within each map, as flat indices of all maps."""
    maps = maps_of(index, len(sizes))
    return maps.reshape(len(maps), -1) + (numpy.arange(len(maps)) * math.prod(sizes))[:, None]


def pool_gather(x, index, dims):
    """The elements of the maps of x, its last ``dims`` dims, at flat indices."""
    if not index.size:
        return numpy.empty(index.shape, x.dtype)
    if index.size >= WORTH_COMPILING // 4:
        maps = maps_of(index, dims)
        done = in_machine_code().picked(x.reshape(len(maps), -1), maps.reshape(len(maps), -1))
        if done is not None:
            return done.reshape(index.shape)
    return x.reshape(-1).take(absolute(index, x.shape[x.ndim - dims :])).reshape(index.shape)


def overlapping(windows):
    """Whether two of the windows may have taken one place.   windows: a geometry, or what is known without one."""
    if windows.__class__ is not tuple:
        return windows
    kernel, stride, _, dilation, _ = windows
    return any([s < d * (k - 1) + 1 for k, s, d in zip(kernel, stride, dilation, strict=True)])


def pool_scatter(g, index, shape, dims, windows):
    """Its adjoint: maps of zeros, with each g added where it was taken.   windows: see ``tables.windows.pool_gather``."""
    size, overlap = math.prod(shape), overlapping(windows)
    if size >= WORTH_COMPILING and index.size and not overlap:
        maps = maps_of(index, dims)
        done = in_machine_code().placed(g.reshape(len(maps), -1), maps.reshape(len(maps), -1), size // len(maps))
        if done is not None:
            return done.reshape(shape)
    out = numpy.zeros(size, g.dtype)
    if index.size:
        places = absolute(index, shape[len(shape) - dims :]).reshape(-1)
        if overlap:
            out[...] = numpy.bincount(places, g.reshape(-1).astype(numpy.float64, copy=False), size)
        else:
            out[places] = g.reshape(-1)
    return out.reshape(shape)


# ---------------------------------------------------------------------------------------------------------------- mean


def divisor(counts, dtype):
    """What the sums are divided by: a number, or the products of the counts in each dim."""
    if not isinstance(counts, tuple):
        return counts
    found = numpy.ones((), dtype)
    for of_dim in counts:
        found = numpy.multiply.outer(found, numpy.array(of_dim, dtype))
    return found


def pays_by_tiles(sizes, geometry):
    """Whether nothing has to be gone through place by place: windows lie side by side, and are long or whole maps."""
    return is_tiled(sizes, geometry) and (geometry[0][-1] >= LONG or set(geometry[-1]) == {1})


def sums_of_tiles(maps, geometry):
    """The sums of windows that lie side by side, one dim after the other: along the last, products with ones."""
    kernel, positions = geometry[0], geometry[-1]
    if set(positions) == {1}:
        return row_sums(maps.reshape(len(maps), -1)).reshape(len(maps), *positions)
    total = row_sums(maps.reshape(-1, kernel[-1])).reshape(*maps.shape[:-1], positions[-1])
    for dim in range(len(kernel) - 1, 0, -1):
        apart = (*total.shape[:dim], positions[dim - 1], kernel[dim - 1], *total.shape[dim + 1 :])
        total = numpy.add.reduce(total.reshape(apart), dim + 1)
    return total


def row_sums(rows):
    """The sum of each row; of a short one as a product, which takes less."""
    if rows.shape[1] > MOST or rows.dtype.char not in "fd":
        return numpy.add.reduce(rows, 1)
    return rows.dot(numpy.ones(rows.shape[1], rows.dtype))


def avg_pool(x, geometry, counts):
    """The sum of each window, divided by ``counts``: a number, or a tuple of one for each position of each dim."""
    maps, positions = maps_of(x, len(geometry[0])), geometry[-1]
    out = numpy.empty((len(maps), *positions), x.dtype)
    frames, by = Frames(maps, geometry, 0), divisor(counts, x.dtype)
    tiles = pays_by_tiles(maps.shape[1:], geometry)

    def average(some):
        total = out[some]
        if tiles:
            total[...] = sums_of_tiles(maps[some], geometry)
        else:
            total.fill(0)
            for seen in views(frames.of(some), geometry):
                total += seen
        if total.dtype.kind == "f":
            numpy.true_divide(total, by, total)
        else:  # integers are rounded towards zero
            total -= numpy.fmod(total, by)
            total //= by

    share(parts(maps), lambda: average, out.size * math.prod(geometry[0]) >= WORTH_SHARING)
    return out.reshape(*x.shape[: x.ndim - len(positions)], *positions)


def avg_pool_grad(g, shape, geometry, counts):
    """Its adjoint, of that shape: what each window gives to its elements."""
    dims = len(geometry[0])
    maps, sizes = maps_of(g, dims), shape[len(shape) - dims :]
    out = numpy.empty((len(maps), *sizes), g.dtype)
    frames, by, tiles = Frames(out, geometry, 0), divisor(counts, g.dtype), pays_by_tiles(sizes, geometry)
    apart = [n for pair in zip(geometry[-1], geometry[0], strict=True) for n in pair]

    def spread(some):
        share_of_each = maps[some] / by
        if tiles:
            each = numpy.expand_dims(share_of_each, tuple(range(2, 2 * dims + 1, 2)))
            out[some].reshape(-1, *apart)[...] = each
            return
        frame = scratch("frame", (len(share_of_each), *frames.sizes), g.dtype) if frames.framed else out[some]
        frame.fill(0)
        for seen in views(frame, geometry):
            seen += share_of_each
        if frames.framed:
            out[some] = frame[frames.inside]

    share(parts(out), lambda: spread, g.size * math.prod(geometry[0]) >= WORTH_SHARING)
    return out.reshape(shape)
