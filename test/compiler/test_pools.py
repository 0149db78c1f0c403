"""Pools of largest elements, forward and back, on the CPU: loops where windows lie side by side, else places that are looked up."""

import numpy
import pytest
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build
from minitorch.compiler.graph import run
from minitorch.nn import functional as F


def unpooled(x):
    """What was largest, where it was, and zeros."""
    return F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)


IMAGES = (3, 4, 8, 6)
CASES = {
    "side by side": (lambda x: F.max_pool2d(x, 2), IMAGES, False),
    "behind relu": (lambda x: F.max_pool2d(x.relu(), 2), IMAGES, False),
    "before relu": (lambda x: F.max_pool2d(x, (4, 3)).relu(), IMAGES, False),
    "one dim": (lambda x: F.max_pool1d(x, 4), (2, 3, 16), False),
    "three dims": (lambda x: F.max_pool3d(x, 2), (2, 3, 4, 6, 8), False),
    "adaptive": (lambda x: F.adaptive_max_pool2d(x, 2), IMAGES, False),
    "one after the other": (lambda x: F.max_pool2d(F.max_pool2d(x, 2) * 2, 2) + F.max_pool2d(x, 4), (3, 4, 8, 8), False),
    "turned": (lambda x: F.max_pool2d(x.mT, 2), IMAGES, False),
    "overlapping": (lambda x: F.max_pool2d(x, 3, 2, 1), (2, 3, 9, 9), True),
    "of many places": (lambda x: F.max_pool2d(x, (10, 8)), (2, 3, 20, 16), True),
    "of a whole signal": (lambda x: F.adaptive_max_pool1d(x, 1), (2, 3, 100), True),
    "with a rest": (lambda x: F.max_pool2d(x, 2), (2, 3, 7, 9), True),
    "put back": (unpooled, IMAGES, True),
}


@pytest.mark.parametrize("odd", [False, True], ids=["numbers", "NaN and infinity"])
@pytest.mark.parametrize("name", CASES)
def test_a_pool(name, odd):
    function, shape, scatters = CASES[name]
    array = numpy.random.default_rng(0).integers(-3, 4, shape).astype("float32")
    if odd:
        array.flat[::7], array.flat[::5] = numpy.nan, -numpy.inf
    x = torch.tensor(array)

    def step(x):
        x = x.detach().requires_grad_()
        y = function(x)
        (y * y.detach()).sum().backward()
        return y.detach(), x.grad

    recorded = Recorded(lambda: (step, [x]))
    expected = run(recorded.graph, recorded.arrays)
    program = build(recorded.graph, recorded.strides, recorded.places)
    assert scatters == any([s.row.name == "put" for k in program.kernels for s in k.kernel.steps])
    fresh = recorded.fresh()
    for _ in range(2):
        program.call(recorded.arrays, fresh)
    for a, b in zip(expected, recorded.results(recorded.arrays, fresh), strict=True):
        numpy.testing.assert_allclose(b, a, rtol=1e-6)
