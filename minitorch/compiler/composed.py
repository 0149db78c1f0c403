"""A composite (autograd/composite.py), spelled out: its formula, in rows of the table on whole tensors.

    %1 = gelu %0                 %2 = mul %0 0.7071;  %3 = erf %2;  %4 = add %3 1;  %5 = mul %0 0.5;  %1 = mul %5 %4

A gradient's formula begins with the forward's steps: they are computed twice here, and once when ``simplify`` is done.
"""

import math

from .. import primitives as rows
from ..autograd.attention import STRIPS, STRIPS_BACK
from ..autograd.composite import formula_of
from ..dtypes import bool as bool_dtype
from ..native.formula import TRUTHS
from ..table import TABLE
from ..tables.softmax import softmax_grad
from .decompositions import Writer
from .graph import Step

__all__ = ["BY_HAND", "composed", "without_composites"]

REDUCTIONS = ("sum", "mean", "amax")


def without_composites(steps):
    """Steps that come to the same, none of them a composite: so forward and backward can share what both compute."""
    plain = []
    for step in steps:
        if step.row.kind == "composite":
            writer = Writer(step.line)
            last = Step(rows.copy, (composed(writer, step),), (), step.out, step.line)
            plain += [*writer.steps, last]
        else:
            plain.append(step)
    return plain


def composed(w, step):
    """The Value of a composite's step, in plainer rows by the Writer ``w``."""
    if step.row in BY_HAND:
        return BY_HAND[step.row](w, *step.inputs, *step.params)
    grid, (kinds, steps, result, to) = formula_of(step.row, step.params)
    shape = step.inputs[kinds.index("matrix")].shape
    dims = grid.summed(shape)
    known = {"inverse": 1 / math.prod([shape[d] for d in dims])}
    for k, (x, kind) in enumerate(zip(step.inputs, kinds, strict=True)):
        known[f"a{k}"] = w.reshape(x, (x.size, *(1,) * (len(shape) - 2))) if kind == "column" else x
    for k, (name, operands) in enumerate(steps):
        inputs = [known.get(x, x) for x in operands]
        if name in REDUCTIONS:
            known[f"t{k}"] = w.reduce(TABLE[name], w.expand(inputs[0], shape), dims)
        elif name == "where":
            known[f"t{k}"] = w.where(*inputs)
        else:
            known[f"t{k}"] = w.pointwise(TABLE[name], *inputs, dtype=bool_dtype if name in TRUTHS else None)
    found = known[result]
    if to == "matrix":
        return w.expand(found, shape)
    if to == "total":
        found = w.reduce(rows.sum, w.expand(found, shape), range(len(shape) - 1))
    return w.reshape(found, step.out.shape)


def attention(w, q, k, v, scale, causal):
    """softmax(scale · Q Kᵀ) V"""
    return w.matmul(weights_of(w, q, k, scale, causal)[0], v)


def attention_back(w, g, q, k, v, scale, causal):
    """Its gradients, one behind the other."""
    weights, scaled, mask = weights_of(w, q, k, scale, causal)
    slopes = w.matmul(g, turned(w, v))
    slopes = w.step(softmax_grad, (slopes, weights), (weights.ndim - 1,), weights.shape, weights.dtype)
    slopes = slopes if mask is None else w.where(slopes, mask, 0)
    to_q = w.mul(w.matmul(slopes, k), scale)
    to_k = turned(w, w.matmul(turned(w, scaled), slopes))
    gradients = [w.reshape(x, (x.size,)) for x in (to_q, to_k, w.matmul(turned(w, weights), g))]
    return w.step(rows.cat, gradients, (0,), (sum([x.size for x in gradients]),), g.dtype)


def weights_of(w, q, k, scale, causal):
    """(the softmax of the scores, the query as they read it, which scores are seen or None)"""
    scaled, mask = w.mul(q, scale), None
    scores = w.matmul(scaled, turned(w, k))
    if causal:
        shape = scores.shape[-2:]
        mask = w.step(rows.tril, (w.step(rows.full, (), (shape, 1, bool_dtype), shape, bool_dtype),), (0,), shape, bool_dtype)
        scores = w.where(scores, mask, -math.inf)
    return w.step(rows.softmax, (scores,), (scores.ndim - 1,), scores.shape, scores.dtype), scaled, mask


def turned(w, x):
    return w.permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


BY_HAND = {STRIPS: attention, STRIPS_BACK: attention_back}
"""Composites that no formula says: a function of a Writer, the inputs and the params of each."""
