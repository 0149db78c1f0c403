"""Draws with a parameter for each element: Poisson, binomial, gamma and Dirichlet, at the same seed PyTorch's.

torch: aten/src/ATen/native/Distributions.cpp
"""

from ..errors import TYPE_NAMES, not_a_tensor
from ..tables import draws as rows
from .random import require, stream_of

__all__ = ["binomial", "poisson", "sample_dirichlet", "standard_gamma"]


def poisson(input, generator=None):
    """How many events there are where input[i] are expected: k with probability λᵏ exp(-λ) / k!. The gradient is 0.

    torch: poisson.   Hörmann 1993, doi:10.1016/0167-6687(93)90997-4

    >>> torch.poisson(tensor([0.0, 1e9])) > 0
    tensor([False,  True])
    """
    if not hasattr(input, "_apply"):
        raise not_a_tensor("poisson", "input", 1, input)
    require(input.dtype, "poisson_cpu", input.is_floating_point())
    return input._apply(rows.poisson, (input,), (stream_of(generator, input.device),))


def binomial(count, prob, generator=None):
    """How many of count[i] trials succeed, each with probability prob[i]. It has no gradient.

    torch: binomial.   Hörmann 1993, doi:10.1080/00949659308811496

    >>> torch.binomial(tensor([5.0, 7.0]), tensor([0.0, 1.0]))
    tensor([0., 7.])
    """
    for name, x in (("count", count), ("prob", prob)):
        if not x.is_floating_point():
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {TYPE_NAMES[x.dtype.name]}\n"
                "convert it with .float()"
            )
    require(count.dtype, "binomial_cpu", count.dtype.itemsize > 2)
    if count.dtype is not prob.dtype:
        raise RuntimeError(
            f"Found dtype {TYPE_NAMES[prob.dtype.name]} but expected {TYPE_NAMES[count.dtype.name]}\nconvert one of them"
        )
    return count._apply(rows.binomial, (count, prob), (stream_of(generator, count.device),))


def standard_gamma(concentration, generator=None):
    """A draw from Gamma(concentration[i], 1), and its gradient.   torch: _standard_gamma.   Marsaglia & Tsang 2000"""
    require(concentration.dtype, "gamma_cpu", concentration.is_floating_point() and concentration.dtype.itemsize > 2)
    return concentration._apply(rows.standard_gamma, (concentration,), (stream_of(generator, concentration.device),))


def sample_dirichlet(concentration, generator=None):
    """Shares (…, n) that sum to 1, from Dirichlet(concentration), and their gradient.   torch: _sample_dirichlet"""
    require(concentration.dtype, "dirichlet", concentration.is_floating_point() and concentration.dtype.itemsize > 2)
    return concentration._apply(rows.dirichlet, (concentration,), (stream_of(generator, concentration.device),))
