"""Sums of products against the reference interpreter: the same numbers, and one product where it may be one."""

import numpy as np
import pytest

from minitorch import primitives as rows
from minitorch.compiler.graph import Graph, Step, Value, check, run
from minitorch.compiler.merged_products import summed
from minitorch.compiler.simplify import dead
from minitorch.dtypes import float32


class Sum:
    """A sum of products (5, 3) (3, 4), which is being written."""

    def __init__(self):
        self.inputs, self.steps, self.total = [], [], None

    def given(self, *shape):
        self.inputs.append(Value(shape, float32))
        return self.inputs[-1]

    def step(self, row, inputs, shape, *params):
        self.steps.append(Step(row, inputs, params, Value(shape, float32)))
        return self.steps[-1].out

    def product(self, turned=False, k=3):
        x = self.step(rows.permute, (self.given(k, 5),), (5, k), (1, 0)) if turned else self.given(5, k)
        return self.step(rows.matmul, (x, self.given(k, 4)), (5, 4))

    def plus(self, x):
        self.total = x if self.total is None else self.step(rows.add, (self.total, x), (5, 4))
        return x


def products(count, turned=False, **more):
    w = Sum()
    for _ in range(count):
        w.plus(w.product(turned, **more))
    return w, [w.total]


def with_others():
    w, _ = products(4)
    w.plus(w.given(5, 4))
    w.plus(w.product(turned=True, k=2))
    w.plus(w.step(rows.exp, (w.given(5, 4),), (5, 4)))
    return w, [w.total]


def one_read_twice():
    w, _ = products(4)
    again = w.plus(w.product())
    return w, [w.total, again]


def a_sum_read_twice():
    w, _ = products(4)
    partial = w.total
    w.plus(w.product())
    return w, [w.total, partial]


def broadcast():
    w, _ = products(4)
    w.plus(w.given(1, 4))
    return w, [w.total]


TABLE = {
    "four": (lambda: products(4), 1), "turned": (lambda: products(5, turned=True), 1), "three": (lambda: products(3), 3),
    "long": (lambda: products(4, k=300), 4), "others": (with_others, 1), "one read twice": (one_read_twice, 2),
    "a sum read twice": (a_sum_read_twice, 2), "broadcast": (broadcast, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_sums(name):
    make, count = TABLE[name]
    w, outputs = make()
    graph = check(Graph(w.inputs, w.steps, outputs))
    found = check(dead(summed(graph)))
    arrays = [np.random.default_rng(k).standard_normal(x.shape).astype("float32") for k, x in enumerate(w.inputs)]
    for expected, actual in zip(run(graph, arrays), run(found, arrays), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
    assert [step.row.name for step in found.steps].count("matmul") == count
