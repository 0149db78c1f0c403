"""Rows of the special functions: gamma, zeta, the error function's kin, Bessel's functions, orthogonal polynomials.

torch: aten/src/ATen/native/UnaryOps.cpp, BinaryOps.cpp, derivatives.yaml
"""

import math

from ..table import analytic, of_reals

__all__ = [
    "digamma", "entr", "erfcx", "erfinv", "i0", "i0e", "i1", "i1e", "igamma", "igammac", "lgamma", "log_ndtr", "ndtri",
    "polygamma", "undifferentiated", "xlog1py", "xlogy", "zeta",
]  # fmt: skip


def not_derived(what):
    """The vjp that PyTorch hasn't either."""

    def vjp(g, _out, *_rest):
        raise NotImplementedError(
            f"the derivative for '{what}' is not implemented.\nPyTorch doesn't have it either: detach() that argument"
        )

    return vjp


def undifferentiated(name):
    """A row of the backend's function ``name``, whose results have no gradient, as in PyTorch."""
    return of_reals(name, lambda xp, *inputs, out=None: getattr(xp, name)(*inputs, out=out))


# --------------------------------------------------------------------------------------------------------- gamma, zeta

lgamma = of_reals("lgamma", lambda xp, x, out=None: xp.lgamma(x, out=out), lambda g, _out, x: g * x.digamma())
digamma = of_reals("digamma", lambda xp, x, out=None: xp.digamma(x, out=out), lambda g, _out, x: g * x.polygamma(1))
# polygamma(x, n): digamma's n-th derivative
polygamma = of_reals(
    "polygamma", lambda xp, x, n, out=None: xp.polygamma(x, n, out=out), lambda g, _out, x, n: g * x.polygamma(n + 1)
)
zeta = of_reals(
    "zeta",
    lambda xp, x, q, out=None: xp.zeta(x, q, out=out),
    not_derived("zeta"),
    lambda g, _out, x, q: g * -x * g._apply(zeta, (x + 1, q)),
    label="SpecialZeta",
)
# igamma(a, x), the lower of the two parts of Γ(a) at x, and igammac, the upper one, as shares of it
igamma = of_reals(
    "igamma",
    lambda xp, a, x, out=None: xp.igamma(a, x, out=out),
    not_derived("igamma: input"),
    lambda g, _out, a, x: g * gamma_density(a, x),
)
igammac = of_reals(
    "igammac",
    lambda xp, a, x, out=None: xp.igammac(a, x, out=out),
    not_derived("igammac: input"),
    lambda g, _out, a, x: -g * gamma_density(a, x),
)


def gamma_density(a, x):
    """x^(a-1) e^-x / Γ(a)."""
    return ((a - 1) * x.log() - x - a.lgamma()).exp()


# -------------------------------------------------------------------------------------------- around the error function

erfinv = of_reals(
    "erfinv",
    lambda xp, x, out=None: xp.erfinv(x, out=out),
    lambda g, out, _x: g * ((out * out).exp() * (math.sqrt(math.pi) / 2)),
)
erfcx = of_reals(
    "erfcx",
    lambda xp, x, out=None: xp.erfcx(x, out=out),
    lambda g, out, x: g * (x * out * 2 - 2 / math.sqrt(math.pi)),
    label="SpecialErfcx",
)
ndtri = of_reals(
    "ndtri",
    lambda xp, x, out=None: xp.ndtri(x, out=out),
    lambda g, out, _x: g * ((out * out / 2).exp() * math.sqrt(2 * math.pi)),
    label="SpecialNdtri",
)
log_ndtr = of_reals(
    "log_ndtr",
    lambda xp, x, out=None: xp.log_ndtr(x, out=out),
    lambda g, _out, x: g / g._apply(erfcx, (x * -math.sqrt(0.5),)) * math.sqrt(2 / math.pi),
    label="SpecialLogNdtr",
)
entr = of_reals(
    "entr", lambda xp, x, out=None: xp.entr(x, out=out), lambda g, _out, x: g * (-x.log() - 1), label="SpecialEntr"
)

# ------------------------------------------------------------------------------- 0 · log 0 is 0; so is the slope of it by x

xlogy = analytic(
    "xlogy",
    lambda xp, x, y, out=None: xp.xlogy(x, y, out=out),
    lambda g, _out, x, y: g * y.log().masked_fill((x == 0) & (y <= 0), 0),
    lambda g, _out, x, y: g * x / y,
)
xlog1py = analytic(
    "xlog1py",
    lambda xp, x, y, out=None: xp.xlog1py(x, y, out=out),
    lambda g, _out, x, y: g * y.log1p().masked_fill((x == 0) & (y <= -1), 0),
    lambda g, _out, x, y: g * x / (y + 1),
    label="SpecialXlog1Py",
)

# ---------------------------------------------------------------------------------------------------- Bessel's functions

i0 = of_reals("i0", lambda xp, x, out=None: xp.i0(x, out=out), lambda g, _out, x: g * g._apply(i1, (x,)))
i0e = of_reals(
    "i0e",
    lambda xp, x, out=None: xp.i0e(x, out=out),
    lambda g, out, x: g * (g._apply(i1e, (x,)) - x.sign() * out),
    label="SpecialI0E",
)
i1 = of_reals(
    "i1",
    lambda xp, x, out=None: xp.i1(x, out=out),
    lambda g, out, x: g * (g._apply(i0, (x,)) - over(out, x)),
    label="SpecialI1",
)
i1e = of_reals(
    "i1e",
    lambda xp, x, out=None: xp.i1e(x, out=out),
    lambda g, out, x: g * (g._apply(i0e, (x,)) - out * x.sign() - over(out, x)),
    label="SpecialI1E",
)


def over(out, x):
    """out / x, and its limit ½ where x is 0."""
    zero = x == 0
    return (out / x.masked_fill(zero, 1)).masked_fill(zero, 0.5)
