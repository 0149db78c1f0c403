"""poisson, binomial, and the draws of gammas and Dirichlets: PyTorch's numbers, generators, layouts, errors and slopes."""

import numpy
import pytest
import torch
from oracle import agree, same_first_line

import minitorch
from minitorch.ops import draws


def shape_of(kind):
    return {"gamma": (torch._standard_gamma, draws.standard_gamma), "dirichlet": (torch._sample_dirichlet, draws.sample_dirichlet)}[kind]


def run(lib, kind, x):
    return shape_of(kind)[lib is minitorch](x) if kind in ("gamma", "dirichlet") else lib.poisson(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["gamma", "dirichlet", "poisson"])
def test_wide_ranges_by_index_whatever_the_layout(kind, dtype):
    def program(lib):
        exponents = lib.linspace(-2, 3, 42, dtype=lib.float64).reshape(6, 7)
        x = (10.0**exponents).to(getattr(lib, dtype))
        found = []
        for seed in range(5):
            lib.manual_seed(seed)
            found += [run(lib, kind, x), run(lib, kind, x.t()), lib.randn(3)]
        return found, lib.get_rng_state()

    agree(program)


def test_the_cached_normal_is_shared():
    """A gamma takes normals one by one, and leaves the second of a pair to the next small randn."""

    def program(lib):
        lib.manual_seed(1)
        return [(run(lib, "gamma", lib.full((n,), 3.0)), lib.randn(1)) for n in range(6)], lib.get_rng_state()

    agree(program)


@pytest.mark.parametrize("n", [0.0, 1.0, 7.0, 40.0, 1000.0, 1e7])
def test_binomial(n):
    def program(lib):
        lib.manual_seed(5)
        p = lib.linspace(0, 1, 33, dtype=lib.float64)
        return lib.binomial(lib.full_like(p, n), p), lib.binomial(lib.full((33,), n), p.float()), lib.get_rng_state()

    agree(program)


@pytest.mark.parametrize("kind", ["gamma", "poisson", "binomial"])
def test_numbers_out_of_range(kind):
    odd = [0.0, -1.0, -2 / 3, 1e-30, 1e30, float("nan"), 1 / 3]

    def program(lib):
        lib.manual_seed(2)
        x = lib.tensor(odd, dtype=lib.float64)
        if kind == "binomial":
            return lib.binomial(lib.full_like(x, 5.0), x), lib.binomial(x[:4], lib.full_like(x[:4], 0.5))
        return run(lib, kind, x if kind == "gamma" else x[[0, 3, 6]])

    agree(program)


def test_generators_of_ones_own():
    def program(lib):
        g = lib.Generator().manual_seed(4)
        x = lib.tensor([3.0, 30.0])
        return lib.poisson(x, g), lib.poisson(x, generator=g), lib.binomial(x, x / 40, generator=g), g.get_state()

    agree(program)


def test_gradients():
    def program(lib):
        lib.manual_seed(3)
        x = lib.tensor([0.5, 3.0, 30.0], requires_grad=True)
        lib.poisson(x).sum().backward()
        return x.grad

    agree(program)


ERRORS = {
    "poisson of integers": lambda t: t.poisson(t.tensor([1, 2])),
    "poisson of negatives": lambda t: t.poisson(t.tensor([-1.0])),
    "poisson of NaN": lambda t: t.poisson(t.tensor([float("nan")])),
    "poisson of a number": lambda t: t.poisson(3.0),
    "binomial of integers": lambda t: t.binomial(t.tensor([1]), t.tensor([0.5])),
    "binomial with integers": lambda t: t.binomial(t.tensor([1.0]), t.tensor([1])),
    "binomial of two dtypes": lambda t: t.binomial(t.tensor([1.0]), t.tensor([0.5]).double()),
    "binomial of halves": lambda t: t.binomial(t.tensor([1.0]).half(), t.tensor([0.5]).half()),
    "gradient of binomial": lambda t: t.binomial(t.tensor([1.0]), t.tensor([0.5], requires_grad=True)).sum().backward(),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    same_first_line(ERRORS[case])


def test_slopes_are_those_of_the_draws():
    """A draw at a slightly larger concentration, from the same words, need not be accepted; its quantile is what moves."""
    a = minitorch.tensor([0.3, 1.0, 4.0, 60.0], dtype=minitorch.float64)
    x = a * 0.9
    igamma, step = minitorch.special.gammainc, 1e-5
    density = ((a - 1) * x.log() - x - a.lgamma()).exp()
    expected = -(igamma(a + step, x) - igamma(a - step, x)) / (2 * step) / density
    got = a._apply(draws.rows.gamma_slope, (a, x))
    numpy.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=2e-3)


def test_no_second_derivatives():
    a = minitorch.tensor([2.0, 3.0], requires_grad=True)
    for draw in (draws.standard_gamma, draws.sample_dirichlet):
        (g,) = minitorch.autograd.grad(draw(a)[0], a, create_graph=True)
        with pytest.raises((NotImplementedError, RuntimeError), match="not implemented"):
            g.sum().backward()
