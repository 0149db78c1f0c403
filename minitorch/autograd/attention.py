"""Attention whose scores are in no memory, or a strip of them at a time; without a mask but the triangle.

    out = fused_attention(q, k, v, scale, causal, plain)

On a GPU it is one kernel each way, in float16 and bfloat16. On the CPU, in float32, it goes strip by strip where there are many
scores (attention_strips.py). ``plain`` says the same in plain rows: it is what is done where somebody listens at the gate, and
what gradients of gradients are taken of. Only who records for the compiler hears of the strips, which compiler/composed.py spells
out.

torch: ATen/native/transformers/cuda/sdp_utils.cpp (which way is taken), ATen/native/cpu/FlashAttentionKernel.cpp
"""

import math

from ..backends import ARRAY_TYPES
from ..creation import empty
from ..dtypes import bfloat16, float16, float32
from ..modes import MODE, all_compile
from ..table import Primitive
from . import attention_strips
from .attention_strips import attention_in_strips, attention_in_strips_back
from .function import Function
from .reverse import grad

__all__ = ["STRIPS", "STRIPS_BACK", "fused_attention"]

FORTH = Primitive("attention", "composite", lambda xp, *args: xp.attention(*args))
BACK = Primitive("attention_back", "composite", lambda xp, *args: xp.attention_back(*args))
WIDEST, FEWEST = 128, 16
"""Numbers of a query, or a value, at most; and queries, and keys, at least."""

STRIPS = Primitive("attention_in_strips", "composite", attention_in_strips)
STRIPS_BACK = Primitive("attention_in_strips_back", "composite", attention_in_strips_back)


def fused_attention(query, key, value, scale, causal, plain):
    """softmax(scale · Q Kᵀ) V by whichever way there is."""
    if has_kernel(query, key, value):
        return Attention.apply(query, key, value, scale, causal, plain)
    if goes_in_strips(query, key, value, scale):
        return InStrips.apply(query, key, value, scale, causal, plain)
    return plain(query, key, value)


def has_kernel(query, key, value):
    if MODE.listeners or not query.is_cuda or query.dtype not in (float16, bfloat16):
        return False
    return alike(query, key, value) and max(query.shape[-1], value.shape[-1]) <= WIDEST


def goes_in_strips(query, key, value, scale):
    xp = ARRAY_TYPES[query._array.__class__]
    if query._array.dtype.char not in xp.COMPOSED or scale.__class__ not in (int, float) or (MODE.listeners and not all_compile()):
        return False
    return xp.SYNCHRONOUS and alike(query, key, value) and math.prod(query.shape[:-1]) * key.shape[-2] >= attention_strips.ENOUGH


def alike(query, key, value):
    """Whether they are of one device, dtype and batch, and not too few."""
    for x in (key, value):
        if x.device != query.device or x.dtype is not query.dtype or x.shape[:-2] != query.shape[:-2]:
            return False
    return min(query.shape[-2], key.shape[-2]) >= FEWEST and math.prod(query.shape) * math.prod(value.shape) > 0


class Attention(Function):
    """The kernels."""

    @staticmethod
    def forward(ctx, query, key, value, scale, causal, plain):
        totals = empty(query.shape[:-1], dtype=float32, device=query.device)
        out = query._apply(FORTH, (query, key, value, totals), (scale, causal, within_rows(query)))
        ctx.save_for_backward(query, key, value, out, totals)
        ctx.options, ctx.plain = (scale, causal), plain
        return out

    @staticmethod
    def backward(ctx, g):
        *given, out, totals = ctx.saved_tensors
        if MODE.grad:
            return recorded(ctx, g, given)
        swapped = tuple(map(within_rows, given))
        return pieces(g._apply(BACK, (g, *given, out, totals), (*ctx.options, swapped)), given, swapped)


class InStrips(Function):
    """The strips. Only what is given is kept."""

    @staticmethod
    def forward(ctx, query, key, value, scale, causal, plain):
        ctx.save_for_backward(query, key, value)
        ctx.options, ctx.plain = (scale, causal), plain
        return query._apply(STRIPS, (query, key, value), ctx.options)

    @staticmethod
    def backward(ctx, g):
        given = ctx.saved_tensors
        if MODE.grad:
            return recorded(ctx, g, given)
        return pieces(g._apply(STRIPS_BACK, (g, *given), ctx.options), given)


def recorded(ctx, g, given):
    """The gradients by plain rows, which can be differentiated again."""
    inputs = [x.view(x.shape) for x in given]  # so that each is an input of its own, whatever was passed twice
    return (*grad(ctx.plain(*inputs), inputs, g, create_graph=True), None, None, None)


def within_rows(x):
    """Whether heads lie within rows, as where they were made of rows: (…, length, heads, width) in memory."""
    strides = x._array.strides
    return x.ndim > 3 and strides[-2] > strides[-3]


def pieces(packed, given, swapped=(False, False, False)):
    """The gradients of what was given, which come one after the other.   swapped: those whose heads lie within rows."""
    parts = packed.split([math.prod(x.shape) for x in given])
    return (*map(piece, parts, given, swapped), None, None, None)


def piece(part, x, swapped):
    if not swapped:
        return part.view(x.shape)
    *batch, heads, length, width = x.shape
    return part.view(*batch, length, heads, width).transpose(-3, -2)
