"""A product of few long sums is cut along them, for threads share chunks of results: so there are enough for all.

    %2 = matmul %0 %1                          %3 = reshape %0 {(16, 8, 8192)}
    (16, 65536) (65536, 64)                    %4 = permute %3 {(1, 0, 2)}
                                       →       %5 = reshape %1 {(8, 8192, 64)}
                                               %6 = matmul %4 %5       8 products
                                               %7 = sum %6 {(0,), True}
                                               %2 = reshape %7 {(16, 64)}

The gradient of a small layer's weight is such a product, where there are many samples. How it is cut depends on its shape alone.
"""

from .. import primitives as rows
from .graph import Graph, Step, Value

__all__ = ["split"]

SMALL = 64
"""Rows and columns of a product that is one chunk, or about."""
SHORTEST = 4096
"""How long each part of a sum is at least."""
MOST = 8
"""Parts of a sum."""


def split(graph):
    """The graph, with its long sums cut.

    >>> from minitorch.compiling.tracing import traced
    >>> graph = split(traced(lambda x, y: x @ y, torch.ones(4, 70000), torch.ones(70000, 4)))
    >>> [(step.row.name, step.out.shape) for step in graph.steps if step.row.kind != "movement"]
    [('matmul', (8, 4, 4)), ('sum', (1, 4, 4))]
    """
    steps: list = []
    for step in graph.steps:
        parts = parts_of(step) if step.row is rows.matmul else 1
        steps += [step] if parts == 1 else in_parts(step, parts)
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def parts_of(step):
    """Into how many parts a product is cut: 1 if it isn't, or can't be cut equally."""
    x, y = step.inputs
    if x.ndim != 2 or y.ndim != 2 or max(step.out.shape) > SMALL or step.out.dtype.name not in ("float32", "float64"):
        return 1
    k = x.shape[1]
    return max([n for n in range(1, MOST + 1) if k % n == 0 and (n == 1 or k // n >= SHORTEST)])


def in_parts(step, parts):
    """The steps that make a product of so many."""
    made: list = []

    def note(row, inputs, params, shape, dtype=step.out.dtype, out=None):
        made.append(Step(row, inputs, params, out or Value(shape, dtype), step.line))
        return made[-1].out

    (x, y), (m, n) = step.inputs, step.out.shape
    k = x.shape[1] // parts
    left = note(rows.reshape, (x,), ((m, parts, k),), (m, parts, k), x.dtype)
    left = note(rows.permute, (left,), ((1, 0, 2),), (parts, m, k), x.dtype)
    right = note(rows.reshape, (y,), ((parts, k, n),), (parts, k, n), y.dtype)
    products = note(rows.matmul, (left, right), (), (parts, m, n))
    total = note(rows.sum, (products,), ((0,), True), (1, m, n))
    note(rows.reshape, (total,), ((m, n),), (m, n), out=step.out)
    return made
