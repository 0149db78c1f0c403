"""Divergences between distributions of different kinds.   torch: torch/distributions/kl.py

Most are -H(p) - E log q(x) in closed form. Where q is 0 somewhere that p isn't, they are infinite.
"""

import math

from ..ops.elementwise import choose as where
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

__all__: list = []

LOG_2PI = math.log(2 * math.pi)

# the supports of p that reach beyond those of q, and the parameter of p that has the shape of the result
INFINITE: dict = {
    (Beta, "concentration1"): [Pareto],
    (ContinuousBernoulli, "probs"): [Pareto],
    (Exponential, "rate"): [Beta, ContinuousBernoulli, Pareto, Uniform],
    (Gamma, "concentration"): [Beta, ContinuousBernoulli, Pareto, Uniform],
    (Gumbel, "loc"): [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    (Laplace, "loc"): [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    (Normal, "loc"): [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    (Pareto, "scale"): [Beta, ContinuousBernoulli, Uniform],
    (Poisson, "rate"): [Bernoulli, Binomial],
}


def _infinite(parameter):
    return lambda p, q: getattr(p, parameter).full_like(math.inf)


for (kind, parameter), others in INFINITE.items():
    for other in others:
        register_kl(kind, other)(_infinite(parameter))


def _x_log_x(x):
    return x.xlogy(x)


def _gamma_normalizer(q):
    return q.concentration.lgamma() - q.concentration * q.rate.log()


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


# ---------------------------------------------------------------------------------------------------- p lies in [0, 1]


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p, q):
    return -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


@register_kl(Beta, Exponential)
def _beta_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p, q):
    a, total = p.concentration1, p.concentration1 + p.concentration0
    log_x = a.digamma() - total.digamma()
    return -p.entropy() + _gamma_normalizer(q) - (q.concentration - 1) * log_x + q.rate * a / total


@register_kl(Beta, Normal)
def _beta_normal(p, q):
    total, mean, variance = p.concentration1 + p.concentration0, p.mean, q.scale.pow(2)
    square = mean * (1 - mean) / (total + 1) + mean.pow(2)
    rest = (square * 0.5 - q.loc * mean + q.loc.pow(2) * 0.5) / variance
    return -p.entropy() + 0.5 * (variance * 2 * math.pi).log() + rest


@register_kl(Beta, Uniform)
def _beta_uniform(p, q):
    result = -p.entropy() + (q.high - q.low).log()
    result[(q.low > p.support.lower_bound) | (q.high < p.support.upper_bound)] = math.inf
    return result


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p, q):
    normalizer = 0.5 * (LOG_2PI + (q.loc / q.scale).square()) + q.scale.log()
    return -p.entropy() + normalizer + (p.variance + p.mean.square() - 2.0 * q.loc * p.mean) / (2.0 * q.scale.square())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p, q):
    result = -p.entropy() + (q.high - q.low).log()
    beyond = (q.low >= p.support.lower_bound) | (q.high <= p.support.upper_bound)
    return where(beyond, result.full_like(math.inf), result)


# ------------------------------------------------------------------------------------------------------- p is positive


@register_kl(Exponential, Gamma)
def _exponential_gamma(p, q):
    ratio, a = q.rate / p.rate, q.concentration
    return -a * ratio.log() + ratio + a.lgamma() + a * euler_constant - (1 + euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p, q):
    product, shift = p.rate * q.scale, q.loc / q.scale
    return product.log() - 1 - shift + shift.exp() * product / (product + 1) + product.reciprocal()


@register_kl(Exponential, Normal)
def _exponential_normal(p, q):
    variance, square = q.scale.pow(2), p.rate.pow(2)
    rest = square.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5
    return 0.5 * (square * variance * 2 * math.pi).log() - 1 + rest / variance


@register_kl(Gamma, Exponential)
def _gamma_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p, q):
    a, product, shift = p.concentration, p.rate * q.scale, q.loc / q.scale
    own = (a - 1) * a.digamma() - a.lgamma() - a
    return own + product.log() + a / product + shift.exp() * (1 + product.reciprocal()).pow(-a) - shift


@register_kl(Gamma, Normal)
def _gamma_normal(p, q):
    a, variance, square = p.concentration, q.scale.pow(2), p.rate.pow(2)
    own = 0.5 * (square * variance * 2 * math.pi).log() - a - a.lgamma() + (a - 1) * a.digamma()
    return own + (0.5 * (a.pow(2) + a) / square - q.loc * a / p.rate + 0.5 * q.loc.pow(2)) / variance


