"""A composite (autograd/composite.py), spelled out: its formula, in rows of the table on whole tensors.

    %1 = gelu %0                 %2 = mul %0 0.7071;  %3 = erf %2;  %4 = add %3 1;  %5 = mul %0 0.5;  %1 = mul %5 %4

A gradient's formula begins with the forward's steps: they are computed twice here, and once when ``simplify`` is done.
"""

import math

from .. import primitives as rows
from ..autograd.attention import MASKED_STRIPS, MASKED_STRIPS_BACK, STRIPS, STRIPS_BACK
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
    return w.matmul(Weights(w, q, k, scale, causal).values, v)


def masked_attention(w, q, k, v, mask, scale):
    return w.matmul(Weights(w, q, k, scale, mask=mask).values, v)


def attention_back(w, g, q, k, v, scale, causal):
    """Its gradients, one behind the other."""
    return gradients(w, g, q, k, v, Weights(w, q, k, scale, causal))


def masked_attention_back(w, g, q, k, v, mask, scale):
    return gradients(w, g, q, k, v, Weights(w, q, k, scale, mask=mask))


def gradients(w, g, q, k, v, weights):
    slopes = weights.slopes(w.matmul(g, turned(w, v)))
    to_q = w.mul(w.matmul(slopes, k), weights.scale)
    to_k = turned(w, w.matmul(turned(w, weights.scaled), slopes))
    to_v = w.matmul(turned(w, weights.values), g)
    found = [summed(w, x, to.shape) for x, to in ((to_q, q), (to_k, k), (to_v, v))]
    return w.step(rows.cat, [w.reshape(x, (x.size,)) for x in found], (0,), (sum([x.size for x in found]),), g.dtype)


class Weights:
    """The softmax of scores, written as ``autograd/attention.py`` has it.

    scaled: the query, as the scores read it.   covers: the truths by which scores are chosen, from within; some: which queries see
    anything, or None.   made: by the softmax; values: the same with zeros for queries that see nothing.
    """

    def __init__(self, w, q, k, scale, causal=False, mask=None):
        self.w, self.scale, self.scaled, self.covers, self.some = w, scale, w.mul(q, scale), [], None
        scores = w.matmul(self.scaled, turned(w, k))
        if causal:
            shape = scores.shape[-2:]
            ones = w.step(rows.full, (), (shape, 1, bool_dtype), shape, bool_dtype)
            mask = w.step(rows.tril, (ones,), (0,), shape, bool_dtype)
        if mask is not None and mask.dtype is bool_dtype:
            self.covers.append(mask)
            scores = w.where(scores, mask, -math.inf)
        elif mask is not None:
            scores = w.add(scores, mask)
        if mask is not None and not causal:
            last = (scores.ndim - 1,)
            self.some = w.reduce(rows.any, w.compare(rows.ne, scores, -math.inf), last)
            scores = w.where(scores, self.some, 0)
            self.covers.append(self.some)
        self.made = w.step(rows.softmax, (scores,), (scores.ndim - 1,), scores.shape, scores.dtype)
        self.values = self.made if self.some is None else w.where(self.made, self.some, 0)

    def slopes(self, g):
        """The gradient of the scores, for that of the weights."""
        w, made = self.w, self.made
        g = g if self.some is None else w.where(g, self.some, 0)
        slopes = w.step(softmax_grad, (g, made), (made.ndim - 1,), made.shape, made.dtype)
        for cover in reversed(self.covers):
            slopes = w.where(slopes, cover, 0)
        return slopes


def summed(w, x, shape):
    """The sum of what belongs to the same element of a shape."""
    dims = [d for d, n in enumerate(shape) if n == 1 and x.shape[d] != 1]
    return w.reduce(rows.sum, x, dims) if dims else x


def turned(w, x):
    return w.permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


BY_HAND = {
    STRIPS: attention, STRIPS_BACK: attention_back, MASKED_STRIPS: masked_attention, MASKED_STRIPS_BACK: masked_attention_back,
}  # fmt: skip
"""Composites that no formula says: a function of a Writer, the inputs and the params of each."""
