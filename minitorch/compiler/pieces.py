"""A value laid together of pieces: each is stored at its place in one memory.

    %3 = cat %0 %1 {0}          (2, 4) and (3, 4)    →    %0 at rows 0 to 2 of %3, %1 at rows 2 to 5
    %3 = embed %0 …             zeros everywhere, then %0 at its region
    %3 = write %0 %1 …          %0 everywhere, then %1 at its region
    %3 = put %0 %1 %2           %0 everywhere, then the elements of %1 at the places that %2 says

Each piece is a nest of its own that copies.   torch: torch/_inductor/ir.py (ConcatKernel)
"""

from .. import primitives as rows
from .access import Access, contiguous, region
from .graph import Step, Value
from .kernels import Loops, Member
from .lower import Lowering
from .places import PUT

__all__ = ["laid_together", "nests"]


def laid_together(step):
    """[(Value or number, where it goes: an Access of the whole)], in order; None if strides can't tell."""
    out = step.out
    whole = Access(out, out.shape, contiguous(out.shape))
    if step.row is rows.cat:
        (dim,) = step.params
        dim, start, parts = dim % out.ndim, 0, []
        for x in step.inputs:
            n = x.shape[dim]
            parts.append((x, Access(out, x.shape, whole.strides, start * whole.strides[dim])))
            start += n
        return [part for part in parts if part[0].size]
    if step.row is rows.embed:
        place = region(out, step.params[1])
        return None if place is None else [(0, whole), (step.inputs[0], place)]
    if step.row is PUT:
        return [(step.inputs[0], whole)]
    if step.row is rows.write:
        place = region(out, step.params[0])
        return None if place is None else [(step.inputs[0], whole), (step.inputs[1], place)]
    return None


def nests(step, found, plan):
    """The nests that lay a value together."""
    made = []
    for x, place in laid_together(step):
        copy = Value(place.shape, step.out.dtype)
        piece = Step(rows.full, (), (place.shape, x, copy.dtype), copy) if x.__class__ is not Value else Step(rows.copy, (x,), (), copy)
        kernel = Loops(place.shape)
        member = Member(piece, [None if n == 1 else d for d, n in enumerate(place.shape)], True)
        kernel.members.append(member)
        lowering = Lowering(kernel, found, {**plan.places, copy: plan.places[step.out]}, plan.constants)
        lowering.member(member)
        lowering.store(copy, place.strides, place.offset)
        made.append(lowering.finished())
    return made if step.row is not PUT else [*made, scattering(step, found, plan)]


def scattering(step, found, plan):
    """The nest that stores a put's source at its places."""
    y = step.inputs[1]
    copy = Value(y.shape, y.dtype)
    kernel = Loops(y.shape)
    member = Member(Step(rows.copy, (y,), (), copy), range(y.ndim), True)
    kernel.members.append(member)
    lowering = Lowering(kernel, found, plan.places, plan.constants)
    lowering.member(member)
    lowering.put(copy, step, member.labels)
    return lowering.finished()
