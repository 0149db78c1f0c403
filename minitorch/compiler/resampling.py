"""Resampling to another size, as loops that fuse with others.

    %1 = resample %0 {nearest, 3 to 6}   →     %2 = expand (each element twice, along a dim of its own);  %1 = reshape %2
    %1 = resample %0 {linear, 3 to 6}    →     %2, %3 = the neighbours of each new place, as indices;  %4 = how far it is from the first
                                               %1 = (1 - %4) · take %0 %2 + %4 · take %0 %3
    %1 = resample %0 {area, 7 to 3}      →     %2, %3 = where the window of each new place begins, and how long it is
                                               %1 = (take %0 %2 + take %0 (%2 + 1) + where(take %0 (%2 + 2), %3 > 2, 0)) / %3

One dim after the other. What the places are depends on sizes only, but is computed anew: so many numbers are few.

torch: torch/_decomp/decompositions.py (upsample_nearest2d, upsample_bilinear2d)
"""

from .. import primitives as rows
from ..backends.resampling import repeats
from ..dtypes import float64, int64
from ..tables import resampling
from .gather_scatter import TAKE, along_dim
from .pools import MOST

__all__ = ["RESAMPLING"]


def resample(w, step):
    (x,), (plans, back) = step.inputs, step.params
    times = [repeats(plan) for plan in plans]
    if not x.size:
        return None
    if None not in times:
        return added_up(w, step, times) if back else repeated(w, step, times)
    kind, dims = plans[0][0], range(x.ndim - len(plans), x.ndim)
    if x.dtype.name not in ("float32", "float64") or (kind != "area" and (back or kind != "linear")):
        return None
    if kind == "area" and max([longest(*plan[1:3]) for plan in plans]) > MOST:
        return None
    for dim, plan in sorted(zip(dims, plans), key=lambda each: each[1][2] / each[1][1], reverse=back):  # what shrinks goes first
        x = between(w, x, dim, plan) if kind == "linear" else means(w, x, dim, plan[1], plan[2], back)
    return x


def pairs(x, sizes, times):
    """A shape with each of the last dims as two: which element, and which of so many times."""
    return [*x.shape[: x.ndim - len(sizes)], *[n for pair in zip(sizes, times) for n in pair]]


def repeated(w, step, times):
    """Each element so many times."""
    (x,), sizes = step.inputs, [plan[1] for plan in step.params[0]]
    single = w.reshape(x, pairs(x, sizes, [1] * len(sizes)))
    return w.reshape(w.expand(single, pairs(x, sizes, times)), step.out.shape)


def added_up(w, step, times):
    """The way back: what each element was taken for, added up."""
    (x,), sizes = step.inputs, [plan[1] for plan in step.params[0]]
    apart = w.reshape(x, pairs(x, sizes, times))
    again = range(x.ndim - len(sizes) + 1, apart.ndim, 2)
    return w.reshape(w.reduce(rows.sum, apart, again), step.out.shape)


def between(w, x, dim, plan):
    """x with a dim of another size: each element lies between two of those before (``backends.resampling.linear``)."""
    _, before, after, scale, align = plan
    if before == after:
        return x
    at, apart = w.cast(w.count(after), x.dtype), distance(before, after, scale, align)
    at = w.mul(at, apart) if align else w.sub(w.mul(w.add(at, 0.5), apart), 0.5)
    at = w.maximum(at, 0.0)
    low = w.minimum(w.cast(at, int64), before - 1)
    part = w.minimum(w.maximum(w.sub(at, w.cast(low, x.dtype)), 0.0), 1.0)
    part, high = lying(w, part, x, dim), w.minimum(w.add(low, 1), before - 1)
    return w.add(w.mul(taken(w, x, dim, low), w.sub(1.0, part)), w.mul(taken(w, x, dim, high), part))


def lying(w, numbers, x, dim):
    """Numbers in a row, along a dim of x."""
    return w.reshape(numbers, [*[1] * dim, *numbers.shape, *[1] * (x.ndim - 1 - dim)])


def taken(w, x, dim, places):
    """x at places along a dim."""
    shape = [*x.shape[:dim], *places.shape, *x.shape[dim + 1 :]]
    return w.step(TAKE, (x, w.expand(lying(w, places, x, dim), shape)), (along_dim(dim, x.ndim),), shape, x.dtype)


def distance(before, after, scale, align):
    """How far apart, in the elements before, two neighbours after are."""
    if align:
        return (before - 1) / (after - 1) if after > 1 else 0.0
    return 1 / scale if scale is not None and scale > 0 else before / after


def longest(before, after):
    """Elements in the largest of ``after`` windows that cover ``before`` elements; of one, how many windows have it if the two
    change places."""
    return max([-(-(i + 1) * before // after) - i * before // after for i in range(after)])


def windows(w, before, after):
    """Where each of ``after`` windows begins that cover ``before`` elements, and how long it is.

    Quotients of whole numbers, in float64: that is exact, as they are small, and a vector has no others.
    """
    i = w.cast(w.count(after), float64)
    start = w.cast(w.div(w.mul(i, float(before)), float(after)), int64)
    end = w.cast(w.div(w.add(w.mul(w.add(i, 1.0), float(before)), after - 1.0), float(after)), int64)
    return start, w.sub(end, start)


def means(w, x, dim, before, after, back):
    """A dim as the means of windows that cover it; on the way back what each element gives to those that have it.

    The windows that have an element lie as the elements do that a window has, if the two sizes change places.
    """
    many, few = (after, before) if back else (before, after)
    if back:
        x = w.div(x, lying(w, w.cast(windows(w, before, after)[1], x.dtype), x, dim))
    (start, size), total = windows(w, many, few), None
    for k in range(longest(many, few)):
        seen = taken(w, x, dim, w.minimum(w.add(start, k), many - 1))
        seen = w.where(seen, w.compare(rows.gt, lying(w, size, x, dim), k), 0.0) if k else seen
        total = seen if total is None else w.add(total, seen)
    return total if back else w.div(total, lying(w, w.cast(size, x.dtype), x, dim))


RESAMPLING = {resampling.resample: resample}
"""Row → its decomposition, as in decompositions.py."""
