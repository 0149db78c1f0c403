"""Running sums and products in loops, against the recorded steps, and what they share a kernel with."""

import numpy
import pytest
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build
from minitorch.compiler.graph import run

FUNCTIONS = {
    "sum": lambda x, d: x.cumsum(d),
    "product": lambda x, d: x.cumprod(d),
    "within a chain": lambda x, d: ((x * 2).cumsum(d) + 1).exp(),
    "one after the other": lambda x, d: (x.cumsum(d) * 0.5).cumsum(d),
    "turned": lambda x, d: x.flip(d).cumsum(d).flip(d) - x,
    "and reductions": lambda x, d: (x - x.mean(d, keepdim=True)).cumsum(d).amax(d) * x.sum(),
    "of truths": lambda x, d: (x > 0).cumsum(d) + (x * 3).int().cumsum(d),
}
SHAPES = [((5,), 0), ((4, 33), 1), ((4, 33), 0), ((3, 7, 200), 1), ((3, 7, 6), -1), ((3, 1, 5), 1), ((2, 3, 1, 5), 1)]


def built(function, *shape, dtype="float32"):
    x = torch.tensor(numpy.random.default_rng(0).uniform(-1, 1, shape).astype(dtype))
    recorded = Recorded(lambda: (function, (x,)))
    return recorded, build(recorded.graph, recorded.strides, recorded.places)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape, dim", SHAPES, ids=str)
def test_a_scan(shape, dim, name, dtype):
    recorded, program = built(lambda x: FUNCTIONS[name](x, dim), *shape, dtype=dtype)
    assert not program.foreign
    fresh = recorded.fresh()
    program.call(recorded.arrays, fresh)
    for expected, actual in zip(run(recorded.graph, recorded.arrays), recorded.results(recorded.arrays, fresh), strict=True):
        assert expected.dtype == actual.dtype
        numpy.testing.assert_allclose(actual, expected, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-5)


@pytest.mark.parametrize("shape, dim, kernels", [
    ((4, 8, 5), 1, ["mul running_sum cast exp running_product cast add"]),  # down the columns all are one kernel
    ((4, 8), 1, ["mul", "running_sum cast", "exp", "running_product cast", "add"]),  # along rows a total waits for the one before
])  # fmt: skip
def test_what_joins_a_scan(shape, dim, kernels):
    _, program = built(lambda x: (x * 2).cumsum(dim).exp().cumprod(dim) + 1, *shape)
    assert kernels == [" ".join([step.row.name for step in k.kernel.steps]) for k in program.kernels]


def test_a_reduction_stays_apart():
    _, program = built(lambda x: x.cumsum(1).sum(1), 4, 8, 5)
    assert [len(k.kernel.steps) for k in program.kernels] == [2, 1]
