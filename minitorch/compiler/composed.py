"""A composite (autograd/composite.py), spelled out: its formula, in rows of the table on whole tensors.

    %1 = gelu %0                 %2 = mul %0 0.7071;  %3 = erf %2;  %4 = add %3 1;  %5 = mul %0 0.5;  %1 = mul %5 %4

A gradient's formula begins with the forward's steps: they are computed twice here, and once when ``simplify`` is done.
"""

import math

from .. import primitives as rows
from ..autograd.composite import formula_of
from ..dtypes import bool as bool_dtype
from ..native.formula import TRUTHS
from ..table import TABLE
from .expansions import Writer
from .graph import Step

__all__ = ["composed", "without_composites"]

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
