"""A Product kernel as text: the matrices where they lie, whatever their strides, given to gemm."""

from ..backends.matrices import merged
from ..native.gemm import Ending, Gemm, gemm_text
from ..native.mathematics import KINDS
from ..native.narrow import NARROW
from ..native.target import SIZES
from ..native.text import Text
from .epilogues import FINISHED
from .kernels import Native

__all__ = ["PARALLEL", "pointers", "product"]

PARALLEL = 1 << 18
"""Multiplications from which several threads are worth waking."""


def product(kernel, found, plan, target):
    """The Native kernel of a matmul, and of what is done with it at once."""
    (step,) = kernel.steps
    (x, y, *bias), out = step.inputs, step.out
    _, _, relu = FINISHED.get(step.row, (False, False, False))
    batch = out.shape[:-2]
    m, n, k = out.shape[-2], out.shape[-1], x.shape[-1]
    a, b = found[x].broadcast((*batch, m, k)), found[y].broadcast((*batch, k, n))
    narrow = x.dtype.name if x.dtype.name in NARROW else None
    kind, rounds = "float" if narrow else KINDS[out.dtype.name], out.dtype.name in NARROW
    c = found[out].strides
    added = [found[v].broadcast(out.shape) for v in bias]
    matrices = a.strides, b.strides, c, *[v.strides for v in added]
    extents, between = merged(batch, *[s[:-2] for s in matrices])
    one, other, result, *rest = [(outer, *s[-2:]) for outer, s in zip(between, matrices)]
    gemm = Gemm(m, n, k, one, other, result, extents, kind, ending=Ending(*rest or [None], relu, rounds), narrow=narrow)
    names, offsets = ["A", "B", "C", "BIAS"][: len(matrices)], (a.offset, b.offset, 0, *[v.offset for v in added])
    code = gemm_text("NAME", gemm, target, pointers(names, offsets, [gemm.element, gemm.element, gemm.result, kind]))
    places = [plan.places[base] for base in (a.base, b.base, out, *[v.base for v in added])]
    shared = gemm.flops // 2 >= PARALLEL and code.chunks > 1
    return Native(code.text, places, code.chunks, code.grain, shared, code.scratch, "vectors", kernel)


def pointers(names, offsets, kinds):
    """Text that finds the operands: a row of the table has the memory of each, in which it begins at an offset."""
    text = Text()
    for number, (name, offset, kind) in enumerate(zip(names, offsets, kinds)):
        start = text.load("ptr", text.at("%p", number, "ptr"))
        text.do(f"%{name} = getelementptr i8, ptr {start}, i64 {offset * SIZES[kind]}")
    return "\n".join(text.lines)
