"""What goes round or is repeated, as plain movement: rolled dims are two parts that change places.

    %1 = roll %0 {1, dim 0}   (5, 4)     →     %2 = slice %0 {4 to 5};  %3 = slice %0 {0 to 4};  %1 = cat %2 %3
    %1 = resample %0 {nearest, 3 to 6}   →     %2 = expand (each element twice, along a dim of its own);  %1 = reshape %2

torch: torch/_decomp/decompositions.py (roll, upsample_nearest2d)
"""

from .. import primitives as rows
from ..backends.resampling import repeats
from ..tables import resampling

__all__ = ["ROLLS"]


def roll(w, step):
    (x,), (shifts, dims) = step.inputs, step.params
    for shift, dim in zip(shifts, dims, strict=True):
        n, dim = x.shape[dim], dim % x.ndim
        at = -shift % n if n else 0
        if at:
            parts = [part(w, x, dim, at, n), part(w, x, dim, 0, at)]
            x = w.step(rows.cat, parts, (dim,), x.shape, x.dtype)
    return x


def part(w, x, dim, start, stop):
    """x from ``start`` to ``stop`` along ``dim``."""
    key = tuple([(start, stop, 1) if d == dim else (0, n, 1) for d, n in enumerate(x.shape)])
    return w.step(rows.slice, (x,), (key,), [b - a for a, b, _ in key], x.dtype)


def resample(w, step):
    """Where each element is taken so many times; on the way back those are added up."""
    (x,), (plans, back) = step.inputs, step.params
    times = [repeats(plan) for plan in plans]
    if None in times or not x.size:
        return None
    lead, sizes = x.shape[: x.ndim - len(plans)], [plan[1] for plan in plans]
    apart = [*lead, *[n for pair in zip(sizes, times) for n in pair]]
    if back:
        again = range(len(lead) + 1, len(apart), 2)
        return w.reshape(w.reduce(rows.sum, w.reshape(x, apart), again), step.out.shape)
    single = [*lead, *[n for size in sizes for n in (size, 1)]]
    return w.reshape(w.expand(w.reshape(x, single), apart), step.out.shape)


ROLLS = {rows.roll: roll, resampling.resample: resample}
"""Row → its decomposition, as in decompositions.py."""
