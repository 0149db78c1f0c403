"""An Attending kernel as text: the matrices where they lie, whatever their strides, given to native/attention.py."""

from ..backends.matrices import merged
from ..native.attention import Attention, attention_gradient_text, attention_text
from ..native.mathematics import KINDS
from .attention import ATTEND, extras_of, matrices_of
from .kernels import Native
from .product_text import PARALLEL, pointers

__all__ = ["attending"]


def attending(kernel, found, plan, target):
    """The Native kernel of attention, or of its gradients."""
    first, kind = kernel.steps[0], KINDS[kernel.steps[0].out.dtype.name]
    forth = first.row is ATTEND
    names = ["Q", "K", "V", "O"] if forth else ["G", "Q", "K", "V", "DQ", "DK", "DV"]
    outs = [step.out for step in sorted(kernel.steps, key=lambda step: step.params[0])]
    batch = outs[0].shape[:-2]
    extras, (*g, q, k, v) = extras_of(first), matrices_of(first)
    accesses = [found[x].broadcast((*batch, *x.shape[-2:])) for x in (*g, q, k, v)] + [found[x] for x in outs]
    accesses += [found[x].broadcast((*batch, q.shape[-2], k.shape[-2])) for x in extras]
    names += [f"X{number}" for number in range(len(extras))]
    extents, strides = merged(batch, *[access.strides[:-2] for access in accesses])
    rows = [access.strides[-2:] if name.startswith("X") else access.strides[-2:-1] for name, access in zip(names, accesses)]
    roles, spared, scale, causal, _ = first.params[-5:]
    attention = Attention(
        q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1],
        {name: (stride, *row) for name, stride, row in zip(names, strides, rows, strict=True)},
        extents, scale, causal, kind, roles, spared,
    )  # fmt: skip
    write = attention_text if forth else attention_gradient_text
    offsets = [access.offset * access.base.dtype.itemsize for access in accesses]
    code = write("NAME", attention, target, pointers(names, offsets, ["i8"] * len(names)))
    places = [plan.places[access.base] for access in accesses]
    shared = attention.flops // 2 >= PARALLEL and code.chunks > 1
    return Native(code.text, places, code.chunks, code.grain, shared, code.scratch, "loops", kernel)
