"""torch.special: its names are PyTorch's, its numbers exact; and gamma and its kin, which torch has too."""

import mpmath
import numpy
import pytest
import torch
from oracle import Raised, agree, expression, same_first_line

import minitorch
from minitorch import special

REALS = numpy.array([[0.3, 1.7, 2.5], [0.9, 4.5, 12.0]])
SIGNED = numpy.array([[-2.3, -0.5, 0.1], [0.5, 1.5, 3.25]])
UNITS = numpy.array([0.1, 0.25, 0.5, 0.875])


def test_its_names_are_pytorch_s():
    theirs = {name for name in dir(torch.special) if callable(getattr(torch.special, name)) and name[0] != "_"}
    assert set(special.__all__) == theirs - {"Tensor"}


def test_what_torch_has_too_is_the_same_function():
    names = {"gammainc": "igamma", "gammaincc": "igammac", "gammaln": "lgamma", "psi": "digamma", "expit": "sigmoid",
             "multigammaln": "mvlgamma"}  # fmt: skip
    for name in special.__all__:
        own, other = getattr(special, name), getattr(minitorch, names.get(name, name), None)
        if other is not None:
            assert own is other, name


EXPRESSIONS = [
    "t.lgamma(x), t.digamma(x), t.polygamma(0, x), t.polygamma(3, x), y.polygamma(1), t.mvlgamma(x + 1, 3), t.special.multigammaln(x, 1)",
    "t.igamma(x.detach(), x.flip(0)), t.igammac(x.detach(), x.flip(0)), t.special.gammainc(x.detach()[0], x)",
    "t.special.zeta(x.detach() + 1, x), t.special.zeta(2.0, x), t.special.zeta(x.detach() + 1, 0.5)",
    "t.erfinv(u), t.special.erfcx(y), t.special.ndtr(y), t.special.ndtri(u), t.special.log_ndtr(y), t.special.entr(u)",
    "t.i0(y), t.special.i0e(y), t.special.i1(y), t.special.i1e(y), t.special.i1(y * 0), t.special.i1e(y * 0)",
    "t.special.xlog1py(y, u.sum()), t.special.xlog1py(0.0, x), t.special.xlog1py(x, 2), t.special.xlogy(x, x), t.xlogy(2, x), t.xlogy(x, 3.0)",
    "t.special.softmax(x, 1), t.special.log_softmax(x, 0), t.special.logsumexp(x, 1), t.special.logit(u), t.special.logit(u, 0.2), t.special.round(x, decimals=1)",
    "[t.special.chebyshev_polynomial_t(y, n) for n in (0, 3, 9)], t.special.legendre_polynomial_p(0.25, t.arange(4.0)), t.special.hermite_polynomial_he(y, t.tensor([1, 2, 5]))",
    "(z := x * 1, z.lgamma_(), z)[-1], (z := u * 1, z.erfinv_(), z)[-1], (z := x * 1, z.polygamma_(2), z)[-1], (z := y * 1, z.sinc_(), z)[-1]",
    "t.lgamma(t.tensor([1, 5])), t.special.i0e(t.tensor([True, False])), t.special.zeta(t.tensor([2, 3]), 1)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=REALS, y=SIGNED, u=UNITS))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "text",
    [
        "t.polygamma(-1, x)", "t.mvlgamma(x, 0)", "t.igamma(x, x).sum().backward()", "t.special.zeta(x, x).sum().backward()",
        "t.lgamma(1.0)", "t.arange(3).lgamma_()", "t.igamma(x, 2)",
    ],
)  # fmt: skip
def test_errors_are_pytorch_s(text):
    same_first_line(lambda t: eval(text, {"t": t, "x": t.ones(2, requires_grad=True)}))


# --------------------------------------------------------------------------------------------- against 30 digits

