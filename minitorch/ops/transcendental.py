"""Special functions, element by element: gamma and its kin, the error function's, Bessel's. More are in ``special.py``."""

import math

from .. import primitives as rows
from ..tables import special as table
from .elementwise import binary, binary_in_place, in_place, named, not_a_tensor, unary
from .special import logit, sinc, xlogy

__all__ = [
    "digamma", "digamma_", "erfinv", "erfinv_", "i0", "i0_", "igamma", "igamma_", "igammac", "igammac_", "lgamma",
    "lgamma_", "logit_", "mvlgamma", "mvlgamma_", "nth_polygamma", "of_tensors", "overwritten", "polygamma", "polygamma_", "sinc_",
    "xlogy_",
]  # fmt: skip

lgamma, lgamma_ = unary(table.lgamma, "ln |Γ(x)|"), in_place(table.lgamma)
digamma, digamma_ = unary(table.digamma, "Γ'(x) / Γ(x)"), in_place(table.digamma)
erfinv, erfinv_ = unary(table.erfinv, "The inverse of erf"), in_place(table.erfinv)
i0, i0_ = unary(table.i0, "I₀(x), Bessel's modified function of order 0"), in_place(table.i0)


def of_tensors(row, formula):
    """As ``binary``, for what takes no numbers."""
    apply = binary(row, formula)

    def function(input, other):
        if not hasattr(other, "_apply"):
            raise not_a_tensor(row.name, "other", 2, other)
        return apply(input, other)

    return named(function, row.name, apply.__doc__)


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


def overwritten(input, function, *args, **kwargs):
    """``input``, with ``function(input, …)`` written over it. Raises RuntimeError for a result of a higher category of dtype."""
    result = function(input.clone() if input.requires_grad else input, *args, **kwargs)  # what is written over can't be saved
    result = result if result.dtype.category > input.dtype.category else result.to(input.dtype)
    return input._write(rows.assign, (input, result))


def mvlgamma_(input, p):
    """``mvlgamma`` in place."""
    return overwritten(input, mvlgamma, p)


def sinc_(input):
    """``sinc`` in place."""
    return overwritten(input, sinc)


def logit_(input, eps=None):
    """``logit`` in place."""
    return overwritten(input, logit, eps)


def xlogy_(input, other):
    """``xlogy`` in place."""
    return overwritten(input, xlogy, other)
