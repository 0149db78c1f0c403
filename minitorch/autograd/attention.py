"""Attention whose scores are in no memory, or a strip of them at a time.

    out = fused_attention(q, k, v, scale, causal)           or        fused_attention(q, k, v, scale, False, mask)

On a GPU it is one kernel each way, in float16 and bfloat16, and without a mask but the triangle. On the CPU, in float32, it goes
strip by strip where there are many scores (attention_strips.py). ``attention`` says the same in plain rows: it is what is done where
somebody listens at the gate, and what gradients of gradients are taken of. Only who records for the compiler hears of the strips,
which compiler/composed.py spells out.

torch: ATen/native/transformers/cuda/sdp_utils.cpp (which way is taken), ATen/native/cpu/FlashAttentionKernel.cpp
"""

import math

from ..backends import ARRAY_TYPES
from ..creation import empty, ones
from ..dtypes import bfloat16, float16, float32
from ..dtypes import bool as bool_
from ..modes import MODE, all_compile
from ..replay_forward import replayed
from ..table import Primitive
from . import attention_strips
from .attention_strips import (
    attention_in_strips,
    attention_in_strips_back,
    masked_attention_in_strips,
    masked_attention_in_strips_back,
)
from .reverse import grad

__all__ = ["MASKED_STRIPS", "MASKED_STRIPS_BACK", "STRIPS", "STRIPS_BACK", "attention_weights", "fused_attention"]

WIDEST, FEWEST = 128, 16
"""Numbers of a query, or a value, at most; and queries, and keys, at least."""


def fused_attention(query, key, value, scale, causal, mask=None):
    """softmax(scale · Q Kᵀ + mask) V by whichever way there is. There is no mask besides the triangle (``causal``)."""
    if mask is None and has_kernel(query, key, value):
        totals = empty(query.shape[:-1], dtype=float32, device=query.device)
        return query._apply(FORTH, (query, key, value, totals), (scale, causal, tuple(map(within_rows, (query, key, value)))))
    if goes_in_strips(query, key, value, mask, scale):
        if mask is None:
            return query._apply(STRIPS, (query, key, value), (scale, causal))
        return query._apply(MASKED_STRIPS, (query, key, value, mask), (scale,))
    return in_rows(query, key, value, scale, causal, mask)


def attention(query, key, value, scale, causal, mask=None):
    """The same in plain rows."""
    return attention_weights(query, key, scale, causal, mask).matmul(value)


in_rows = replayed(attention)


def attention_weights(query, key, scale, causal, mask=None):
    """softmax(scale · Q Kᵀ + mask), (*, L, S)"""
    scores = (query * scale).matmul(key.mT)
    if mask is not None:
        return masked_softmax(scores, mask)
    if causal:
        seen = ones(*scores.shape[-2:], dtype=bool_, device=query.device).tril()
        scores = scores.where(seen, -math.inf)
    return scores.softmax(-1)


def masked_softmax(scores, mask):
    """A softmax that gives a row of zeros, and not of nan, where everything is masked."""
    scores = scores.where(mask, -math.inf) if mask.dtype is bool_ else scores + mask
    seen = (scores != -math.inf).any(-1, keepdim=True)
    return scores.where(seen, 0).softmax(-1).where(seen, 0)


def has_kernel(query, key, value):
    if MODE.listeners or not query.is_cuda or query.dtype not in (float16, bfloat16):
        return False
    alike = query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
    return alike and go_together(query, key, value) and max(query.shape[-1], value.shape[-1]) <= WIDEST


def goes_in_strips(query, key, value, mask, scale):
    xp = ARRAY_TYPES[query._array.__class__]
    if query._array.dtype.char not in xp.COMPOSED or scale.__class__ not in (int, float) or (MODE.listeners and not all_compile()):
        return False
    if not xp.SYNCHRONOUS or math.prod(query.shape[:-1]) * key.shape[-2] < attention_strips.ENOUGH:
        return False
    return go_together(query, key, value) and (mask is None or is_laid_over(mask, query, key))


def go_together(query, key, value):
    """Whether they are of one device and dtype, one key or value is for one query or for all, and there are not too few."""
    for x in (key, value):
        if x.device != query.device or x.dtype is not query.dtype or x.ndim != query.ndim or not repeats(x.shape[:-2], query.shape[:-2]):
            return False
    fits = key.shape[-2] == value.shape[-2] and query.shape[-1] == key.shape[-1]  # else the product says why not
    return fits and min(query.shape[-2], key.shape[-2]) >= FEWEST and math.prod(query.shape) * math.prod(value.shape) > 0


def is_laid_over(mask, query, key):
    """Whether a mask is for all scores or fewer, of truths or of numbers that want no gradient."""
    if mask.device != query.device or mask.dtype not in (bool_, query.dtype) or (MODE.grad and mask.requires_grad):
        return False
    return mask.ndim <= query.ndim and repeats(mask.shape, (*query.shape[:-1], key.shape[-2])[query.ndim - mask.ndim :])


def repeats(shape, whole):
    """Whether something of a shape makes up a whole, by repeating it where its size is 1."""
    return all([n in (1, m) for n, m in zip(shape, whole, strict=True)])


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


def masked_strips_back(g, _out, query, key, value, mask, scale):
    if MODE.grad:
        return *recorded(g, (query, key, value), scale, False, mask), None
    return *pieces(g._apply(MASKED_STRIPS_BACK, (g, query, key, value, mask), (scale,)), (query, key, value)), None


def recorded(g, given, scale, causal, mask=None):
    """The gradients by plain rows, which can be differentiated again."""
    inputs = [x.view(x.shape) for x in given]  # so that each is an input of its own, whatever was passed twice
    return grad(attention(*inputs, scale, causal, mask), inputs, g, create_graph=True)


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
ON_CPU = "ScaledDotProductFlashAttentionForCpu"
STRIPS = Primitive("attention_in_strips", "composite", attention_in_strips, jointly=strips_back, label=ON_CPU)
STRIPS_BACK = Primitive("attention_in_strips_back", "composite", attention_in_strips_back)
MASKED_STRIPS = Primitive(
    "masked_attention_in_strips", "composite", masked_attention_in_strips, jointly=masked_strips_back, label=ON_CPU
)
MASKED_STRIPS_BACK = Primitive("masked_attention_in_strips_back", "composite", masked_attention_in_strips_back)
