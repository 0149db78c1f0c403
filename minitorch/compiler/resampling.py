"""Resampling to another size, as loops that fuse with others.

    %1 = resample %0 {nearest, 3 to 6}   →     %2 = expand (each element twice, along a dim of its own);  %1 = reshape %2
    %1 = resample %0 {linear, 3 to 6}    →     %2, %3 = the neighbours of each new place, as indices;  %4 = how far it is from the first
                                               %1 = (1 - %4) · take %0 %2 + %4 · take %0 %3

One dim after the other. What the places are depends on sizes only, but is computed anew: so many numbers are few.

torch: torch/_decomp/decompositions.py (upsample_nearest2d, upsample_bilinear2d)
"""

from .. import primitives as rows
from ..backends.resampling import repeats
from ..dtypes import int64
from ..tables import resampling
from .gather_scatter import TAKE, along_dim

__all__ = ["RESAMPLING"]


def resample(w, step):
    (x,), (plans, back) = step.inputs, step.params
    times = [repeats(plan) for plan in plans]
    if not x.size:
        return None
    if None not in times:
        return added_up(w, step, times) if back else repeated(w, step, times)
    if back or {plan[0] for plan in plans} != {"linear"} or x.dtype.name not in ("float32", "float64"):
        return None
    dims = range(x.ndim - len(plans), x.ndim)
    for dim, plan in sorted(zip(dims, plans), key=lambda each: each[1][2] / each[1][1]):  # what shrinks goes first
        x = between(w, x, dim, plan)
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
    shape = [after if d == dim else n for d, n in enumerate(x.shape)]
    lies = [after if d == dim else 1 for d in range(x.ndim)]

    def seen(places):
        index = w.expand(w.reshape(places, lies), shape)
        return w.step(TAKE, (x, index), (along_dim(dim, x.ndim),), shape, x.dtype)

    part, high = w.reshape(part, lies), w.minimum(w.add(low, 1), before - 1)
    return w.add(w.mul(seen(low), w.sub(1.0, part)), w.mul(seen(high), part))


def distance(before, after, scale, align):
    """How far apart, in the elements before, two neighbours after are."""
    if align:
        return (before - 1) / (after - 1) if after > 1 else 0.0
    return 1 / scale if scale is not None and scale > 0 else before / after


RESAMPLING = {resampling.resample: resample}
"""Row → its decomposition, as in decompositions.py."""
