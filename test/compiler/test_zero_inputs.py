"""A graph of which some inputs are zero gives what it gives for zeros, and nothing of what 0 / 0 would give."""

import numpy
import pytest

from minitorch import primitives as rows
from minitorch.compiler.graph import Graph, Step, Value, run
from minitorch.compiler.zero_inputs import without
from minitorch.dtypes import float32


def linear_graph():
    """(graph, its two linear inputs): both come together by a sum, by a choice and as parts of one array."""
    a, b, x = [Value((3,), float32) for _ in range(3)]
    steps = []

    def step(row, *inputs, params=(), shape=(3,)):
        steps.append(Step(row, inputs, params, Value(shape, float32)))
        return steps[-1].out

    scaled = step(rows.mul, a, x)
    divided = step(rows.div, b, x)
    total = step(rows.add, scaled, divided)
    chosen = step(rows.where, divided, step(rows.gt, x, 1.0), scaled)
    both = step(rows.cat, scaled, divided, params=(0,), shape=(6,))
    return Graph((a, b, x), steps, (total, chosen, both, divided)), (a, b)


@pytest.mark.parametrize("zero", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], [0.0, 2.0, 3.0]])
def test_zeros_are_not_computed_with(zero, x):
    graph, linear = linear_graph()
    arrays = [numpy.array(values, numpy.float32) for values in ([1, 2, 3], [4, 5, 6], x)]
    for k in zero:
        arrays[k][:] = 0
    with numpy.errstate(all="ignore"):
        expected = [numpy.nan_to_num(y, nan=0.0) if 1 in zero else y for y in run(graph, arrays)]
        found = run(without(graph, linear, [linear[k] for k in zero]), arrays)
    for a, b in zip(expected, found, strict=True):
        numpy.testing.assert_array_equal(a, b)


def test_they_are_read_no_more():
    graph, (a, b) = linear_graph()
    assert not [step for step in without(graph, (a, b), (b,)).steps if b in step.reads or step.row is rows.div]
