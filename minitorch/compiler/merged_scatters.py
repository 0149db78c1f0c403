"""Sums of scattered values: what is added at places of zeros, and then to something else, is added to that at once.

    %4 = put 0 %1 %2 {adds}         zeros as large as an embedding, and rows of it
    %5 = add %3 %4                                                                        →     %5 = put %3 %1 %2 {adds}

That is the gradient of an embedding that is used twice, or whose weight is that of the last layer as well. Such a put writes
to the memory of ``%3`` itself, if nobody else reads that (plan.py).
"""

from .. import primitives as rows
from ..native.narrow import NARROW
from .gather_scatter import PUT
from .graph import Graph, Step, Value, uses_of

__all__ = ["scattered"]


def scattered(graph):
    """The graph, in which a sum with a value that is scattered to zeros is scattered to the other term. What nobody reads now remains.

    Zeros that several values are scattered to are made for each: then each has its memory.
    """
    uses, makers, steps = uses_of(graph), {step.out: step for step in graph.steps}, []
    for step in graph.steps:
        if step.row is rows.add:
            step = onto_other(step, uses, makers)
        elif is_on_zeros(step, makers) and uses[step.inputs[0]] > 1:
            zeros = makers[step.inputs[0]]
            steps.append(Step(zeros.row, (), zeros.params, Value(zeros.out.shape, zeros.out.dtype), step.line))
            step = Step(PUT, (steps[-1].out, *step.inputs[1:]), step.params, step.out, step.line)
        steps.append(step)
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def onto_other(step, uses, makers):
    """A sum as a put onto one of its terms, or as it is."""
    for x, other in (step.inputs, step.inputs[::-1]):
        put = makers.get(x)
        if put is None or x is other or uses[x] > 1 or not (is_on_zeros(put, makers) and put.params[1]):
            continue
        like = other.__class__ is Value and other.shape == x.shape == step.out.shape and other.dtype is x.dtype is step.out.dtype
        small = put.inputs[1].size <= x.size  # the source is kept until then
        if like and small and x.dtype.name not in NARROW:  # whose sums are rounded one by one
            return Step(PUT, (other, *put.inputs[1:]), put.params, step.out, step.line)
    return step


def is_on_zeros(step, makers):
    """Whether a step scatters to zeros."""
    base = makers.get(step.inputs[0]) if step.row is PUT else None
    return base is not None and base.row is rows.full and base.params[1] == 0
