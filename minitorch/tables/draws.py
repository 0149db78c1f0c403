"""Rows of draws that are made one by one, and how they move with their parameters.

torch: aten/src/ATen/native/Distributions.cpp, derivatives.yaml
"""

from ..table import FLOATS, Primitive

__all__ = ["beta_slope", "binomial", "dirichlet", "gamma_slope", "poisson", "standard_gamma"]


def not_derived(error, text):
    """The vjp that PyTorch hasn't either."""

    def vjp(g, _out, *_rest):
        raise error(f"{text}\nPyTorch doesn't have it either: detach() that argument")

    return vjp


# poisson(rate, stream): how many there are doesn't change with the rate by a little: gradient 0
poisson = Primitive(
    "poisson",
    "random",
    lambda xp, rate, stream: stream.poisson(rate),
    (lambda g, _out, _rate, _stream: g.zeros_like(),),
)
# binomial(count, p, stream)
no_slope = not_derived(RuntimeError, "derivative for aten::binomial is not implemented")
binomial = Primitive(
    "binomial",
    "random",
    lambda xp, count, p, stream: stream.binomial(count, p),
    (no_slope, no_slope),
    label="NotImplemented",
)
# standard_gamma(a, stream)
standard_gamma = Primitive(
    "standard_gamma",
    "random",
    lambda xp, a, stream: stream.standard_gamma(a),
    (lambda g, out, a, _stream: g * g._apply(gamma_slope, (a, out)),),
)
# dirichlet(a, stream): a and the draws are (…, categories); each share is a beta of its a and the sum of the others'
dirichlet = Primitive(
    "dirichlet",
    "random",
    lambda xp, a, stream: stream.dirichlet(a),
    (lambda g, out, a, _stream: share_slope(g, out, a),),
)


def share_slope(g, shares, a):
    """What moves a share moves the others against it."""
    slope = g._apply(beta_slope, (a, shares, a.sum(-1, True).expand_as(a)))
    return slope * (g - (shares * g).sum(-1, True))


# gamma_slope(a, x) is dx/da of such a draw; beta_slope(a, x, total) / (1 - x) that of a share
no_slope = not_derived(NotImplementedError, "the derivative for '_standard_gamma_grad' is not implemented.")
gamma_slope = Primitive(
    "gamma_slope", "slope", lambda xp, a, x: xp.gamma_slope(a, x), (no_slope, no_slope), ready=FLOATS
)
no_slope = not_derived(RuntimeError, "derivative for aten::_dirichlet_grad is not implemented")
beta_slope = Primitive(
    "beta_slope", "slope", lambda xp, a, x, total: xp.beta_slope(a, x, total), (no_slope,) * 3, ready=FLOATS
)
