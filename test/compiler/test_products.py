"""What follows a product on the CPU: the product does it where it would be a loop of its own else."""

import numpy
import pytest
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build
from minitorch.compiler.graph import run
from minitorch.nn import functional as F


def numbers(*shape):
    return torch.tensor(numpy.random.default_rng(sum(shape)).integers(-4, 5, shape).astype("float32"))


def back(x, w, b):
    """A layer's gradients: what its relu gave is read again."""
    w = w.detach().requires_grad_()
    (F.linear(x, w, b).relu() @ w).square().sum().backward()
    return w.grad


X, W, B = numbers(3, 40, 50), numbers(60, 50), numbers(60)
SQUARE, LESS = numbers(50, 50), numbers(50)
CASES = {
    "bias": (F.linear, [X, W, B], ["matmul+bias"]),
    "relu": (lambda x, w: (x @ w).relu(), [X, SQUARE], ["matmul+relu"]),
    "bias and relu": (lambda x, w, b: F.linear(x, w, b).relu() @ w, [X, W, B], ["matmul+bias+relu", "matmul"]),
    "one for each of a batch": (lambda x, y, b: x.mT @ y + b, [X, X, LESS], ["matmul+bias"]),
    "many numbers to sum": (F.linear, [numbers(7, 1300), numbers(33, 1300), numbers(33)], ["matmul+bias"]),
    "few columns": (F.linear, [numbers(900, 100), numbers(3, 100), numbers(3)], ["matmul+bias"]),
    "float64": (F.linear, [X.double(), W.double(), B.double()], ["matmul+bias"]),
    "integers": (F.linear, [X.long(), W.long(), B.long()], ["matmul+bias"]),
    "seen otherwise": (lambda x, w, b: F.linear(x, w, b).view(120, 60)[:, 5:55] @ w.T, [X, W, B], ["matmul+bias", "matmul"]),
    "forward and back": (back, [X, W, B], ["matmul+bias+relu", *["matmul"] * 4]),
    "a loop follows anyway": (lambda x, w, b: F.gelu(F.linear(x, w, b)), [X, W, B], ["matmul"]),
    "past a block": (lambda x, w, b: x + F.linear(x, w, b), [X, SQUARE, LESS], ["matmul"]),
    "what others read stays": (lambda x, w, b: [(y := x @ w), y + b], [X, SQUARE, LESS], ["matmul"]),
    "a column": (lambda x, w, b: x @ w + b[:, None], [X[0], SQUARE, numbers(40)], ["matmul"]),
    "a small one": (F.linear, [X[0, :5], W, B], ["matmul"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_follows_a_product(name):
    function, tensors, rows = CASES[name]
    recorded = Recorded(lambda: (function, tensors))
    expected = run(recorded.graph, recorded.arrays)
    program = build(recorded.graph, recorded.strides, recorded.places)
    found = [step.row.name for k in program.kernels for step in k.kernel.steps]
    assert [row for row in found if row.startswith("matmul")] == rows
    fresh = recorded.fresh()
    for _ in range(2):
        program.call(recorded.arrays, fresh)
    for a, b in zip(expected, recorded.results(recorded.arrays, fresh), strict=True):
        numpy.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6)


def test_nan_comes_through_relu():
    compiled = torch.compile(lambda x, w: (x @ w).relu())
    x = numbers(50, 50)
    x[7, 7] = float("nan")
    for _ in range(3):
        assert compiled(x, SQUARE)[7].isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_narrow_factors_are_read_as_they_are(dtype):
    """Forward and back, of odd sizes; sums are float32, and rounded once: by the product where nothing is added to them."""

    def step(x, w, b):
        w = w.detach().requires_grad_()
        F.linear(x, w, b).relu().sum(0).square().sum().backward()
        return w.grad

    tensors = [x.to(dtype) for x in (numbers(40, 51), numbers(65, 51), numbers(65))]
    recorded = Recorded(lambda: (step, tensors))
    program = build(recorded.graph, recorded.strides, recorded.places)
    products = [step for k in program.kernels for step in k.kernel.steps if step.row.name.startswith("matmul")]
    assert [x.dtype.name for step in products for x in step.inputs[:2]] == [str(dtype).split(".")[1]] * 4
    assert [step.out.dtype for step in products] == [torch.float32, dtype]
    fresh = recorded.fresh()
    program.call(recorded.arrays, fresh)
    for a, b in zip(run(recorded.graph, recorded.arrays), recorded.results(recorded.arrays, fresh), strict=True):
        numpy.testing.assert_allclose(b.astype("float64"), a.astype("float64"), rtol=2 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("sizes", [(33, 17, 65), (300, 3, 1024), (6, 256, 7), (1, 64, 200), (64, 257, 40)], ids=str)
def test_short_sums_are_rounded_before_they_are_stored(sizes, dtype):
    m, k, n = sizes
    for turned in (False, True):
        x, y = numbers(2, m, k).to(dtype), (numbers(2, n, k).mT if turned else numbers(2, k, n)).to(dtype)
        recorded = Recorded(lambda x=x, y=y: (lambda x, y: (x @ y).relu(), [x, y]))
        program = build(recorded.graph, recorded.strides, recorded.places)
        (made,) = [step.out for kernel in program.kernels for step in kernel.kernel.steps if step.row.name.startswith("matmul")]
        assert (made.dtype is dtype) is (k <= 256)
        fresh = recorded.fresh()
        program.call(recorded.arrays, fresh)
        for a, b in zip(run(recorded.graph, recorded.arrays), recorded.results(recorded.arrays, fresh), strict=True):
            eps = torch.finfo(dtype).eps
            numpy.testing.assert_allclose(b.astype("float64"), a.astype("float64"), rtol=eps, atol=eps / 16)


@pytest.mark.parametrize("sizes", [(16, 65536, 64), (5, 12288, 3), (1, 40000, 1), (64, 9973, 8), (65, 16384, 65)], ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_few_long_sums_are_cut(sizes, turned):
    """Equally, or not at all: 9973 is prime."""
    m, k, n = sizes
    x, y = (numbers(k, m).T, numbers(n, k).T) if turned else (numbers(m, k), numbers(k, n))
    recorded = Recorded(lambda: (lambda x, y: x @ y, [x, y]))
    program = build(recorded.graph, recorded.strides, recorded.places)
    (made,) = [step.out for kernel in program.kernels for step in kernel.kernel.steps if step.row.name == "matmul"]
    assert made.shape == {65536: (8, 16, 64), 12288: (3, 5, 3), 40000: (8, 1, 1)}.get(k, (m, n))
    fresh = recorded.fresh()
    program.call(recorded.arrays, fresh)
    numpy.testing.assert_array_equal(fresh[0], x.numpy() @ y.numpy())
