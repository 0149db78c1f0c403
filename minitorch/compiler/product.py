"""A Product kernel as text: the matrices where they lie, whatever their strides, given to gemm."""

from ..native.gemm import Gemm, gemm_text
from ..native.mathematics import KINDS
from ..native.target import SIZES
from ..native.text import Text
from .kernels import Native

__all__ = ["merged", "product"]

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
    text = Text()
    for number, (name, access) in enumerate((("A", a), ("B", b), ("C", None))):
        start = text.load("ptr", text.at("%p", number, "ptr"))
        offset = (access.offset if access else 0) * SIZES[kind]
        text.do(f"%{name} = getelementptr i8, ptr {start}, i64 {offset}")
    code = gemm_text("NAME", gemm, target, "\n".join(text.lines))
    places = [plan.places[a.base], plan.places[b.base], plan.places[out]]
    shared = gemm.flops // 2 >= PARALLEL and code.chunks > 1
    return Native(code.text, places, code.chunks, code.grain, shared, code.scratch, "vectors", kernel)


def merged(batch, *strides):
    """The extents of a batch, and a batch stride for each operand; dims that all of them walk in step are one."""
    runs: list = []
    for d, n in enumerate(batch):
        if n == 1:
            continue
        if runs and all([s[runs[-1][1]] == s[d] * n for s in strides]):
            runs[-1] = (runs[-1][0] * n, d)
        else:
            runs.append((n, d))
    if len(runs) < 2:
        n, d = runs[0] if runs else (1, None)
        return n, [0 if d is None else s[d] for s in strides]
    return tuple([n for n, _ in runs]), [tuple([s[d] for _, d in runs]) for s in strides]
