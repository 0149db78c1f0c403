"""Attention whose scores are in no memory, or a strip of them at a time; without a mask but the triangle.

    out = fused_attention(q, k, v, scale, causal)

On a GPU it is one kernel each way, in float16 and bfloat16. On the CPU, in float32, it goes strip by strip where there are many
scores (attention_strips.py). ``plain`` says the same in plain rows: it is what is done where somebody listens at the gate, and
what gradients of gradients are taken of. Only who records for the compiler hears of the strips, which compiler/composed.py spells
out.

torch: ATen/native/transformers/cuda/sdp_utils.cpp (which way is taken), ATen/native/cpu/FlashAttentionKernel.cpp
"""

import math

from ..backends import ARRAY_TYPES
from ..creation import empty, ones
from ..dtypes import bfloat16, float16, float32
from ..dtypes import bool as bool_
from ..modes import MODE, all_compile
from ..table import Primitive
from . import attention_strips
from .attention_strips import attention_in_strips, attention_in_strips_back
from .reverse import grad

__all__ = ["STRIPS", "STRIPS_BACK", "attention_weights", "fused_attention"]

WIDEST, FEWEST = 128, 16
"""Numbers of a query, or a value, at most; and queries, and keys, at least."""


def fused_attention(query, key, value, scale, causal):
    """softmax(scale · Q Kᵀ) V by whichever way there is."""
    if has_kernel(query, key, value):
        totals = empty(query.shape[:-1], dtype=float32, device=query.device)
        return query._apply(FORTH, (query, key, value, totals), (scale, causal, tuple(map(within_rows, (query, key, value)))))
    if goes_in_strips(query, key, value, scale):
        return query._apply(STRIPS, (query, key, value), (scale, causal))
    return attention(query, key, value, scale, causal)


def attention(query, key, value, scale, causal):
    """The same in plain rows."""
    return attention_weights(query, key, scale, causal).matmul(value)


def attention_weights(query, key, scale, causal):
    """softmax(scale · Q Kᵀ), (*, L, S)"""
    scores = (query * scale).matmul(key.mT)
    if causal:
        seen = ones(*scores.shape[-2:], dtype=bool_, device=query.device).tril()
        scores = scores.where(seen, -math.inf)
    return scores.softmax(-1)


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


def within_rows(x):
    """Whether heads lie within rows, as where they were made of rows: (…, length, heads, width) in memory."""
    strides = x._array.strides
    return x.ndim > 3 and strides[-2] > strides[-3]


# ------------------------------------------------------------------------------------------------------------ the rows


def forth_back(g, out, query, key, value, totals, scale, causal, within):
    if MODE.grad:
        return *recorded(g, (query, key, value), scale, causal), None
    packed = g._apply(BACK, (g, query, key, value, out, totals), (scale, causal, within))
    return *pieces(packed, (query, key, value), within), None


def strips_back(g, _out, query, key, value, scale, causal):
    if MODE.grad:
        return recorded(g, (query, key, value), scale, causal)
    return pieces(g._apply(STRIPS_BACK, (g, query, key, value), (scale, causal)), (query, key, value))


def recorded(g, given, scale, causal):
    """The gradients by plain rows, which can be differentiated again."""
    inputs = [x.view(x.shape) for x in given]  # so that each is an input of its own, whatever was passed twice
    return grad(attention(*inputs, scale, causal), inputs, g, create_graph=True)


def pieces(packed, given, within=(False, False, False)):
    """The gradients of what was given, which come one after the other.   within: those whose heads lie within rows."""
    return [*map(piece, packed.split([math.prod(x.shape) for x in given]), given, within)]


def piece(part, x, within):
    if not within:
        return part.view(x.shape)
    *batch, heads, length, width = x.shape
    return part.view(*batch, length, heads, width).transpose(-3, -2)


FORTH = Primitive(
    "attention", "composite", lambda xp, *args: xp.attention(*args), jointly=forth_back, label="ScaledDotProductFlashAttention"
)
"""(q, k, v, totals, scale, causal, within): ``totals`` get log Σ exp of each row of scores; ``within`` is whether the heads of q, of k
and of v lie within rows, and so do those of the result, if q's do, and of the gradients."""
BACK = Primitive("attention_back", "composite", lambda xp, *args: xp.attention_back(*args))
STRIPS = Primitive(
    "attention_in_strips", "composite", attention_in_strips, jointly=strips_back, label="ScaledDotProductFlashAttentionForCpu"
)
STRIPS_BACK = Primitive("attention_in_strips_back", "composite", attention_in_strips_back)
