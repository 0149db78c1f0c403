"""Matrices that no call of the GPU's library can walk along are copied before they are multiplied.

    %2 = permute %0 {(0, 2, 1, 3)}       heads within rows: (batch, heads) is no single batch, from one to the next by one step
    %3 = matmul %2 %1
                                   →     %4 = copy %2;  %3 = matmul %4 %1

The copy is mostly a part of the kernel that makes the matrix. Tiles of our own need none, but take two or three times as long.

torch: ATen/native/LinearAlgebra.cpp (expand, then reshape)
"""

from .. import primitives as rows
from ..backends.matrices import laid
from .access import Access, accesses, contiguous
from .graph import Graph, Step, Value

__all__ = ["within_reach"]

FEWEST = 32
"""Rows, columns and terms of each sum from which a copy pays."""
WAYS = ((False, False), (True, False), (False, True), (True, True))


def within_reach(graph, strides):
    """The graph, whose large products are of matrices that the library takes.   strides: of inputs that don't lie in order."""
    found, steps = accesses(graph, strides), []
    for step in graph.steps:
        inputs = list(step.inputs)
        for k, copied in enumerate(copies(step, found) if step.row is rows.matmul else ()):
            if copied:
                inputs[k] = Value(inputs[k].shape, inputs[k].dtype)
                steps.append(Step(rows.copy, (step.inputs[k],), (), inputs[k], step.line))
        steps.append(step.having(inputs))
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def copies(step, found):
    """Which of a product's matrices are to be copied: the first of the ``WAYS`` that will do."""
    *batch, m, n = step.out.shape
    k = step.inputs[0].shape[-1]
    if min(m, n, k) < FEWEST:
        return WAYS[0]
    for way in WAYS:
        accessed = [
            Access(x, x.shape, contiguous(x.shape)) if copied else found[x] for x, copied in zip(step.inputs, way)
        ]
        walked = [access.broadcast((*batch, *access.shape[-2:])).strides for access in accessed]
        if laid(batch, (m, n, k), [*walked, contiguous(step.out.shape)]) is not None:
            return way
    return WAYS[0]
