"""Values that are made where they are to lie, in a concatenation or over what is read: the same numbers as the reference."""

import numpy as np
import pytest
from writing import Writing

from minitorch import primitives as rows
from minitorch.compiler import Place, build
from minitorch.compiler.graph import Graph, Step, Value, run
from minitorch.dtypes import float32, int64


def columns():
    """Two products and a sum, side by side; each is read by the concatenation alone."""
    w = Writing((4, 6), (6, 8))
    x, y = w.given
    product = w.step(rows.matmul, (x, y), (4, 8))
    other = w.step(rows.matmul, (w.step(rows.exp, (x,), (4, 6)), y), (4, 8))
    both = w.step(rows.cat, (product, w.step(rows.tanh, (x,), (4, 6)), other), (4, 22), 1)
    return w.graph(w.step(rows.matmul, (both, w.step(rows.permute, (both,), (22, 4), (1, 0))), (4, 4)))


def read_elsewhere():
    """A part that somebody else reads too: in order it may lie within, in columns it may not."""
    w = Writing((4, 8))
    (x,) = w.given
    e = w.step(rows.exp, (x,), (4, 8))
    turned = w.step(rows.permute, (e,), (8, 4), (1, 0))
    wide = w.step(rows.cat, (e, x), (4, 16), 1)
    tall = w.step(rows.cat, (x, w.step(rows.tanh, (x,), (4, 8))), (8, 8), 0)
    return w.graph(
        w.step(rows.matmul, (turned, wide), (8, 16)), w.step(rows.matmul, (tall, turned), (8, 4)), w.step(rows.neg, (tall,), (8, 8))
    )


def parts_of_a_part():
    """A part that lies within, between its own last rows and its first, as a border that is wrapped around; and itself once more."""
    w = Writing((4, 8))
    (x,) = w.given
    e = w.step(rows.exp, (x,), (4, 8))
    last, first = (w.step(rows.slice, (e,), (2, 8), ((a, b, 1), (0, 8, 1))) for a, b in ((2, 4), (0, 2)))
    wrapped = w.step(rows.cat, (last, e, first), (8, 8), 0)
    t = w.step(rows.tanh, (x,), (4, 8))
    twice = w.step(rows.cat, (w.step(rows.reshape, (t,), (32,), (32,)), w.step(rows.reshape, (t,), (32,), (32,))), (64,), 0)
    return w.graph(w.step(rows.neg, (wrapped,), (8, 8)), w.step(rows.neg, (twice,), (64,)))


def within_within():
    """Concatenations of concatenations, and one part in two of them."""
    w = Writing((4, 8))
    (x,) = w.given
    parts = [w.step(rows.matmul, (w.step(row, (x,), (4, 8)), w.step(rows.permute, (x,), (8, 4), (1, 0))), (4, 4)) for row in (rows.exp, rows.tanh)]
    inner = w.step(rows.cat, parts, (4, 8), 1)
    outer = w.step(rows.cat, (x, inner, w.step(rows.neg, (inner,), (4, 8))), (12, 8), 0)
    twice = w.step(rows.cat, (inner, inner, parts[0]), (4, 20), 1)
    return w.graph(w.step(rows.exp, (outer,), (12, 8)), twice, w.step(rows.sum, (outer,), (12, 1), (1,), True))


def reshaped_parts():
    """Heads that come back together: each part is a reshape of memory in another shape."""
    w = Writing((2, 3, 5, 4), (2, 3, 4, 4))
    x, y = w.given
    parts = []
    for _ in range(2):
        heads = w.step(rows.matmul, (x, y), (2, 3, 5, 4))
        y = w.step(rows.exp, (y,), (2, 3, 4, 4))
        back = w.step(rows.copy, (w.step(rows.permute, (w.step(rows.neg, (heads,), (2, 3, 5, 4)),), (2, 5, 3, 4), (0, 2, 1, 3)),), (2, 5, 3, 4))
        parts.append(w.step(rows.reshape, (back,), (2, 5, 12), (2, 5, 12)))
    both = w.step(rows.cat, parts, (2, 5, 24), 2)
    return w.graph(w.step(rows.sum, (both,), (2, 1, 24), (1,), True), both)


GRAPHS = {f.__name__: f for f in (columns, read_elsewhere, parts_of_a_part, within_within, reshaped_parts)}


@pytest.mark.parametrize("name", GRAPHS)
def test_inside(name):
    graph = GRAPHS[name]()
    arrays = [np.random.default_rng(k).standard_normal(x.shape).astype("float32") for k, x in enumerate(graph.inputs)]
    program = build(graph, {}, [Place("output", k) for k in range(len(graph.outputs))])
    made = [np.full(x.shape, 77, "float32") for x in graph.outputs]
    for _ in range(2):
        program.call([x.copy() for x in arrays], made)
    for expected, actual in zip(run(graph, arrays), made, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5)


def test_nothing_is_copied():
    """Three parts in columns, all made in place: two products and a loop, and what reads them."""
    program = build(columns(), {}, [Place("output", 0)])
    assert len(program.plan.inside) == 3
    assert "copy" not in [step.row.name for kernel in program.plan.kernels for step in kernel.steps]


def test_what_is_gathered_goes_over_what_it_is_gathered_from():
    x, index, out = Value((3,), float32), Value((3,), int64), Value((3,), float32)
    graph = Graph([x, index], [Step(rows.gather, (x, index), (0,), out)], [out])
    arrays = [np.array([3.0, -1.5, 0.0], "float32"), np.array([1, 2, 1])]
    build(graph, {}, [Place("input", 0)]).call(arrays, [])
    np.testing.assert_array_equal(arrays[0], [-1.5, 0.0, -1.5])
