"""Zero inputs: a graph that is linear in some of its inputs, where some of these are zero.

A backward pass is given a gradient for each result of the forward. Where one never arrives, what only comes of it isn't
zeros to compute with (0 / 0 would poison the rest), but not there.

torch: an undefined tensor in torch/csrc/autograd/functions/accumulate_grad.cpp and utils
"""

from .. import primitives
from .graph import Graph, Step, Value

__all__ = ["without"]


def without(graph, given, zeros):
    """The graph, linear in the inputs ``given``, of which ``zeros`` are zero: they aren't read any more.

        %3 = div %0 %2            %3 = div %0 %2
        %4 = div %1 %2      →     return %3
        %5 = add %3 %4
        return %5                 for given = (%0, %1) and zeros = (%1,)
    """
    depends, zeros, same, steps = set(given), set(zeros), {}, []

    def full(value, line):
        """Zeros as a step, for who wants to read them."""
        made = Value(value.shape, value.dtype)
        steps.append(Step(primitives.full, (), (value.shape, 0, value.dtype), made, line))
        return made

    for step in graph.steps:
        step = step.having([same.get(x, x) if x.__class__ is Value else x for x in step.inputs])
        read = [x for x in step.reads if x in depends]
        linear = read and (step.out.dtype.is_floating_point or step.out.dtype.is_complex)  # no comparison is
        if linear:
            depends.add(step.out)
        if linear and zeros.issuperset(read):
            zeros.add(step.out)
            continue
        if not zeros.isdisjoint(read):
            if linear and step.row is primitives.add and len(step.reads) == 2:
                (other,) = [x for x in step.reads if x not in zeros]
                if (other.shape, other.dtype) == (step.out.shape, step.out.dtype):
                    same[step.out] = other
                    continue
            step = step.having([full(x, step.line) if x in zeros else x for x in step.inputs])
        steps.append(step)
    outputs = [full(x, None) if x in zeros else same.get(x, x) for x in graph.outputs]
    return Graph(graph.inputs, steps, outputs, graph.checks)