POSITIVE = [1e-3, 0.3, 0.99999, 1.00001, 1.46, 2.0001, 3.7, 8.0, 11.99, 12.01, 40.0, 1e3, 1e8]
BOTH = [-30.0, -8.3, -3.99, -1.01, -1e-5, 1e-5, 0.4, 0.47, 1.99, 2.01, 3.9, 4.1, 7.99, 8.01, 25.0, 80.0]
EXACT = {
    "gammaln": (POSITIVE + [-0.3, -3.7, -10.2], lambda x: mpmath.re(mpmath.loggamma(x))),
    "digamma": (POSITIVE + [-0.3, -3.7, -10.2], mpmath.digamma),
    "erfcx": ([*BOTH[2:], 1e5], lambda x: mpmath.exp(mpmath.mpf(x) ** 2) * mpmath.erfc(x)),
    "log_ndtr": (BOTH[:-2], lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)),
    "erfinv": ([-0.999999, -0.6, -0.5, 1e-12, 0.3, 0.51, 0.9, 1 - 1e-12], mpmath.erfinv),
    "ndtri": ([1e-300, 1e-20, 0.01, 0.2, 0.26, 0.5001, 0.76, 0.9999], lambda p: -mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * mpmath.mpf(p))),
    "i0": (BOTH, lambda x: mpmath.besseli(0, x)),
    "i0e": (BOTH, lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x))),
    "i1": (BOTH, lambda x: mpmath.besseli(1, x)),
    "i1e": (BOTH, lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x))),
    "bessel_j0": (BOTH, lambda x: mpmath.besselj(0, x)),
    "bessel_j1": (BOTH, lambda x: mpmath.besselj(1, x)),
    "bessel_y0": (BOTH[5:], lambda x: mpmath.bessely(0, x)),
    "bessel_y1": (BOTH[5:], lambda x: mpmath.bessely(1, x)),
    "modified_bessel_k0": (BOTH[5:], lambda x: mpmath.besselk(0, x)),
    "modified_bessel_k1": (BOTH[5:], lambda x: mpmath.besselk(1, x)),
    "scaled_modified_bessel_k0": (BOTH[5:], lambda x: mpmath.besselk(0, x) * mpmath.exp(x)),
    "scaled_modified_bessel_k1": (BOTH[5:], lambda x: mpmath.besselk(1, x) * mpmath.exp(x)),
    "airy_ai": (BOTH, mpmath.airyai),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_exact_in_float64(name):
    places, function = EXACT[name]
    with mpmath.workdps(700 if name == "ndtri" else 40):
        expected = [float(function(mpmath.mpf(x))) for x in places]
    got = getattr(special, name)(minitorch.tensor(places, dtype=minitorch.float64)).numpy()
    oscillates = name.startswith(("bessel", "airy", "digamma", "gammaln"))
    numpy.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-15 if oscillates else 0)


SHARES = [(0.01, 0.001), (0.01, 3.0), (0.5, 0.4), (2.0, 1.0), (2.0, 30.0), (15.0, 11.0), (300.0, 310.0), (1e5, 99500.0), (2e6, 2001500.0), (3e9, 3e9 - 1e5)]


@pytest.mark.parametrize("name", ["gammainc", "gammaincc"])
def test_incomplete_gamma_is_exact_in_float64(name):
    a, x = (minitorch.tensor(column, dtype=minitorch.float64) for column in zip(*SHARES, strict=True))
    with mpmath.workdps(40):
        ends = (lambda x: (0, x)) if name == "gammainc" else (lambda x: (x, mpmath.inf))
        expected = [float(share_by_integral(a, *ends(x))) for a, x in SHARES]
    numpy.testing.assert_allclose(getattr(special, name)(a, x).numpy(), expected, rtol=1e-10)


def share_by_integral(a, low, high):
    """∫ t^(a-1) e^-t dt / Γ(a), by quadrature over where the integrand is not nothing."""
    a = mpmath.mpf(a)
    spread = 60 * mpmath.sqrt(a) + 60
    low, high = max(low, a - spread, 0), min(high, a + spread)
    density = lambda t: mpmath.exp((a - 1) * mpmath.log(t) - t - mpmath.loggamma(a))  # noqa: E731
    if low == 0 and a < 1:  # t = s^(1/a) takes the pole away
        return mpmath.quad(lambda s: mpmath.exp(-(s ** (1 / a))), [0, mpmath.mpf(high) ** a / 2, mpmath.mpf(high) ** a]) / mpmath.gamma(a + 1)
    return mpmath.quad(density, mpmath.linspace(low, high, 41))


@pytest.mark.parametrize("name", ["t", "u", "v", "w"])
def test_chebyshev_s_polynomials_at_the_ends(name):
    x, n = numpy.repeat([1.0, -1.0], 4), numpy.tile([-1.0, 0.0, 4.0, 13.0], 2)
    agree(lambda t: getattr(t.special, f"chebyshev_polynomial_{name}")(t.from_numpy(x), t.from_numpy(n)))
    agree(lambda t: getattr(t.special, f"shifted_chebyshev_polynomial_{name}")(t.from_numpy((x + 1) / 2), t.from_numpy(n)))


def test_hermite_s_polynomials_of_too_high_a_degree_are_nan():
    agree(lambda t: t.special.hermite_polynomial_h(t.tensor([0.5, 0.5]), t.tensor([100.0, 200.0])))
