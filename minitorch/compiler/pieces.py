"""A value laid together of pieces: each is stored at its place in one memory.

    %3 = cat %0 %1 {0}          (2, 4) and (3, 4)    →    %0 at rows 0 to 2 of %3, %1 at rows 2 to 5
    %3 = embed %0 …             zeros everywhere, then %0 at its region
    %3 = write %0 %1 …          %0 everywhere, then %1 at its region
    %3 = fold %0 %1 …           zeros everywhere, then each piece added at its region
    %3 = put %0 %1 %2           %0 everywhere, then the elements of %1 at the places that %2 says

Each piece becomes a nest of its own that copies (lower.py).   torch: torch/_inductor/ir.py (ConcatKernel)
"""

from .. import primitives as rows
from .access import Access, contiguous, region
from .gather_scatter import PUT
from .pools import FOLD

__all__ = ["laid_together"]


def laid_together(step):
    """[(Value or number, where it goes: an Access of the whole, whether it is added)], in order; None if strides can't tell."""
    out = step.out
    whole = Access(out, out.shape, contiguous(out.shape))
    if step.row is rows.cat:
        (dim,) = step.params
        dim, start, parts = dim % out.ndim, 0, []
        for x in step.inputs:
            n = x.shape[dim]
            parts.append((x, Access(out, x.shape, whole.strides, start * whole.strides[dim]), False))
            start += n
        return [part for part in parts if part[0].size]
    if step.row is rows.embed:
        place = region(out, step.params[1])
        return None if place is None else [(0, whole, False), (step.inputs[0], place, False)]
    if step.row is PUT:
        return [(step.inputs[0], whole, False)]
    if step.row is FOLD:
        places = [region(out, ((rows.slice, (key,)),)) for key in step.params[1]]
        return [(0, whole, False), *[(x, place, True) for x, place in zip(step.inputs, places)]]
    if step.row is rows.pad:
        widths, value = step.params
        if any([n < 0 for pair in widths for n in pair]):
            return None
        key = tuple([(before, before + n, 1) for n, (before, _) in zip(step.inputs[0].shape, widths)])
        return [(value, whole, False), (step.inputs[0], region(out, ((rows.slice, (key,)),)), False)]
    if step.row is rows.write:
        place = region(out, step.params[0])
        return None if place is None else [(step.inputs[0], whole, False), (step.inputs[1], place, False)]
    return None
