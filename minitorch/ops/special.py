"""The special functions that ``torch`` itself has, element by element: gamma and its kin, the error function's, Bessel's.

More are in ``torch.special``.
"""

import math

from ..errors import not_a_tensor
from ..making import named
from ..tables import special as table
from .elementwise import binary_in_place, both_tensors, in_place, of_tensors, unary

__all__ = [
    "digamma", "digamma_", "erfinv", "erfinv_", "i0", "i0_", "igamma", "igamma_", "igammac", "igammac_", "lgamma",
    "lgamma_", "logit", "mvlgamma", "nth_polygamma", "polygamma", "polygamma_", "sinc", "xlogy",
]  # fmt: skip

lgamma, lgamma_ = unary(table.lgamma, "ln |Γ(x)|"), in_place(table.lgamma)
digamma, digamma_ = unary(table.digamma, "Γ'(x) / Γ(x)"), in_place(table.digamma)
erfinv, erfinv_ = unary(table.erfinv, "The inverse of erf"), in_place(table.erfinv)
i0, i0_ = unary(table.i0, "I₀(x), Bessel's modified function of order 0"), in_place(table.i0)
igamma = of_tensors(table.igamma, "∫₀ʸ t^(x-1) e^-t dt / Γ(x); it has a gradient for y only")
igammac = of_tensors(table.igammac, "1 - igamma(x, y); it has a gradient for y only")
igamma_, igammac_ = binary_in_place(table.igamma), binary_in_place(table.igammac)


def nth_polygamma(n, input):
    """The n-th derivative of ``digamma``.   torch: polygamma

    >>> torch.polygamma(1, torch.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    if not hasattr(input, "_apply"):
        raise not_a_tensor("polygamma", "input", 2, input)
    return polygamma(input, n)


named(nth_polygamma, "polygamma", nth_polygamma.__doc__)


def polygamma(input, n):
    """The n-th derivative of ``digamma``.   torch: Tensor.polygamma"""
    return input._apply(table.polygamma, (input,), (checked_order(n),))


def polygamma_(input, n):
    """``polygamma`` in place."""
    return input._write(table.polygamma, (input,), (checked_order(n),))


def checked_order(n):
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return int(n)


def mvlgamma(input, p):
    """ln Γₚ(x) = p (p - 1)/4 ln π + Σ ln Γ(x - i/2) over i < p: the multivariate one, of dimension p.   torch: mvlgamma"""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if not input.is_floating_point():
        input = input.to(input._common_dtype((input, 1.0)))
    steps = (input._arange(p) * -0.5).to(input.dtype)
    return (input.unsqueeze(-1) + steps).lgamma().sum(-1) + p * (p - 1) * math.log(math.pi) / 4


def sinc(input):
    """sin(πx) / (πx), and 1 at 0.   torch: sinc"""
    x = input * math.pi
    zero = x == 0
    return (x.sin() / x.masked_fill(zero, 1)).masked_fill(zero, 1)


def logit(input, eps=None):
    """ln(x / (1 - x)), with x first clamped to [eps, 1 - eps].   torch: logit"""
    x = input if eps is None else input.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


def xlogy(input, other):
    """x ln y, and 0 where x is 0; one of the two may be a number.   torch: xlogy"""
    input, other = both_tensors("xlogy", input, other)
    return input._apply(table.xlogy, (input, other))