@register_kl(Pareto, Exponential)
def _pareto_exponential(p, q):
    product = p.scale * q.rate
    result = (p.alpha / product).log() - p.alpha.reciprocal() + p.alpha * product / (p.alpha - 1) - 1
    result[p.alpha <= 1] = math.inf
    return result


@register_kl(Pareto, Gamma)
def _pareto_gamma(p, q):
    log_mean = p.scale.log() + p.alpha.reciprocal()
    rest = (1 - q.concentration) * log_mean + q.rate * p.alpha * p.scale / (p.alpha - 1)
    result = p.alpha.log() - log_mean + _gamma_normalizer(q) + rest - 1
    result[p.alpha <= 1] = math.inf
    return result


@register_kl(Pareto, Normal)
def _pareto_normal(p, q):
    twice, ratio = 2 * q.scale.pow(2), p.scale / (p.alpha - 1)
    squares = p.alpha * ratio.pow(2) / (p.alpha - 2) + (p.alpha * ratio - q.loc).pow(2)
    own = (math.sqrt(2 * math.pi) * q.scale * p.alpha / p.scale).log() - p.alpha.reciprocal()
    result = own + squares / twice - 1
    result[p.alpha <= 2] = math.inf
    return result


# ----------------------------------------------------------------------------------------------------- p is any number


@register_kl(Gumbel, Normal)
def _gumbel_normal(p, q):
    ratio = p.scale / q.scale
    mean = (p.loc + p.scale * euler_constant - q.loc) / q.scale
    own = -(ratio / math.sqrt(2 * math.pi)).log() - (euler_constant + 1)
    return own + (math.pi * ratio * 0.5).pow(2) / 3 + mean.pow(2) * 0.5


@register_kl(Laplace, Normal)
def _laplace_normal(p, q):
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    distance = (0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)) / variance
    return -0.5 * (2 * ratio / math.pi).log() + ratio + distance - 1


@register_kl(Normal, Gumbel)
def _normal_gumbel(p, q):
    mean, ratio, shift = p.loc / q.scale, (p.scale / q.scale).pow(2), q.loc / q.scale
    return -ratio.log() * 0.5 + mean - shift + (-mean + 0.5 * ratio + shift).exp() - 0.5 * (1 + LOG_2PI)


@register_kl(Normal, Laplace)
def _normal_laplace(p, q):
    distance = p.loc - q.loc
    z = distance / p.scale
    spread = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp() + distance * (math.sqrt(0.5) * z).erf()
    return -(p.scale / q.scale).log() + spread / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


# ---------------------------------------------------------------------------------------------------------- p is uniform


def _mean_log(low, high):
    """The mean of log x for a uniform x."""
    return (_x_log_x(high) - _x_log_x(low) - (high - low)) / (high - low)


@register_kl(Uniform, Beta)
def _uniform_beta(p, q):
    a, b = q.concentration1, q.concentration0
    logs = (a - 1) * _mean_log(p.low, p.high) + (b - 1) * _mean_log(1 - p.high, 1 - p.low)
    result = a.lgamma() + b.lgamma() - (a + b).lgamma() - (p.high - p.low).log() - logs
    result[(p.high > q.support.upper_bound) | (p.low < q.support.lower_bound)] = math.inf
    return result


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p, q):
    result = -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()
    beyond = (p.high >= q.support.upper_bound) | (p.low <= q.support.lower_bound)
    return where(beyond, result.full_like(math.inf), result)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p, q):
    result = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    result[p.low < q.support.lower_bound] = math.inf
    return result


@register_kl(Uniform, Gamma)
def _uniform_gamma(p, q):
    logs = (1 - q.concentration) * _mean_log(p.low, p.high)
    result = -(p.high - p.low).log() + _gamma_normalizer(q) + logs + q.rate * (p.high + p.low) / 2
    result[p.low < q.support.lower_bound] = math.inf
    return result


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p, q):
    ratio, high, low = q.scale / (p.high - p.low), (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return ratio.log() + 0.5 * (high + low) - ratio * ((-high).exp() - (-low).exp())


@register_kl(Uniform, Normal)
def _uniform_normal(p, q):
    width = p.high - p.low
    squares = width.pow(2) / 12 + ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return (math.sqrt(math.pi * 2) * q.scale / width).log() + 0.5 * squares / q.scale.pow(2)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p, q):
    normalizer = (q.alpha * q.scale.pow(q.alpha) * (p.high - p.low)).log()
    result = _mean_log(p.low, p.high) * (q.alpha + 1) - normalizer
    result[p.low < q.support.lower_bound] = math.inf
    return result
