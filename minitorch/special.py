"""The special functions of mathematics.   torch: torch.special

What ``torch`` has too is the same function here: ``special.gammaln`` is ``torch.lgamma``. Like in PyTorch, Bessel's and
Airy's functions and the orthogonal polynomials have no gradients.

Abramowitz & Stegun, Handbook of Mathematical Functions, 1964
"""

import math

from .absent import absent
from .errors import not_a_tensor
from .making import named
from .mixed_precision import TORCH, autocast_doors
from .ops.elementwise import both_tensors, erf, erfc, exp2, expm1, log1p, round
from .ops.elementwise import sigmoid as expit
from .ops.reduce import log_softmax, logsumexp, softmax
from .ops.special import digamma, erfinv, i0, logit, sinc, xlogy
from .ops.special import igamma as gammainc
from .ops.special import igammac as gammaincc
from .ops.special import lgamma as gammaln
from .ops.special import mvlgamma as multigammaln
from .ops.special import nth_polygamma as polygamma
from .out import SPECIAL, accepting_out
from .replay_forward import METHODS, replay_doors
from .tables import special as table

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t", "chebyshev_polynomial_u",
    "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2",
    "expit", "expm1", "gammainc", "gammaincc", "gammaln", "hermite_polynomial_h", "hermite_polynomial_he", "i0", "i0e",
    "i1", "i1e", "laguerre_polynomial_l", "legendre_polynomial_p", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "multigammaln",
    "ndtr", "ndtri", "polygamma", "psi", "round", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w", "sinc", "softmax", "spherical_bessel_j0", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

__getattr__ = absent(__name__)

psi = digamma


def of_one(row, formula):
    """The function that applies a row to one tensor."""

    def function(input):
        if not hasattr(input, "_apply"):
            raise not_a_tensor(f"special_{row.name}", "input", 1, input)
        return input._apply(row, (input,))

    return named(function, row.name, described(row.name, formula))


def of_two(row, formula):
    """The function that applies a row to two tensors, or to a tensor and a number."""

    def function(input, other):
        input, other = both_tensors(f"special_{row.name}", input, other)
        return input._apply(row, (input, other))

    return named(function, row.name, described(row.name, formula))


def described(name, formula):
    return f"{formula}, element by element.   torch: special.{name}"


# ------------------------------------------------------------------------------------------ around the error function

erfcx = of_one(table.erfcx, "e^(x²) erfc(x)")
log_ndtr = of_one(table.log_ndtr, "ln of ndtr(x), without underflow")
ndtri = of_one(table.ndtri, "The inverse of ndtr")
entr = of_one(table.entr, "-x ln x, the entropy; 0 at 0, -∞ below")
zeta = of_two(table.zeta, "Σ (k + y)^-x over k >= 0, Hurwitz's zeta function; it has a gradient for y only")


def ndtr(input):
    """The normal distribution function, ½ (1 + erf(x / √2)).   torch: special.ndtr

    >>> torch.special.ndtr(torch.tensor([0.0, 1.96]))
    tensor([0.5000, 0.9750])
    """
    return (input * -math.sqrt(0.5)).erfc() * 0.5


def xlog1py(input, other):
    """x ln(1 + y), and 0 where x is 0; one of the two may be a number.   torch: special.xlog1py"""
    input, other = both_tensors("special_xlog1py", input, other)
    return input._apply(table.xlog1py, (input, other))


# ------------------------------------------------------------------------------------------- Bessel's and Airy's functions

i0e = of_one(table.i0e, "e^-|x| I₀(x)")
i1 = of_one(table.i1, "I₁(x), Bessel's modified function of order 1")
i1e = of_one(table.i1e, "e^-|x| I₁(x)")


def without_gradient(name, doc):
    return of_one(table.undifferentiated(name), doc)


airy_ai = without_gradient("airy_ai", "Ai(x), Airy's function")
bessel_j0 = without_gradient("bessel_j0", "J₀(x), Bessel's function of the first kind")
bessel_j1 = without_gradient("bessel_j1", "J₁(x), Bessel's function of the first kind")
bessel_y0 = without_gradient("bessel_y0", "Y₀(x), Bessel's function of the second kind")
bessel_y1 = without_gradient("bessel_y1", "Y₁(x), Bessel's function of the second kind")
modified_bessel_i0 = without_gradient("modified_bessel_i0", "I₀(x)")
modified_bessel_i1 = without_gradient("modified_bessel_i1", "I₁(x)")
modified_bessel_k0 = without_gradient("modified_bessel_k0", "K₀(x), Bessel's modified function of the second kind")
modified_bessel_k1 = without_gradient("modified_bessel_k1", "K₁(x), Bessel's modified function of the second kind")
scaled_modified_bessel_k0 = without_gradient("scaled_modified_bessel_k0", "e^x K₀(x)")
scaled_modified_bessel_k1 = without_gradient("scaled_modified_bessel_k1", "e^x K₁(x)")
spherical_bessel_j0 = without_gradient("spherical_bessel_j0", "sin x / x")


# ----------------------------------------------------------------------------------------------- orthogonal polynomials


def polynomial(name, doc):
    """A polynomial of degree n in x: either may be a number. Without gradients; 0 for a negative degree."""
    apply = of_two(table.undifferentiated(name), doc)

    def function(input, n):
        return apply(input, n)

    return named(function, name, apply.__doc__)


chebyshev_polynomial_t = polynomial("chebyshev_polynomial_t", "Tₙ(x) = cos(n arccos x)")
chebyshev_polynomial_u = polynomial("chebyshev_polynomial_u", "Uₙ(x), Chebyshev's polynomial of the second kind")
chebyshev_polynomial_v = polynomial("chebyshev_polynomial_v", "Vₙ(x), Chebyshev's polynomial of the third kind")
chebyshev_polynomial_w = polynomial("chebyshev_polynomial_w", "Wₙ(x), Chebyshev's polynomial of the fourth kind")
hermite_polynomial_h = polynomial("hermite_polynomial_h", "Hₙ(x), Hermite's polynomial of the physicists")
hermite_polynomial_he = polynomial("hermite_polynomial_he", "Heₙ(x), Hermite's polynomial of the statisticians")
laguerre_polynomial_l = polynomial("laguerre_polynomial_l", "Lₙ(x), Laguerre's polynomial")
legendre_polynomial_p = polynomial("legendre_polynomial_p", "Pₙ(x), Legendre's polynomial")
shifted_chebyshev_polynomial_t = polynomial("shifted_chebyshev_polynomial_t", "Tₙ(2x - 1)")
shifted_chebyshev_polynomial_u = polynomial("shifted_chebyshev_polynomial_u", "Uₙ(2x - 1)")
shifted_chebyshev_polynomial_v = polynomial("shifted_chebyshev_polynomial_v", "Vₙ(2x - 1)")
shifted_chebyshev_polynomial_w = polynomial("shifted_chebyshev_polynomial_w", "Wₙ(2x - 1)")

globals().update(replay_doors(globals(), METHODS))
globals().update(autocast_doors(globals(), TORCH))
globals().update(accepting_out(globals(), SPECIAL))
