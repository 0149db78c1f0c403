"""Attention as one kernel each way, where a GPU has one: in float16 and bfloat16, without a mask but the triangle.

    out = fused_attention(q, k, v, scale, causal, plain)

``plain`` says the same in plain rows. It is what is done where somebody listens at the gate (the compiler finds attention by
itself), and what gradients of gradients are taken of.

torch: ATen/native/transformers/cuda/sdp_utils.cpp (which way is taken)
"""

import math

from ..creation import empty
from ..dtypes import bfloat16, float16, float32
from ..modes import MODE
from ..table import Primitive
from .function import Function
from .reverse import grad

__all__ = ["fused_attention"]

FORTH = Primitive("attention", "composite", lambda xp, *args: xp.attention(*args))
BACK = Primitive("attention_back", "composite", lambda xp, *args: xp.attention_back(*args))
WIDEST, FEWEST = 128, 16
"""Numbers of a query, or a value, at most; and queries, and keys, at least."""


def fused_attention(query, key, value, scale, causal, plain):
    """softmax(scale · Q Kᵀ) V by whichever way there is."""
    if not has_kernel(query, key, value):
        return plain(query, key, value)
    return Attention.apply(query, key, value, scale, causal, plain)


def has_kernel(query, key, value):
    if MODE.listeners or not query.is_cuda or query.dtype not in (float16, bfloat16):
        return False
    for x in (key, value):
        if x.device != query.device or x.dtype is not query.dtype or x.shape[:-2] != query.shape[:-2]:
            return False
    small = min(query.shape[-2], key.shape[-2]) < FEWEST or not math.prod(query.shape) * math.prod(value.shape)
    return not small and max(query.shape[-1], value.shape[-1]) <= WIDEST


class Attention(Function):
    """The kernels."""

    @staticmethod
    def forward(ctx, query, key, value, scale, causal, plain):
        totals = empty(query.shape[:-1], dtype=float32, device=query.device)
        out = query._apply(FORTH, (query, key, value, totals), (scale, causal))
        ctx.save_for_backward(query, key, value, out, totals)
        ctx.options, ctx.plain = (scale, causal), plain
        return out

    @staticmethod
    def backward(ctx, g):
        *given, out, totals = ctx.saved_tensors
        if MODE.grad:
            inputs = [x.view(x.shape) for x in given]  # so that each is an input of its own, whatever was passed twice
            return (*grad(ctx.plain(*inputs), inputs, g, create_graph=True), None, None, None)
        packed = g._apply(BACK, (g, *given, out, totals), ctx.options)
        parts = packed.split([math.prod(x.shape) for x in given])
        return (*[part.view(x.shape) for part, x in zip(parts, given, strict=True)], None, None, None)
