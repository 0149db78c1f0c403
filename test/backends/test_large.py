"""Elementwise rows on large arrays: machine code says what PyTorch says, whatever the layout, and NumPy takes the rest."""

from types import SimpleNamespace

import numpy
import pytest
import torch

from minitorch.backends import composites, erf, indexing, large, softmax, threads
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


GRADIENTS = {"softmax": "_softmax_backward_data", "log_softmax": "_log_softmax_backward_data"}


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("shape", [(3, 1), (2, 3, 33), (70, 64), (5, 4000)], ids=str)
def test_gradients_of_softmax(name, shape, monkeypatch):
    g, x = numpy.random.default_rng(0).standard_normal((2, *shape)).astype("float32")
    y = getattr(torch.from_numpy(x), name)(-1).numpy()
    last = len(shape) - 1
    wanted = getattr(torch.ops.aten, GRADIENTS[name])(*[torch.from_numpy(z) for z in (g, y)], last, torch.float32).numpy()
    for enough in (1, 1 << 62):
        monkeypatch.setattr(composites, "ENOUGH_FOR_COMPOSITES", enough)
        for dim in (-1, last):
            numpy.testing.assert_allclose(getattr(backend, name + "_grad")(g, y, dim), wanted, 1e-5, 2e-6)
    monkeypatch.setattr(composites, "ENOUGH_FOR_COMPOSITES", 1)
    everywhere = numpy.broadcast_to(g[..., :1], shape)
    wide = getattr(backend, name + "_grad")(everywhere.astype("float64"), y.astype("float64"), last)
    numpy.testing.assert_allclose(getattr(backend, name + "_grad")(everywhere, y, last), wide, 1e-5, 2e-6)
    along_first = getattr(backend, name + "_grad")(g.T.copy(), y.T.copy(), 0).T
    numpy.testing.assert_allclose(along_first, getattr(backend, name + "_grad")(g, y, last), 1e-5, 2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(7, 16), (65, 3, 50), (1, 300), (6, 2), (5, 1, 3)], ids=str)
def test_rows_are_added_up_in_order(dtype, shape, monkeypatch):
    numbers = numpy.random.default_rng(0)
    x, places = numbers.standard_normal(shape).astype(dtype), numbers.integers(-shape[0], shape[0], (9, 40))
    y = numbers.standard_normal((9, 40, *shape[1:])).astype(dtype)
    y[0, 0, ..., 0], y[1, 1, ..., 1] = numpy.nan, numpy.inf
    wanted = x.copy()
    numpy.add.at(wanted, places, y)
    monkeypatch.setattr(indexing, "ENOUGH_TO_ADD", 1)
    for given in (y, numpy.moveaxis(numpy.moveaxis(y, 0, -1).copy(), -1, 0)):
        found = x.copy()
        indexing.add_rows(found, places, given)
        numpy.testing.assert_array_equal(found, wanted)
    alike = numpy.broadcast_to(y[3, 3], y.shape)
    monkeypatch.setattr(large, "import_module", lambda *what: SimpleNamespace(row_adder=lambda kind: None))
    slow = backend.index_put(x, alike, (places,), (0,), True)
    monkeypatch.undo()
    monkeypatch.setattr(indexing, "ENOUGH_TO_ADD", 1)
    numpy.testing.assert_allclose(backend.index_put(x, alike, (places,), (0,), True), slow, 1e-4, 1e-4)


def test_rows_at_places_that_are_not_there(monkeypatch):
    monkeypatch.setattr(indexing, "ENOUGH_TO_ADD", 1)
    for place in (5, -6):
        with pytest.raises(IndexError, match=f"index {place} is out of bounds for axis 0 with size 5"):
            indexing.add_rows(numpy.zeros((5, 20), "float32"), numpy.array([0, place]), numpy.ones((2, 20), "float32"))


@pytest.mark.parametrize("number", [0, 0.0, -0.0, -numpy.inf, numpy.nan, 2.5, -3, 1e-45])
def test_a_repeated_mask_is_laid_over_bits(number):
    x = samples(1, "float32")[0][:19_200].reshape(3, 2, 40, 80)
    mask = numpy.random.default_rng(0).random((40, 80)) < 0.5
    for condition in (mask, mask[:, :1], mask[:1]):
        found = backend.where(condition, x, number)
        numpy.testing.assert_array_equal(found.view("int32"), numpy.where(condition, x, numpy.float32(number)).view("int32"))
    for other in (x.astype("float64"), x.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2)):
        numpy.testing.assert_array_equal(backend.where(mask, other, number), numpy.where(mask, other, number))
    numpy.testing.assert_array_equal(backend.where(numpy.ones((300, 1), bool), x.reshape(1, -1)[:, :5000], 1.0), numpy.repeat(x.reshape(1, -1)[:, :5000], 300, 0))
    assert backend.where(mask, 1.0, 0.0).dtype == "float64"
