"""Resampling: each element of a dim as a weighted sum of some elements of another size of that dim.

Weights and places depend on sizes only, and are kept. What one tap, the k-th summand of all elements, takes from x is
a strided view where its places are evenly spaced, else a ``take``. A product of neighbouring elements with a matrix of their
weights takes less; its zeros would spread what is infinite or NaN, so such numbers go the other way.

torch: ATen/native/cpu/UpSampleKernel.cpp
"""

import math
from functools import lru_cache

import numpy

from .threads import share

__all__ = ["repeats", "resample", "taps"]

PIECE_BYTES = 1 << 19
"""About how much memory the maps of one piece may take before and after: what a core keeps close."""
WORTH_SHARING = 1 << 16
"""Elements made above which threads share them."""
FEW = 64
"""Results of a dim that are one product, and half as many as the elements that these may be made of."""


def resample(x, plans, back):
    dims = len(plans)
    sizes = tuple([plan[1] if back else plan[2] for plan in plans])
    lead = x.shape[: x.ndim - dims]
    out = numpy.empty((math.prod(lead), *sizes), x.dtype)
    if not out.size:
        return out.reshape(*lead, *sizes)
    maps = x.reshape(len(out), *x.shape[x.ndim - dims :])
    if not maps.size:
        out.fill(0)
        return out.reshape(*lead, *sizes)
    steps = [(i + 1, taps(plan, back, x.dtype)) for i, plan in enumerate(plans)]
    steps.sort(key=lambda step: order_of(step[0], sizes[step[0] - 1] / maps.shape[step[0]]))

    products = {i + 1: blocks(plan, back, x.dtype) for i, plan in enumerate(plans)}

    def mix(some):
        y = maps[some]
        ways = products if is_finite(y) else {}
        for number, (dim, mixture) in enumerate(steps, 1):
            target = out[some] if number == len(steps) else None
            by = ways.get(dim)
            y = mixed(y, dim, mixture, target) if by is None else multiplied(y, dim, by, target)

    count = max(1, PIECE_BYTES // max(maps[:1].nbytes + out[:1].nbytes, 1))
    pieces = [slice(start, start + count) for start in range(0, len(out), count)]
    share(pieces, lambda: mix, out.size >= WORTH_SHARING)
    return out.reshape(*lead, *sizes)


def order_of(dim, growth):
    """When a dim's turn is: first those that shrink, and rows before what is in them; of those that grow the last dim first."""
    return growth, -dim if growth > 1 else dim


def is_finite(y):
    """Whether no number is infinite or NaN, or so large that its square is."""
    with numpy.errstate(over="ignore", invalid="ignore"):
        return y.dtype.char in "fd" and numpy.isfinite(numpy.vdot(y, y))


def multiplied(y, dim, blocks, out):
    """``y`` mixed along ``dim`` by products, in ``out`` if it is given."""
    after = blocks[-1][1].stop
    out = numpy.empty((*y.shape[:dim], after, *y.shape[dim + 1 :]), y.dtype) if out is None else out
    if dim == y.ndim - 1:
        for sources, targets, weights in blocks:
            numpy.matmul(y[..., sources], weights, out=out[..., targets])
        return out
    rows, lead = math.prod(y.shape[dim + 1 :]), math.prod(y.shape[:dim])
    y, flat = y.reshape(lead, -1, rows), out.reshape(lead, -1, rows)
    for sources, targets, weights in blocks:
        numpy.matmul(weights.T, y[:, sources], out=flat[:, targets])
    return out


def mixed(y, dim, mixture, out=None):
    """``y`` mixed along ``dim``, in ``out`` if it is given."""
    times, parts = mixture
    if times > 1:  # each element so many times
        shape = (*y.shape[: dim + 1], times, *y.shape[dim + 1 :])
        out = numpy.empty((*shape[:dim], shape[dim] * times, *shape[dim + 2 :]), y.dtype) if out is None else out
        if dim == y.ndim - 1:
            for k in range(times):
                out[..., k::times] = y
        else:
            out.reshape(shape)[...] = numpy.expand_dims(y, dim + 1)
        return out
    before = (slice(None),) * dim
    for k, (place, weight) in enumerate(parts):
        seen = y[(*before, place)] if place.__class__ is slice else y.take(place, dim)
        if weight is None and k == 0:
            if out is None:
                out = seen if len(parts) == 1 or seen.base is None else seen.copy()
            else:
                out[...] = seen
            continue
        if weight is not None:
            weight = weight.reshape(-1, *[1] * (y.ndim - dim - 1))
        if k == 0:
            out = numpy.multiply(seen, weight, out)
            continue
        if weight is not None:
            seen = numpy.multiply(seen, weight, None if place.__class__ is slice else seen)
        numpy.add(out, seen, out)
    return out


def repeats(plan):
    """How often each element comes in a plan that takes all equally often, side by side; None of another.

    >>> repeats(("nearest", 4, 8, None, False)), repeats(("nearest", 4, 6, None, False))
    (2, None)
    """
    kind, before, after, scale, _ = plan
    as_asked = scale is None or scale * before == after
    return after // before if kind.startswith("nearest") and before and not after % before and as_asked else None


@lru_cache(1024)
def taps(plan, back, dtype):
    """(times, [(places, weights), …]): how often each element comes, or one pair for each tap. None weighs 1 everywhere."""
    kind, before, after, scale, align = plan
    real = numpy.float64 if dtype == numpy.float64 and not kind.startswith("nearest") else numpy.float32
    if kind == "smooth lanczos" and before == after:
        return 1, [(slice(0, before, 1), None)]
    if not back and (times := repeats(plan)) is not None:
        return times, [(slice(0, before, 1), None)]
    places, weights = MAPS[kind](before, after, scale, align, real)
    if back:
        places, weights = transposed(places, weights, before)
    found = []
    for place, weight in zip(places, weights, strict=True):
        weight = None if (weight == 1).all() else weight.astype(dtype)
        found.append((evenly(place), weight))
    return 1, found


@lru_cache(1024)
def blocks(plan, back, dtype):
    """[(sources, targets, weights), …]: some results at a time as a product of the elements that they are made of with a matrix.

    None where there are few taps to go through, or results are made of what lies far apart.
    """
    size, (times, parts) = plan[2 if back else 1], taps(plan, back, dtype)
    if times > 1 or all([place.__class__ is slice for place, _ in parts]) or dtype.char not in "fd":
        return None
    places = numpy.stack([numpy.arange(size)[place] for place, _ in parts])
    weights = numpy.stack([numpy.ones(places.shape[1]) if weight is None else weight for _, weight in parts])
    found = []
    for start in range(0, places.shape[1], FEW):
        some = slice(start, min(start + FEW, places.shape[1]))
        low, end = int(places[:, some].min()), int(places[:, some].max()) + 1
        if end - low > 2 * FEW:
            return None
        block = numpy.zeros((end - low, some.stop - start), dtype)
        numpy.add.at(block, (places[:, some] - low, numpy.arange(some.stop - start)), weights[:, some])
        found.append((slice(low, end), some, block))
    return found


def evenly(place):
    """``place``, an array of indices, as a slice if they are evenly spaced."""
    step = int(place[1] - place[0]) if len(place) > 1 else 1
    if step > 0 and (numpy.diff(place) == step).all():
        return slice(int(place[0]), int(place[-1]) + 1, step)
    return place


def transposed(places, weights, size):
    """The taps of the way back, for ``size`` elements: those that each went into, with the same weights."""
    columns = numpy.broadcast_to(numpy.arange(places.shape[1]), places.shape)
    used = weights != 0
    to, came, weight = places[used], columns[used], weights[used]
    order = numpy.lexsort((came, to))
    to, came, weight = to[order], came[order], weight[order]
    number = numpy.arange(len(to)) - numpy.searchsorted(to, to)
    back = numpy.full((max(int(number.max(initial=0)) + 1, 1), size), -1)
    back_weights = numpy.zeros(back.shape, weights.dtype)
    back[number, to], back_weights[number, to] = came, weight
    return numpy.where(back < 0, numpy.maximum(back[0], 0), back), back_weights


# ------------------------------------------------------------------------- places and weights, each (taps, size after)


def step_between(before, after, scale, align, real):
    """How far apart, in the elements before, two neighbours after are."""
    if align:
        return real(before - 1) / real(after - 1) if after > 1 else real(0)
    return real(1 / scale) if scale is not None and scale > 0 else real(before) / real(after)


def nearest(before, after, scale, align, real):
    at = numpy.arange(after).astype(real) * step_between(before, after, scale, False, real)
    return one_place(numpy.floor(at), before, real)


def nearest_exact(before, after, scale, align, real):
    at = (numpy.arange(after).astype(real) + real(0.5)) * step_between(before, after, scale, False, real)
    return one_place(numpy.floor(at), before, real)


def one_place(at, before, real):
    places = numpy.minimum(at.astype(numpy.int64), before - 1)[None]
    return places, numpy.ones(places.shape, real)


def position(before, after, scale, align, real):
    """Where each element after lies among those before, as a real number."""
    step, i = step_between(before, after, scale, align, real), numpy.arange(after).astype(real)
    return i * step if align else (i + real(0.5)) * step - real(0.5)


def linear(before, after, scale, align, real):
    if before == after:
        return one_place(numpy.arange(after), before, real)
    at = numpy.maximum(position(before, after, scale, align, real), 0)
    low = numpy.minimum(at.astype(numpy.int64), before - 1)
    part = numpy.clip(at - low.astype(real), 0, 1)
    return numpy.stack([low, numpy.minimum(low + 1, before - 1)]), numpy.stack([1 - part, part])


def area(before, after, scale, align, real):
    """The means of windows of whole elements, which may differ in size by some: a short one has its last element in parts."""
    i = numpy.arange(after)
    start, stop = i * before // after, -(-(i + 1) * before // after)
    number = numpy.arange((stop - start).max(initial=1))[:, None]
    places, parts = numpy.minimum(start + number, stop - 1), len(number) - (stop - start - 1)
    weights = 1 / ((stop - start) * numpy.where(places == stop - 1, parts, 1))
    return places, weights.astype(real)


def cubic(before, after, scale, align, real):
    if before == after:
        return one_place(numpy.arange(after), before, real)
    at = position(before, after, scale, align, real)
    low = numpy.minimum(numpy.floor(at).astype(numpy.int64), before - 1)
    part = numpy.clip(at - low.astype(real), 0, 1)
    places = numpy.clip(low + numpy.arange(-1, 3)[:, None], 0, before - 1)
    return places, cubic_filter(part + numpy.array([1, 0, -1, -2], real)[:, None], real(-0.75))


def cubic_filter(x, a):
    """Keys' piecewise cubic (1981): 1 at 0, 0 at the other whole numbers and beyond 2; ``a`` is its slope at 1."""
    x = numpy.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return numpy.where(x <= 1, near, numpy.where(x < 2, far, 0)).astype(x.dtype)


def smoothed(kernel, reach):
    """Places and weights of a filter that is as wide as the step, if that is larger than 1, so that nothing is skipped."""

    def places_and_weights(before, after, scale, align, real):
        step = step_between(before, after, scale, align, real)
        wide = max(step, real(1))
        support = real(reach) * wide
        center = (numpy.arange(after).astype(real) + real(0.5)) * step
        start = numpy.maximum((center - support + real(0.5)).astype(numpy.int64), 0)
        stop = numpy.minimum((center + support + real(0.5)).astype(numpy.int64), before)
        count = max(int((stop - start).max(initial=1)), 1)
        places = start + numpy.arange(count)[:, None]
        weights = kernel((places.astype(real) - center + real(0.5)) / wide)
        weights = numpy.where(places < stop, weights, 0).astype(real)
        total = weights.sum(0)
        return numpy.minimum(places, before - 1), weights / numpy.where(total == 0, 1, total)

    return places_and_weights


def lanczos(x):
    return numpy.where(numpy.abs(x) < 3, numpy.sinc(x) * numpy.sinc(x / 3), 0)


MAPS = {
    "nearest": nearest,
    "nearest-exact": nearest_exact,
    "linear": linear,
    "area": area,
    "cubic": cubic,
    "smooth linear": smoothed(lambda x: numpy.maximum(1 - numpy.abs(x), 0), 1),
    "smooth cubic": smoothed(lambda x: cubic_filter(x, -0.5), 2),
    "smooth lanczos": smoothed(lanczos, 3),
}
"""How each kind of plan mixes."""
