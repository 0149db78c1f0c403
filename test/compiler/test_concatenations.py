"""Patchwork against the reference interpreter: the same numbers, and a concatenation where there is no gap."""

import numpy as np
import pytest

from minitorch import primitives as rows
from minitorch.backends import for_device
from minitorch.compiler.concatenations import patched
from minitorch.compiler.graph import Graph, Step, Value, check, run
from minitorch.compiler.simplify import dead
from minitorch.device import CPU
from minitorch.dtypes import bfloat16, float32


def path(start, stop):
    return ((rows.slice, (((0, 4, 1), (start, stop, 1)),)),)


class Writing:
    """A graph that is being written: values of (4, n)."""

    def __init__(self):
        self.inputs, self.steps = [], []

    def given(self, width):
        self.inputs.append(Value((4, width), float32))
        return self.inputs[-1]

    def step(self, row, inputs, params, width):
        self.steps.append(Step(row, inputs, params, Value((4, width), float32)))
        return self.steps[-1].out

    def embed(self, x, start, stop):
        return self.step(rows.embed, (x,), ((4, 8), path(start, stop)), 8)

    def add(self, x, y):
        return self.step(rows.add, (x, y), (), x.shape[1])

    def added(self, x, y, start, stop):
        """y added to the band of x, as backward does it in place."""
        part = self.step(rows.slice, (x,), (((0, 4, 1), (start, stop, 1)),), stop - start)
        return self.step(rows.write, (x, self.add(part, y)), (path(start, stop),), 8)


def bands(w, *places):
    """Each place gets an input of its own: the first two are embedded and added, the others written."""
    (a, b), *rest = places
    whole = w.embed(w.given(b - a), a, b)
    for number, (start, stop) in enumerate(rest):
        y = w.given(stop - start)
        whole = w.add(whole, w.embed(y, start, stop)) if number == 0 else w.added(whole, y, start, stop)
    return whole


@pytest.mark.parametrize(
    "places, whole",
    [
        ([(4, 8), (0, 4)], True),
        ([(6, 8), (4, 6), (2, 4), (0, 2)], True),
        ([(6, 8), (4, 6), (0, 2)], False),  # a gap
        ([(4, 8), (3, 6), (0, 4)], False),  # an overlap
        ([(4, 8), (0, 4), (0, 4)], False),  # one band twice: it is added to
        ([(0, 8)], False),
    ],
)
def test_bands(places, whole):
    w = Writing()
    last = bands(w, *places)
    out = w.step(rows.exp, (last,), (), 8)
    graph = check(Graph(w.inputs, w.steps, [out, last]))
    found = check(dead(patched(graph)))
    arrays = [np.random.default_rng(k).standard_normal(x.shape).astype("float32") for k, x in enumerate(w.inputs)]
    for expected, actual in zip(run(graph, arrays), run(found, arrays), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert ([step.row.name for step in found.steps] == ["cat", "exp"]) is whole


def test_a_patchwork_within_a_patchwork():
    w = Writing()
    inner = bands(w, (4, 8), (0, 4))
    left = w.step(rows.slice, (inner,), (((0, 4, 1), (0, 4, 1)),), 4)
    outer = w.add(w.embed(left, 4, 8), w.embed(w.given(4), 0, 4))
    graph = check(Graph(w.inputs, w.steps, [outer]))
    found = check(dead(patched(graph)))
    arrays = [np.full(x.shape, k + 1, "float32") for k, x in enumerate(w.inputs)]
    np.testing.assert_array_equal(run(found, arrays)[0], run(graph, arrays)[0])
    assert [step.row.name for step in found.steps] == ["cat"]


def test_narrow_numbers_that_are_added_to_zeros_in_float32_are_themselves():
    """What ``simplify`` makes of the gradients of a split in bfloat16."""
    w = Writing()
    x, y = [Value((4, 4), bfloat16) for _ in range(2)]
    w.inputs = [x, y]

    def made(row, inputs, params, width, dtype):
        w.steps.append(Step(row, inputs, params, Value((4, width), dtype)))
        return w.steps[-1].out

    whole = made(rows.embed, (x,), ((4, 8), path(4, 8)), 8, bfloat16)
    part = made(rows.slice, (whole,), (((0, 4, 1), (0, 4, 1)),), 4, bfloat16)
    wide = [made(rows.cast, (z,), (float32,), 4, float32) for z in (part, y)]
    total = made(rows.cast, (made(rows.add, wide, (), 4, float32),), (bfloat16,), 4, bfloat16)
    out = made(rows.write, (whole, total), (path(0, 4),), 8, bfloat16)
    graph = check(Graph(w.inputs, w.steps, [out]))
    found = check(dead(patched(graph)))
    arrays = [for_device(CPU).cast(np.random.default_rng(k).standard_normal((4, 4)), bfloat16) for k in range(2)]
    np.testing.assert_array_equal(run(found, arrays)[0], run(graph, arrays)[0])
    assert [step.row.name for step in found.steps] == ["cat"]
