"""Elementwise rows on large arrays: machine code says what PyTorch says, whatever the layout, and NumPy takes the rest."""

from types import SimpleNamespace

import numpy
import pytest
import torch

from minitorch.backends import erf, large, softmax, threads
from minitorch.backends import numpy as backend

SIZE = 20_001
SPECIAL = [0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1e-40, -1e-40, 1e-30, 89.0, -105.0, 3.9, -4.2]

ROWS = {
    "relu": (1, torch.relu), "sigmoid": (1, torch.sigmoid), "erf": (1, torch.erf),
    "keep": (2, lambda g, y: torch.ops.aten.threshold_backward(g, y, 0)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(backend, "ENOUGH", 1)
    monkeypatch.setattr(erf, "ENOUGH_FOR_ERF", 1)


def samples(count, dtype, seed=0):
    found = numpy.random.default_rng(seed).standard_normal((count, SIZE)).astype(dtype) * 3
    found[:, : len(SPECIAL)] = SPECIAL
    found[1:, : len(SPECIAL)] = found[1:, : len(SPECIAL)][:, ::-1]
    return list(found)


def check(row, arrays, out=None):
    wanted = ROWS[row][1](*[torch.from_numpy(numpy.array(x)) for x in arrays]).numpy()
    found = getattr(backend, row)(*arrays, out=out)
    assert out is None or found is out
    rtol = 0 if row in ("relu", "keep") else 4 * numpy.finfo(wanted.dtype).eps
    numpy.testing.assert_allclose(found, wanted, rtol, 1e-42)
    if row != "relu":  # of -0 NumPy's maximum, and so ours, is 0
        numpy.testing.assert_array_equal(numpy.signbit(found[wanted == 0]), numpy.signbit(wanted[wanted == 0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", ROWS)
def test_agrees_with_torch(row, dtype):
    arrays = samples(ROWS[row][0], dtype)
    check(row, arrays)
    check(row, [x.reshape(3, -1).T for x in arrays])
    check(row, [x.reshape(3, -1)[:, ::2] for x in arrays])


@pytest.mark.parametrize("row", ROWS)
def test_in_place_and_into_what_there_is(row):
    check(row, samples(ROWS[row][0], "float32"), numpy.empty(SIZE, "float32"))
    wanted = getattr(backend, row)(*samples(ROWS[row][0], "float32"))
    for at in range(ROWS[row][0]):
        arrays = samples(ROWS[row][0], "float32")
        found = getattr(backend, row)(*arrays, out=arrays[at])
        assert found is arrays[at]
        numpy.testing.assert_array_equal(found, wanted)


def test_what_machine_code_does_not_take():
    (x,) = samples(1, "float32")
    assert large.in_machine_code("relu", x) is not None
    assert large.in_machine_code("relu", x[::2]) is None
    assert large.in_machine_code("relu", x.astype("int32")) is None
    assert large.in_machine_code("relu", x[1:], out=x[:-1]) is None  # it would read what it wrote
    assert large.in_machine_code("keep", x, x.astype("float64")) is None
    assert large.in_machine_code("keep", x, x[:1]) is None
    assert large.in_machine_code("erf", x.astype("float64")) is None


def test_without_a_compiler_numpy_computes(monkeypatch):
    monkeypatch.setattr(large, "formula_of", lambda *what: None)
    check("relu", samples(1, "float32"))
    check("keep", samples(2, "float32"))


def test_threads_share_what_is_large():
    before = threads.get_num_threads()
    threads.set_num_threads(2)
    try:
        x = numpy.random.default_rng(0).standard_normal(large.ENOUGH).astype("float32")
        numpy.testing.assert_array_equal(backend.relu(x), numpy.maximum(x, 0))
        assert threads.POOL.rivals  # from now on products leave BLAS's own threads alone
    finally:
        threads.set_num_threads(before)


@pytest.fixture
def any_rows(monkeypatch):
    monkeypatch.setattr(softmax, "ENOUGH_FOR_ROWS", 1)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(1,), (7, 1), (5, 3), (3, 4, 64), (9, 85), (4, 1000)], ids=str)
def test_softmax_along_rows(name, shape, any_rows):
    x = numpy.random.default_rng(0).standard_normal(shape).astype("float32") * 5
    x.reshape(-1)[::7] = -numpy.inf
    if x.size > 20:  # rows of nothing but -inf, of NaN, of inf, and of what would overflow
        rows = x.reshape(-1, shape[-1])
        rows[0], rows[1, -1], rows[2, 0], rows[3:] = -numpy.inf, numpy.nan, numpy.inf, rows[3:] + 1e4
    wanted = getattr(torch.from_numpy(x).double(), name)(-1).float().numpy()
    assert large.along_rows(name, x) is not None
    for found in (getattr(backend, name)(x, -1), getattr(backend, name)(x, x.ndim - 1)):
        numpy.testing.assert_allclose(found, wanted, 2e-6, 2e-6)


def test_softmax_along_other_dims_and_of_other_layouts(any_rows):
    x = numpy.random.default_rng(0).standard_normal((6, 5, 4)).astype("float32")
    for other, dim in ((x, 1), (x, 0), (x.T, 2), (x[:, :, ::2], 2), (x.astype("float64"), 2)):
        wanted = torch.from_numpy(other.copy()).softmax(dim).numpy()
        numpy.testing.assert_allclose(backend.softmax(other, dim), wanted, 1e-5)


def test_softmax_without_a_compiler(any_rows, monkeypatch):
    monkeypatch.setattr(large, "import_module", lambda *what: SimpleNamespace(rowwise=lambda name: None))
    x = numpy.ones((2, 4), "float32")
    assert backend.softmax(x, 1).tolist() == [[0.25] * 4] * 2
