"""What follows a product on a GPU is part of the library's call, where nobody else sees what comes between."""

import numpy
import pytest
from cuda_shim import COMPILER, Shim
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build_on
from minitorch.compiler.graph import run
from minitorch.compiler.launches import Call
from minitorch.nn import functional as F

if COMPILER is None:
    pytest.skip("g++ compiles the kernels for the CPU, and isn't installed", allow_module_level=True)


def numbers(*shape):
    return torch.tensor(numpy.random.default_rng(sum(shape)).integers(-4, 5, shape).astype("float32"))


X, W, B = numbers(3, 40, 50), numbers(60, 50), numbers(60)
SQUARE, LESS = numbers(50, 50), numbers(50)


def narrow(function, dtype=torch.bfloat16):
    def inside(*tensors):
        with torch.autocast("cpu", dtype=dtype):
            return function(*tensors)

    return inside


def two_gradients(x, w, v):
    return (x @ w) + (x @ v)


CASES = {
    "bias": (F.linear, [X, W, B], ["matmul+bias"]),
    "relu": (lambda x, w: (x @ w).relu(), [X, SQUARE], ["matmul+relu"]),
    "bias and relu": (lambda x, w, b: F.linear(x, w, b).relu() * 2, [X, W, B], ["matmul+bias+relu"]),
    "past a block": (lambda x, w, b: x + F.linear(x, w, b), [X, SQUARE, LESS], ["matmul+bias+add"]),
    "all of it": (lambda x, w, b: (F.linear(x, w, b) + x).relu().sum(), [X, SQUARE, LESS], ["matmul+bias+add+relu"]),
    "one for each of a batch": (lambda x, y, b: x.mT @ y + b, [X, X, LESS], ["matmul+bias"]),
    "two products, summed": (two_gradients, [X, SQUARE, SQUARE + 1], ["matmul", "matmul+add"]),
    "float64": (F.linear, [X.double(), W.double(), B.double()], ["matmul+bias"]),
    "bfloat16": (narrow(F.linear), [X, W, B], ["matmul+bias"]),
    "float16, relu": (narrow(lambda x, w, b: F.linear(x, w, b).relu(), torch.float16), [X, W, B], ["matmul+bias+relu"]),
    "bfloat16, rounded where it is moved": (narrow(F.linear), [X, W], ["matmul"]),
    "relu without a bias": (narrow(lambda x, w: (x @ w).relu()), [X, SQUARE], ["matmul+relu"]),
    "a narrow bias stays narrow": (narrow(lambda x, w, b: F.gelu(F.linear(x, w, b))), [X, W, B], ["matmul+bias"]),
    "what others read stays": (lambda x, w, b: [(y := x @ w), y + b], [X, SQUARE, LESS], ["matmul"]),
    "what isn't in memory": (lambda x, w, y: x @ w + y.sin(), [X, SQUARE, X], ["matmul"]),
    "a column": (lambda x, w, b: x @ w + b[:, None], [X[0], SQUARE, numbers(40)], ["matmul"]),
    "each second number": (lambda x, w, b: x @ w + b[::2], [X, SQUARE, numbers(100)], ["matmul"]),
    "rounded before": (narrow(lambda x, w, y: x @ w + y), [X, SQUARE, X], ["matmul"]),
    "heads within rows": (lambda x: (h := x.view(2, 40, 3, 48).transpose(1, 2)) @ h.mT + 1, [numbers(2, 40, 144)], ["matmul"]),
    "few terms, not copied": (lambda x: (h := x.view(2, 99, 8, 9).transpose(1, 2)) @ h.mT, [numbers(2, 99, 72)], []),
    "a small one": (F.linear, [X[0, :5], W, B], []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_follows_a_product(name):
    function, tensors, rows = CASES[name]
    recorded = Recorded(lambda: (function, tensors))
    expected = run(recorded.graph, recorded.arrays)
    program = build_on(Shim(), recorded.graph, recorded.strides, recorded.places)
    calls = [k for k in program.kernels if k.__class__ is Call]
    assert [k.kernel.steps[0].row.name for k in calls] == rows
    fresh = recorded.fresh()
    for _ in range(2):
        program.call(recorded.arrays, fresh)
    for a, b in zip(expected, recorded.results(recorded.arrays, fresh), strict=True):
        numpy.testing.assert_allclose(b.astype("float64"), a.astype("float64"), rtol=1e-6 if a.dtype.itemsize > 2 else 0.01, atol=1e-6)
    if "float16" in name:
        assert {k.product.dtypes for k in calls} == {(name.split(",")[0],) * 2}


def test_what_is_written_to_in_place_is_not_the_library_s():
    """A check may find that nothing must change."""
    weight = numbers(50, 50)

    def step(index):
        weight.copy_(F.linear(weight, weight, weight[0]))
        return weight[index].sum()

    recorded = Recorded(lambda: (step, [torch.tensor([1, 2])]))
    program = build_on(Shim(), recorded.graph, recorded.strides, recorded.places)
    written = [place for k in program.kernels if k.__class__ is Call for place in (k.buffers[w] for w in k.writes)]
    assert all([place.kind != "input" for place in written])
