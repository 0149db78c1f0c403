"""What goes round, is resampled, divided or sorted in a compiled step: no backend runs it, and it is what the recorded steps make."""

import numpy
import pytest
from cuda_shim import COMPILER, Shim
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build, build_on
from minitorch.compiler.graph import run
from minitorch.nn import functional as F


def with_gradient(function):
    """A function's result, and what comes back of its squares."""

    def both(x):
        x = x.clone().requires_grad_(True)
        y = function(x)
        return y.detach(), torch.autograd.grad((y * y).sum(), x)[0]

    return both


ANYWHERE = {
    "round": with_gradient(lambda x: x.roll(1, 1) * 2),
    "round both ways": with_gradient(lambda x: x.roll((2, -1), (-1, 0))),
    "round, flattened": lambda x: x.roll(-7),
    "round by nothing": lambda x: x.roll(4, 2) + 1,
    "each twice": with_gradient(lambda x: F.interpolate(x, scale_factor=2)),
    "each three times, and once": with_gradient(lambda x: F.interpolate(x, size=(9, 4))),
    "each five times": with_gradient(lambda x: F.interpolate(x[:, 0], size=20, mode="nearest-exact")),
    "between two": lambda x: F.interpolate(x[:, 0], size=9, mode="linear") * 2,
    "between four": lambda x: F.interpolate(x, scale_factor=(2, 1.6), mode="bilinear"),
    "between four, corners fixed": lambda x: F.interpolate(x, size=(2, 7), mode="bilinear", align_corners=True),
    "between eight": lambda x: F.interpolate(x[None], size=(1, 5, 4), mode="trilinear"),
    "means of windows": with_gradient(lambda x: F.adaptive_avg_pool2d(x, (2, 3))),
    "means of windows, more than elements": with_gradient(lambda x: F.adaptive_avg_pool1d(x[0], 7)),
    "one number at places": lambda x: x.scatter(1, (x[:, :1] > 0).long(), torch.tensor(7.0)),
}
ON_GPUS = {
    "sorted": lambda x: (*x.sort(1), x.argsort(2, descending=True)),
    "sorted, with equals": lambda x: (x * 2).round().sort(-1, descending=True, stable=True),
    "sorted, with NaN": lambda x: ((x - 0.5).log().argsort(1), (x - 0.5).log().argsort(1, descending=True)),
    "the largest": lambda x: x.flatten(1).topk(3),
    "truths in order": lambda x: (x > 0).argsort(2, descending=True),
    "divided": lambda x: (x % 0.3, x // 0.3, torch.fmod(x, 0.3), (x * 9).long() % 4, torch.div(x, 0.3, rounding_mode="floor")),
}


def agrees(make, function):
    """The program of a function, that does what the recorded steps do."""
    numbers = numpy.random.default_rng(0).uniform(-1, 1, (2, 3, 3, 4)).astype("float32")
    recorded = Recorded(lambda: (function, (torch.tensor(numbers),)))
    program, fresh = make(recorded.graph, recorded.strides, recorded.places), recorded.fresh()
    program.call(recorded.arrays, fresh)
    for expected, actual in zip(run(recorded.graph, recorded.arrays), recorded.results(recorded.arrays, fresh), strict=True):
        assert expected.dtype == actual.dtype
        numpy.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)
    return program


@pytest.mark.parametrize("name", ANYWHERE)
def test_on_a_processor(name):
    assert not agrees(build, ANYWHERE[name]).foreign


@pytest.mark.skipif(COMPILER is None, reason="g++ compiles the kernels for the CPU, and isn't installed")
@pytest.mark.parametrize("name", [*ANYWHERE, *ON_GPUS])
def test_on_a_gpu(name):
    assert not agrees(lambda *graph: build_on(Shim(), *graph), {**ANYWHERE, **ON_GPUS}[name]).foreign
