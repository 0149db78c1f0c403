"""Attention on a GPU in float16 and bfloat16, eagerly: the kernels of native/cuda_attention.py, each compiled when it is first asked for.

torch: ATen/native/transformers/cuda/attention.cu
"""

import math
from functools import lru_cache

import cupy

from ..native.cuda import PRELUDE
from ..native.cuda_attention import ATTENTION, PACK, THREADS, AttentionShape, Operand, attention_kernel
from .cupy_launch import Kernel, room

__all__ = ["attention", "attention_back"]

KINDS = {"e": "float16", "E": "bfloat16", "f": "float"}
"""dtype.char → what lies in memory."""


def attention(q, k, v, totals, scale, causal, within):
    """softmax(scale · Q Kᵀ) V;  ``totals`` (…, L) get log Σ exp of each row of scores.   within: whether the heads of q, k and v lie
    within rows, and the result's are to, if q's do."""
    q, k, v = [in_rows(x) for x in (q, k, v)]
    shape = *q.shape[:-1], v.shape[-1]
    out = laid(room(math.prod(shape), q.dtype), shape, within[0])
    launch("attend", (q, k, v, out, totals), 2, shape_of(q, k, v, causal, out), scale)
    return out


def attention_back(g, q, k, v, out, totals, scale, causal, within):
    """The gradients of q, k and v one after the other, in one dimension.   within: which of them have heads within rows."""
    g, q, k, v, out = [in_rows(x) for x in (g, q, k, v, out)]
    gradients, sums, start, parts = room((q.size + k.size + v.size,), q.dtype), room(totals.shape, totals.dtype), 0, []
    for x, swapped in zip((q, k, v), within, strict=True):
        parts.append(laid(gradients[start : start + x.size], x.shape, swapped))
        start += x.size
    shape = shape_of(q, k, v, causal, g, out, *parts)
    launch("attend_back", (g, q, k, v, out, totals, sums, parts[0]), 2, shape, scale)
    launch("attend_across", (g, q, k, v, totals, sums, *parts[1:]), 2, shape, scale)
    return gradients


def laid(memory, shape, swapped):
    """A flat array as one of that shape: in order, or so that heads lie within rows."""
    if not swapped:
        return memory.reshape(shape)
    *batch, heads, length, width = shape
    return memory.reshape((*batch, length, heads, width)).swapaxes(-3, -2)


def in_rows(x):
    """The array, whose rows are each in one piece: itself, or a copy."""
    return x if x.strides[-1] == x.itemsize else cupy.ascontiguousarray(x)


def shape_of(q, k, v, causal, *others):
    packs = all([
        not (x.data.ptr % PACK or x.shape[-1] * x.itemsize % PACK or any([s % PACK for s in x.strides[:-1]])) for x in (q, k, v, *others)
    ])  # fmt: skip
    return AttentionShape(q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1], causal, packs, KINDS[q.dtype.char])


def launch(function, arrays, made, shape, scale):
    """One of the kernels, which writes to the last ``made`` arrays."""
    first = len(arrays) - made
    operands = tuple([operand(x, number >= first) for number, x in enumerate(arrays)])
    kernel, blocks = compiled(function, shape, operands, arrays[0].shape[:-2], scale)
    kernel(blocks, THREADS, *[x.data.ptr for x in arrays])


def operand(x, made):
    steps = tuple([s // x.itemsize for s in x.strides])
    if x.dtype.char == "f":  # a number for each row
        return Operand("float", made, steps[:-1])
    return Operand(KINDS[x.dtype.char], made, steps[:-2], steps[-2])


@lru_cache(256)
def compiled(function, shape, operands, extents, scale):
    """(the Kernel, how many blocks)"""
    parameters, body, blocks, lives = attention_kernel(function, shape, operands, extents, scale)
    bounds = f"{THREADS}, {lives}" if lives else THREADS
    head = f'extern "C" __global__ void __launch_bounds__({bounds}) attention({", ".join(parameters)}) {{'
    return Kernel(f"{PRELUDE}{ATTENTION}{head}\n{body}}}\n", "attention", "Q" * len(parameters)), blocks
