"""A sum of what is linear in the results of other sums is taken apart: then it needs no pass of its own.

    %5 = sum %4 {(1), True}                                  %5 = sum %4 {(1), True}
    %6 = mul %4 %3                                           %6 = sum %1 {(1), True}
    %7 = mul %5 %1                                  →        %7 = mul %5 %3
    %8 = add %6 %7                                           %8 = mul %6 %5
    %9 = sum %8 {(1), True}                                  %9 = add %7 %8

%3 and %5 are one number for each row. Such sums stand at the end of what batch normalisation passes back. To find one as it stands, the few
long rows, which several blocks share, would be gone along once more by another launch.
"""

from .. import primitives as rows
from .decompositions import Writer
from .graph import Graph, Step, Value

__all__ = ["taken_apart"]

MOST, NEAR, FEW = 4, 64, 264
"""Sums that may come of one; how many steps before it a sum is likely to be in the same kernel; and from how many rows on each is
one block's."""


def taken_apart(graph):
    """The graph, whose sums of linear values are linear in sums. What nobody reads now remains."""
    work = Linear(graph)
    steps = [new for step in graph.steps for new in work.written(step)]
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


class Linear:
    """makers: Value → its step; number: where that stands.   sums: (Value, dims) → its sum, as far as it was written."""

    def __init__(self, graph):
        self.makers = {step.out: step for step in graph.steps}
        self.number = {step.out: k for k, step in enumerate(graph.steps)}
        self.sums: dict = {}

    def written(self, step):
        """The steps in the place of one."""
        if step.row is not rows.sum or not step.params[1] or not step.out.dtype.name.startswith("float") or step.out.size > FEW:
            return [step]
        dims = step.params[0]
        terms = self.terms(step.inputs[0], dims)
        if terms is None or not any([self.rests_on_a_sum(x, step) for _, factors in terms for x in factors]):
            self.sums[step.inputs[0], dims] = step.out
            return [step]
        writer = Writer(step.line)
        total, *others = [self.term(writer, x, factors, dims) for x, factors in terms]
        for other in others:
            total = writer.add(total, other)
        last = writer.steps[-1]
        return [*writer.steps[:-1], Step(last.row, last.inputs, last.params, step.out, last.line)]

    def term(self, writer, x, factors, dims):
        """The sum of one Value, times its factors."""
        if (x, dims) not in self.sums:
            self.sums[x, dims] = writer.reduce(rows.sum, x, dims)
        total = self.sums[x, dims]
        for factor in factors:
            total = writer.mul(total, factor)
        return total

    def terms(self, x, dims):
        """[(a Value, its factors)] that add up to x; None if there are too many."""
        todo, terms = [(x, ())], []
        while todo:
            if len(todo) + len(terms) > MOST:
                return None
            y, factors = todo.pop()
            parts = self.parts(y, dims)
            if parts is None:
                terms.append((y, factors))
            else:
                todo += [(z, (*factors, *more)) for z, more in parts]
        return terms

    def parts(self, x, dims):
        """[(a Value, the factors by which it comes into x)] if x is linear in Values of its shape; else None."""
        step = self.makers.get(x)
        if step is None or any([y.__class__ is Value and y.dtype is not x.dtype for y in step.inputs]):
            return None
        if step.row is rows.neg:
            return [(step.inputs[0], (-1.0,))]
        if step.row in (rows.add, rows.sub) and all([y.__class__ is Value and y.shape == x.shape for y in step.inputs]):
            return [(step.inputs[0], ()), (step.inputs[1], () if step.row is rows.add else (-1.0,))]
        if step.row is rows.mul:
            for y, factor in (step.inputs, step.inputs[::-1]):
                factor = self.along(factor, x, dims)
                if factor is not None and y.__class__ is Value and y.shape == x.shape:
                    return [(y, (factor,))]
        return None

    def along(self, factor, x, dims):
        """A factor that is the same along what is summed, as a number or a Value with size 1 there; or None."""
        while factor.__class__ is Value and factor in self.makers and self.makers[factor].row is rows.expand:
            factor = self.makers[factor].inputs[0]
        if factor.__class__ is not Value:
            return float(factor)
        return factor if factor.ndim == x.ndim and all([factor.shape[d] == 1 for d in dims]) else None

    def rests_on_a_sum(self, x, step):
        """Whether a factor follows from a sum over the same dims not far before."""
        todo, seen = [x], set()
        while todo:
            y = todo.pop()
            made = self.makers.get(y) if y.__class__ is Value else None
            if made is None or y in seen or self.number[y] < self.number[step.out] - NEAR:
                continue
            if made.row is rows.sum and made.params[0] == step.params[0] and made.inputs[0].shape == step.inputs[0].shape:
                return True
            seen.add(y)
            todo += [z for z in made.reads if z.size <= x.size]
        return False
