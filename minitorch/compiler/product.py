"""A Product kernel as text: the matrices where they lie, whatever their strides, given to gemm."""

from ..backends.matrices import merged
from ..native.gemm import Gemm, gemm_text
from ..native.mathematics import KINDS
from ..native.target import SIZES
from ..native.text import Text
from .kernels import Native

__all__ = ["PARALLEL", "pointers", "product"]

PARALLEL = 1 << 18
"""Multiplications from which several threads are worth waking."""


def product(kernel, found, plan, target):
    """The Native kernel of a matmul."""
    (step,) = kernel.steps
    x, y, out = *step.inputs, step.out
    batch = out.shape[:-2]
    m, n, k = out.shape[-2], out.shape[-1], x.shape[-1]
    a, b = found[x].broadcast((*batch, m, k)), found[y].broadcast((*batch, k, n))
    kind = KINDS[out.dtype.name]
    c = found[out].strides
    extents, strides = merged(batch, a.strides[:-2], b.strides[:-2], c[:-2])
    gemm = Gemm(
        m, n, k, (strides[0], *a.strides[-2:]), (strides[1], *b.strides[-2:]), (strides[2], *c[-2:]), batch=extents, kind=kind
    )
    code = gemm_text("NAME", gemm, target, pointers("ABC", (a.offset, b.offset, 0), kind))
    places = [plan.places[a.base], plan.places[b.base], plan.places[out]]
    shared = gemm.flops // 2 >= PARALLEL and code.chunks > 1
    return Native(code.text, places, code.chunks, code.grain, shared, code.scratch, "vectors", kernel)


def pointers(names, offsets, kind):
    """Text that finds the operands: a row of the table has the memory of each, in which it begins at an offset."""
    text = Text()
    for number, (name, offset) in enumerate(zip(names, offsets, strict=True)):
        start = text.load("ptr", text.at("%p", number, "ptr"))
        text.do(f"%{name} = getelementptr i8, ptr {start}, i64 {offset * SIZES[kind]}")
    return "\n".join(text.lines)
