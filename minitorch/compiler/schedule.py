"""Schedule: when each kernel runs, so that what was computed is used soon, and its memory is free again.

    3  g = gradient of a layer                             3  g
    4  product of g and the old weight                     4  product, while the old weight is there
    7  powers of a step count                        →     7  powers
    9  weight -= … sum of g, powers …                      9  weight
                                                           5  …           g is over, and its memory free

A kernel goes where its first step was recorded, with all that it needs right before it. Who reads a parameter goes before who
writes its new value over it, where that is possible, for then the old one needs no copy. On a GPU updates are ``late``: they go
where their last step was recorded, side by side, and share a launch (horizontal_fusion.py); and so does what is computed of a few
numbers, at the beginning.

torch: torch/_inductor/memory.py (topological_sort_dfs)
"""

from .dependencies import draws_before, in_turn, leads
from .kernels import Loops

__all__ = ["schedule"]

FEW = 64
"""Numbers that are few."""


def schedule(kernels, found, graph, destinations, late=False):
    """The same kernels, in another order.   destinations: for each output of the graph the Place that it goes to."""
    number = {step.out: k for k, step in enumerate(graph.steps)}
    first = {kernel: min([number.get(step.out, len(number)) for step in kernel.steps]) for kernel in kernels}
    maker = {x: kernel for kernel in kernels for x in kernel.outputs}
    needs, readers = {kernel: set() for kernel in kernels}, {}
    for kernel, before in draws_before(kernels, first).items():
        needs[kernel].add(before)
    for kernel in kernels:
        for step in kernel.steps:
            for x in step.reads:
                base = found[x].base
                readers.setdefault(base, {})[kernel] = None
                if base in maker and maker[base] is not kernel:
                    needs[kernel].add(maker[base])
    turn = {**first, **advanced(kernels, needs), **delayed(kernels, needs, maker, number, graph, destinations)} if late else first
    for value, destination in zip(graph.outputs, destinations, strict=True):
        writer = maker.get(found[value].base)
        if destination.kind != "input" or writer is None:
            continue
        for reader in readers.get(graph.inputs[destination.at], ()):
            if reader is not writer and not leads(needs, writer, reader):
                needs[writer].add(reader)
    return in_turn(kernels, needs, turn)


def advanced(kernels, needs):
    """{kernel: -1} of those that compute a few numbers of inputs alone, as the powers of a step count."""
    found: dict = {}
    for kernel in kernels:
        few = kernel.__class__ is Loops and all([step.out.size <= FEW for step in kernel.steps])
        if few and all([other in found for other in needs[kernel]]):
            found[kernel] = -1
    return found


def delayed(kernels, needs, maker, number, graph, destinations):
    """{kernel: where its last step was recorded} of those that only write to inputs, point by point."""
    written = {maker.get(x) for x, place in zip(graph.outputs, destinations) if place.kind == "input"}
    needed = set().union(*needs.values())
    updates = [k for k in kernels if k in written and k not in needed and k.__class__ is Loops and not k.reduced]
    return {kernel: max([number.get(step.out, len(number)) for step in kernel.steps]) for kernel in updates}
