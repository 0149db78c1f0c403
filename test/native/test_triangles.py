"""Cholesky's factor and equations with triangles in machine code (native/triangles.py), against PyTorch."""

import itertools

import numpy
import pytest
import torch

import minitorch
from minitorch.backends.triangles import machine_equations, machine_factors, machine_root, machine_solution

SIZES = 1, 2, 7, 12, 13, 16, 17, 32, 33, 64, 65, 100, 130
ACCURACY = {"float32": 2e-5, "float64": 1e-13}


def numbers(*shape, kind):
    return numpy.random.default_rng(0).standard_normal(shape).astype(kind)


def positive(n, kind):
    a = numbers(2, n, n, kind=kind)
    return a @ a.transpose(0, 2, 1) + n * numpy.eye(n, dtype=kind)


def close(x, expected, kind):
    assert x.shape == tuple(expected.shape)
    scale = max(abs(expected).max().item(), 1e-30)
    assert abs(x - expected.numpy()).max() / scale < ACCURACY[kind]


@pytest.mark.parametrize("kind", ACCURACY)
@pytest.mark.parametrize("n", SIZES)
def test_root(n, kind):
    a = positive(n, kind)
    expected = torch.linalg.cholesky(torch.from_numpy(a))
    above = numpy.triu_indices(n, 1)
    a[:, above[0], above[1]] = numpy.nan  # isn't read
    out, info = machine_root(a)
    close(out, expected, kind)
    assert info.tolist() == [0, 0] and not numpy.triu(out, 1).any()


@pytest.mark.parametrize("kind", ACCURACY)
@pytest.mark.parametrize("n", SIZES)
def test_which_minor_is_not_positive(n, kind):
    a = positive(n, kind)
    a[1, n // 2, n // 2] = -1
    assert machine_root(a)[1].tolist() == torch.linalg.cholesky_ex(torch.from_numpy(a)).info.tolist() == [0, n // 2 + 1]
    a[0, 0, 0], a[1, n - 1, n - 1] = 0, numpy.nan
    assert machine_root(a)[1].tolist() == [1, min(n, n // 2 + 1)]


@pytest.mark.parametrize("kind", ACCURACY)
@pytest.mark.parametrize(("n", "m"), list(itertools.product((1, 2, 12, 13, 33, 100), (1, 4, 5, 16, 33, 70))))
def test_solution(n, m, kind):
    a, b = numbers(2, n, n, kind=kind) / n + 2 * numpy.eye(n, dtype=kind), numbers(2, n, m, kind=kind)
    turned = numpy.ascontiguousarray(a.transpose(0, 2, 1)).transpose(0, 2, 1)
    for upper, unit, x in itertools.product((False, True), (False, True), (a, turned, a[:1], a[0], turned[0], a[:, ::-1, ::-1])):
        way = {"upper": upper, "unitriangular": unit}
        expected = torch.linalg.solve_triangular(torch.from_numpy(x.copy()), torch.from_numpy(b), **way)
        close(machine_solution(x, b, *way.values()), expected, kind)


@pytest.mark.parametrize("kind", ACCURACY)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (5, 5), (16, 16), (17, 33), (33, 33), (100, 100), (130, 40), (40, 130)])
def test_factors(n, m, kind):
    a = numbers(2, n, m, kind=kind)
    expected, pivots = torch.linalg.lu_factor(torch.from_numpy(a))
    out, found, order = machine_factors(a)
    assert (found + 1).tolist() == pivots.tolist()
    close(out, expected, kind)
    k = min(n, m)
    lower, upper = numpy.tril(out, -1)[..., :k] + numpy.eye(n, k), numpy.triu(out)[:, :k]
    close((lower @ upper).astype(kind), torch.from_numpy(numpy.take_along_axis(a, order[..., None], 1)), kind)


@pytest.mark.parametrize("kind", ACCURACY)
@pytest.mark.parametrize("n", [48, 70, 129])
def test_equations_and_determinants(n, kind):
    a, b = positive(n, kind) / n, numbers(2, n, 5, kind=kind)
    a[0] = a[0, ::-1]
    theirs, ours = torch.from_numpy(a), minitorch.tensor(a)
    close(machine_equations(a, b), torch.linalg.solve(theirs, torch.from_numpy(b)), kind)
    for name in ("inv", "det", "slogdet"):
        found, expected = getattr(minitorch.linalg, name)(ours), getattr(torch.linalg, name)(theirs)
        for x, y in zip(found, expected, strict=True) if name == "slogdet" else [(found, expected)]:
            close(x.numpy(), y, kind)


@pytest.mark.parametrize("text", ["inv(x)", "solve(x, x)", "det(x)", "slogdet(x)", "lu_factor(x).pivots", "inv_ex(x).info", "solve_ex(x, x).info"])
def test_a_matrix_without_an_inverse(text):
    def outcome(library):
        x = library.eye(60) + library.ones(60, 60)
        x[:, 7] = 0
        try:
            found = eval(f"library.linalg.{text}", {"library": library, "x": x})
        except RuntimeError as error:
            return type(error).__name__, str(error).split("\n")[0]
        return [y.tolist() for y in (found if isinstance(found, tuple) else (found,))]

    assert outcome(minitorch) == outcome(torch)


def test_zeros_in_the_diagonal():
    a, b = numpy.array([[2.0, 0.0], [1.0, 0.0]]), numpy.array([[2.0], [2.0]])
    assert machine_solution(a, b, False, False).tolist() == [[1.0], [numpy.inf]]
    assert machine_solution(a, numpy.tile(b, 40), False, False)[1].tolist() == [numpy.inf] * 40


def test_what_machine_code_leaves_to_others():
    a = numpy.eye(2, dtype="complex64")
    assert machine_root(a) is None and machine_solution(a, a, False, False) is None
    assert machine_root(numpy.empty((0, 2, 2))) is None and machine_solution(numpy.eye(2), numpy.empty((2, 0)), False, False) is None


def test_within_a_program_with_its_gradient():
    def step(library):
        def loss(x, y):
            factor = library.linalg.cholesky(x @ x.mT + 40 * library.eye(40))
            return (y * library.cholesky_solve(y, factor)).sum() + factor.diagonal().log().sum()

        x, y = (library.tensor(numbers(*shape, kind="float64")).requires_grad_() for shape in ((40, 40), (40, 3)))
        compiled = loss if library is torch else library.compile(loss)
        for _ in range(3):
            x.grad = y.grad = None
            found = compiled(x, y)
            found.backward()
        return [found.item(), *x.grad.flatten().tolist(), *y.grad.flatten().tolist()]

    assert step(minitorch) == pytest.approx(step(torch), rel=1e-10, abs=1e-10)


def test_a_program_says_which_matrix_has_no_root():
    compiled, x = minitorch.compile(lambda x: minitorch.linalg.cholesky(x) + 1), minitorch.eye(3)
    for _ in range(3):
        compiled(x)
    with pytest.raises(minitorch.linalg.LinAlgError) as ours:
        compiled(-x)
    with pytest.raises(torch.linalg.LinAlgError) as theirs:
        torch.linalg.cholesky(-torch.eye(3))
    assert str(ours.value).split("\n")[0] == str(theirs.value).split("\n")[0]
