"""Rows on small matrices in machine code have NumPy's bits, and refuse what they weren't made for."""

import itertools

import numpy
import pytest

from minitorch.backends import numpy as xp
from minitorch.backends import products, small

pytest.importorskip("llvmlite", reason="machine code is made by llvmlite")
native = pytest.importorskip("minitorch.native.rows")

ROWS = native.rows(small.blas(), (id(numpy.ndarray), id(numpy.dtype("f"))))
pytestmark = pytest.mark.skipif(not ROWS, reason="this Python can't be entered, or NumPy's BLAS has other names here")

SPECIAL = [0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, -numpy.nan, 1e-45, 3e38, 1e-30]


def numbers(*shape, special=False):
    x = numpy.random.default_rng(sum(shape)).normal(size=shape).astype("f")
    if special and x.size:
        x.reshape(-1)[:: max(1, x.size // 9)] = numpy.resize(SPECIAL, x.reshape(-1)[:: max(1, x.size // 9)].size)
    return x


def same_bits(expected, got):
    expected = numpy.asarray(expected)
    return expected.shape == got.shape and (
        (expected.view("i4") == got.view("i4")) | (numpy.isnan(expected) & numpy.isnan(got))
    ).all()


@pytest.mark.parametrize("special", [False, True])
def test_linear_is_numpy_s(special):
    for m, k, n in itertools.product((1, 2, 7, 32, 33), (2, 3, 8, 16, 64), (1, 2, 5, 16, 40)):
        x, weight, bias = numbers(m, k, special=special), numbers(n, k), numbers(n)
        out = numpy.empty((m, n), "f")
        assert ROWS["linear"](x, weight, bias, out) is out
        assert same_bits(products.linear(x, weight, bias), out), (m, k, n)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (32, 1), (7, 1), (8, 1), (100, 1), (16, 8), (129, 1), (64, 64), (37, 41), (1, 1001)])
def test_relu_and_the_mean_of_squares_are_numpy_s(shape, special):
    x, y = numbers(*shape, special=special), numbers(*shape[::-1]).reshape(shape)
    out, total = numpy.empty(shape, "f"), numpy.empty((), "f")
    assert ROWS["relu"](x, out) is out and same_bits(xp.relu(x), out)
    assert ROWS["squared_error_mean"](x, y, total) is total and same_bits(xp.squared_error_mean(x, y), total)


def test_other_arrays_are_refused():
    x, weight, bias, out, total = numbers(5, 3), numbers(4, 3), numbers(4), numpy.zeros((5, 4), "f"), numpy.zeros((), "f")
    linear, relu, mean = (ROWS[name] for name in ("linear", "relu", "squared_error_mean"))
    for others in (
        (x.astype("d"), weight, bias), (x, weight.astype("d"), bias), (x, weight, bias.astype("d")), (x[:, :2], weight, bias),
        (x.T, weight, bias), (numbers(3, 5).T, weight, bias), (x, numbers(3, 4).T, bias), (x, weight, bias[:3]), (x, weight, None),
        (x[0], weight, bias), (x, weight[0], bias), (x, weight, bias[None]), (numbers(5, 1), numbers(4, 1), bias), (x[:0], weight, bias),
        (1.0, weight, bias), (x.view(numpy.matrix), weight, bias),
    ):  # fmt: skip
        assert linear(*others, out) is None
    assert linear(x, x, numbers(5), numpy.zeros((5, 5), "f")) is None  # NumPy computes one half of it
    assert linear(x, weight, bias) is None and linear(x, weight, bias, out.T) is None
    for other in (x.astype("d"), x[:, :2], x[0], x.T, None):
        assert relu(other, numpy.zeros((5, 3), "f")) is None
        assert mean(x, other, total) is None and mean(other, x, total) is None
    assert mean(numbers(65, 64), numbers(65, 64), total) is None and mean(x[:0], x[:0], total) is None
    assert not out.any() and not total


def test_the_backend_takes_them_once_they_are_there(monkeypatch):
    taken = []

    def note(name):
        return lambda *arrays: taken.append(name) or ROWS[name](*arrays)

    for name in ROWS:
        monkeypatch.setattr(small.QUICK, name, note(name))
    x, weight, bias = numbers(5, 3), numbers(4, 3), numbers(4)
    for arrays in ((x, weight, bias), (x, weight), (x[None], weight, bias), (x.astype("d"), weight.astype("d"), bias.astype("d"))):
        assert xp.linear(*arrays).tobytes() == products.linear(*arrays).tobytes()
    for array in (x, x.astype("d"), x[::2], x.astype("i4")):
        assert (xp.relu(array) == numpy.maximum(array, 0)).all() and xp.relu(array).dtype == array.dtype
    assert xp.squared_error_mean(x, x + 1) == pytest.approx(1) and xp.squared_error_mean(x.astype("d"), x + 1.0).dtype == "d"
    assert set(taken) == set(ROWS)
    with pytest.raises(ValueError):
        xp.linear(x, weight, bias[:3])
