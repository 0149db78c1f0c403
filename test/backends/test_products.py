"""Products in machine code: what PyTorch says, whatever the layout; and NumPy takes what they are not for."""

import numpy
import pytest
import torch

import minitorch
from minitorch.backends import numpy as backend
from minitorch.backends import products, threads
from minitorch.backends.native_products import machine_product


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(products, "WORTH_COMPILING", 1)
    monkeypatch.setattr(products, "SMALL", 0)
    monkeypatch.setattr(products, "WORTH_COMPILING_NARROW", 1)
    monkeypatch.setattr(products, "WORTH_SPLITTING", 1)
    monkeypatch.setattr(products, "ENOUGH_ROWS", 1)


def numbers(*shape, dtype="float32"):
    if dtype.startswith("complex"):
        return (numbers(2, *shape, dtype="float64").T @ [1, 1j]).T.astype(dtype)
    return numpy.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)


def unaligned(x):
    """The same matrix, in memory that begins anywhere."""
    room = numpy.empty(x.nbytes + 1, numpy.uint8)[1:].view(x.dtype).reshape(x.shape)
    room[...] = x
    return room


LAYOUTS = {
    "rows": (numbers(70, 33), numbers(33, 50)),
    "columns": (numbers(33, 70).T, numbers(50, 33).T),
    "float64": (numbers(20, 33, dtype="float64"), numbers(50, 33, dtype="float64").T),
    "a part": (numbers(90, 80)[5:50, 7:40], numbers(50, 33).T),
    "every second": (numbers(40, 66)[::2, ::2], numbers(33, 50)),
    "upside down": (numbers(40, 33)[::-1], numbers(33, 50)[:, ::-1]),
    "one row, repeated": (numpy.broadcast_to(numbers(33), (9, 33)), numbers(33, 50)),
    "one column": (numbers(20, 33), numbers(33, 1)),
    "one row": (numbers(1, 33), numbers(33, 20)),
    "one number": (numbers(9, 1), numbers(1, 7)),
    "unaligned": (unaligned(numbers(9, 33)), unaligned(numbers(33, 50))),
    "batch": (numbers(5, 20, 33), numbers(5, 33, 50)),
    "the second for all": (numbers(5, 20, 33), numbers(33, 50)),
    "the first for all": (numbers(20, 33), numbers(4, 3, 33, 50)),
    "each with each": (numbers(4, 1, 20, 33), numbers(1, 3, 33, 50)),
    "complex": (numbers(20, 33, dtype="complex64"), numbers(33, 50, dtype="complex64")),
    "complex columns": (numbers(33, 20, dtype="complex128").T, numbers(50, 33, dtype="complex128").T),
    "complex batch": (numbers(5, 20, 33, dtype="complex64").conj(), numbers(5, 50, 33, dtype="complex64").transpose(0, 2, 1)),
    "nothing to add up but one": (numbers(5, 20, 1), numbers(5, 1, 33)),
    "heads": (numbers(2, 20, 3, 8).transpose(0, 2, 1, 3), numbers(2, 20, 3, 8).transpose(0, 2, 3, 1)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_agrees_with_torch(name):
    x, y = LAYOUTS[name]
    wanted = torch.matmul(*[torch.from_numpy(z.copy()) for z in (x, y)]).numpy()
    found = backend.matmul(x, y)
    assert found.flags.c_contiguous and found.dtype == wanted.dtype
    made = machine_product(x, y)
    if 1 in (x.shape[-2], y.shape[-1]) and x.dtype.kind == "f":
        numpy.testing.assert_allclose(made, found, 2e-5, 2e-5)  # one vector is BLAS's
    else:
        numpy.testing.assert_array_equal(made, found)
    numpy.testing.assert_allclose(found, wanted, 2e-5, 2e-5)


def test_linear_adds_its_bias():
    weight = numbers(50, 33)
    for x in (numbers(70, 33), numbers(7, 10, 33), numbers(0, 33)):
        for bias in (None, numbers(50), numbers(100)[::2]):
            wanted = torch.nn.functional.linear(*[z if z is None else torch.from_numpy(z.copy()) for z in (x, weight, bias)])
            numpy.testing.assert_allclose(backend.linear(x, weight, bias), wanted.numpy(), 2e-5, 2e-5)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("sizes", [(40, 33, 50), (1, 70, 600), (300, 200, 2)])
def test_integers_wrap_around_as_in_torch(dtype, sizes):
    m, k, n = sizes
    drawn, most = numpy.random.default_rng(m), numpy.iinfo(dtype).max
    x, y = drawn.integers(-most, most, (m, k), dtype), drawn.integers(-most, most, (n, k), dtype).T
    wanted = torch.matmul(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    for right in (y, numpy.ascontiguousarray(y)):
        numpy.testing.assert_array_equal(machine_product(x, right), wanted)
        numpy.testing.assert_array_equal(backend.matmul(x, right), wanted)


def test_infinity_times_a_number_is_no_nan():
    x, y = numpy.array([[complex(1, 2)]], "complex64"), numpy.array([[complex(numpy.inf, 0)]], "complex64")
    assert str(machine_product(x, y)[0, 0]) == str((torch.from_numpy(x) * torch.from_numpy(y)).numpy()[0, 0])


@pytest.mark.parametrize("dtype", ["float32", "int64", "complex64"])
def test_vectors_as_they_are(dtype):
    a, x, y = numbers(300, 200, dtype=dtype), numbers(300, dtype=dtype), numbers(200, dtype=dtype)
    for left, right in ((a, y), (x, a), (x, x), (a[:0], y), (a[:, :0], y[:0]), (x[:0], x[:0])):
        wanted = torch.matmul(torch.from_numpy(left), torch.from_numpy(right)).numpy()
        found = minitorch.from_numpy(left) @ minitorch.from_numpy(right)
        assert found.shape == wanted.shape
        numpy.testing.assert_allclose(found.numpy(), wanted, 1e-4, 1e-4)


def test_what_is_small_has_the_bits_of_blas(monkeypatch):
    """A sequence of small arrays calls BLAS (small.py): it may take over at any time."""
    monkeypatch.undo()
    x, y = numbers(64, 64), numbers(60, 64).T
    assert backend.matmul(x, y).tobytes() == x.dot(y).tobytes()
    x = numbers(65, 64)
    assert backend.matmul(x, y).tobytes() == machine_product(x, y).tobytes()


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("turned", [False, True])
def test_few_rows_by_a_large_matrix(rows, turned):
    x, y = numbers(rows, 600), numbers(500, 600).T if turned else numbers(600, 500)
    bias = numbers(500)
    numpy.testing.assert_allclose(backend.matmul(x, y), torch.from_numpy(x) @ torch.from_numpy(y), 1e-4, 1e-4)
    numpy.testing.assert_allclose(backend.linear(x, y.T, bias), x @ y + bias, 1e-4, 1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("sizes", [(90, 95, 80), (3, 700, 300), (1, 900, 900), (130, 600, 40), (200, 24, 4), (40, 7, 530), (33, 64, 65)])
def test_narrow_numbers_are_multiplied_as_they_are(dtype, sizes):
    """Sums in float32 that are rounded once, beside what PyTorch makes of the same numbers, and float64."""
    m, k, n = sizes
    x, w, b = [torch.from_numpy(z).to(getattr(torch, dtype)) for z in (numbers(2, m, k), numbers(n, k), numbers(n))]
    ours = [minitorch.tensor(z.float().numpy()).to(getattr(minitorch, dtype)) for z in (x, w, b)]
    eps, wide = torch.finfo(x.dtype).eps, [z.double() for z in (x, w, b)]
    for function in ("linear", "matmul"):
        if function == "linear":
            wanted, exact = torch.nn.functional.linear(x, w, b), torch.nn.functional.linear(*wide)
            found = minitorch.nn.functional.linear(*ours)
        else:
            wanted, exact, found = x @ w.T, wide[0] @ wide[1].T, ours[0] @ ours[1].T
        assert products.narrow(function, ours[0]._array, ours[1]._array if function == "linear" else ours[1]._array.T) is not None
        assert str(found.dtype) == str(wanted.dtype) and found.shape == tuple(wanted.shape)
        numpy.testing.assert_allclose(found.double().numpy(), exact.numpy(), eps, 1e-3)
        numpy.testing.assert_allclose(found.double().numpy(), wanted.double().numpy(), 2 * eps, 1e-3)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_sums_are_rounded_as_torch_rounds(dtype):
    """To even where two are as near, to infinity beyond the largest, and NaN stays NaN."""
    eps = torch.finfo(getattr(torch, dtype)).eps
    values = [1, 1 + eps, 1 + 2 * eps, 0.0, -0.0, 1e-30, 6e-8, 3e4, -3e4, numpy.inf, -numpy.inf, numpy.nan, -1.5, 65519.0, 65520.0]
    x = torch.tensor(values, dtype=torch.float32).to(getattr(torch, dtype))[:, None]
    y = torch.tensor([1, 1 + eps, 0.5, -3.0, 1e-4] * 7, dtype=torch.float32).to(x.dtype)[None]
    wanted = (x.float() @ y.float()).to(x.dtype).float().numpy()
    a, b = [minitorch.tensor(z.float().numpy()).to(getattr(minitorch, dtype))._array for z in (x, y)]
    numpy.testing.assert_array_equal(machine_product(a, b).astype("float32"), wanted)


OTHERS = {
    "short integers": (numbers(4, 5).astype("int16"), numbers(5, 6).astype("int16")),
    "five dims": (numbers(1, 1, 2, 3, 4), numbers(2, 1, 2, 4, 5)),
    "nothing": (numbers(0, 5), numbers(5, 6)),
    "nothing to add up": (numbers(4, 0), numbers(0, 6)),
    "big-endian": (numbers(4, 5).astype(">f4"), numbers(5, 6).astype(">f4")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_left_to_numpy(name):
    x, y = OTHERS[name]
    assert machine_product(x, y) is None
    numpy.testing.assert_array_equal(backend.matmul(x, y), numpy.matmul(x, y))


def test_shapes_that_do_not_fit_are_refused_as_ever():
    for sizes in (((4, 5), (6, 7)), ((2, 4, 5), (2, 6, 7)), ((2, 4, 5), (3, 5, 6))):
        x, y = [minitorch.randn(*size) for size in sizes]
        with pytest.raises(RuntimeError) as ours:
            x @ y
        with pytest.raises(RuntimeError) as theirs:
            torch.randn(*sizes[0]) @ torch.randn(*sizes[1])
        assert str(ours.value).splitlines()[0] == str(theirs.value).splitlines()[0]


def test_gradients_agree_with_torch():
    values = [numbers(6, 40, 33), numbers(50, 33), numbers(50), numbers(6, 50, 20)]
    results = []
    for library in (torch, minitorch):
        x, weight, bias, y = [library.tensor(v, requires_grad=True) for v in values]
        library.nn.functional.linear(x, weight, bias).tanh().matmul(y).sin().sum().backward()
        results.append([z.grad.numpy() for z in (x, weight, bias, y)])
    for wanted, found in zip(*results, strict=True):
        numpy.testing.assert_allclose(found, wanted, 1e-4, 1e-4)


def test_numbers_do_not_depend_on_the_threads():
    before, found = threads.get_num_threads(), []
    x, y = numbers(700, 300), numbers(500, 300).T
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            found.append(backend.matmul(x, y))
    finally:
        threads.set_num_threads(before)
    numpy.testing.assert_array_equal(found[1], found[0])
    numpy.testing.assert_array_equal(found[2], found[0])


def test_without_a_compiler_blas_computes(monkeypatch):
    monkeypatch.setattr(products, "machine_product", lambda: lambda *arrays: None)
    x, y, bias = numbers(4, 5), numbers(5, 6), numbers(6)
    numpy.testing.assert_array_equal(backend.linear(x, y.T.copy(), bias), x @ y + bias)
