"""The continuous Bernoulli distribution.   torch: torch/distributions/continuous_bernoulli.py"""

import math

from ..engine import no_grad
from ..nn.functional import binary_cross_entropy_with_logits
from ..ops.elementwise import choose as where
from ..random import rand
from . import constraints
from .exp_family import ExponentialFamily
from .probabilities import ByProbability
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ByProbability, ExponentialFamily):
    """p(x) = C λ^x (1 - λ)^(1 - x) for x in [0, 1], with λ = ``probs`` and what C makes its integral 1.

    Within ``lims`` of λ = ½, where the formulas are 0/0, Taylor series stand for them.

    torch: distributions.ContinuousBernoulli.   Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _kept = ("_given", "_lims")

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    @lazy_property
    def probs(self):
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _away(self):
        """Where λ is not too near ½."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self):
        return where(self._away(), self.probs, self._lims[0] * self.probs.ones_like())

    def _cont_bern_log_norm(self):
        """log C"""
        cut = self._cut_probs()
        low, high = where(cut <= 0.5, cut, cut.zeros_like()), where(cut >= 0.5, cut, cut.ones_like())
        width = where(cut <= 0.5, (-2.0 * low).log1p(), (2.0 * high - 1.0).log())
        x = (self.probs - 0.5).pow(2)
        taylor = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return where(self._away(), ((-cut).log1p() - cut.log()).abs().log() - width, taylor)

    @property
    def mean(self):
        cut, x = self._cut_probs(), self.probs - 0.5
        exact = cut / (2.0 * cut - 1.0) + 1.0 / ((-cut).log1p() - cut.log())
        return where(self._away(), exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self):
        cut, x = self._cut_probs(), (self.probs - 0.5).pow(2)
        exact = cut * (cut - 1.0) / (1.0 - 2.0 * cut).pow(2) + 1.0 / ((-cut).log1p() - cut.log()).pow(2)
        return where(self._away(), exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def sample(self, sample_shape=()):
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()):
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut_probs()
        exact = (cut.pow(value) * (1.0 - cut).pow(1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        within = where(self._away(), exact, value)
        return where(value <= 0.0, value.zeros_like(), where(value >= 1.0, value.ones_like(), within))

    def icdf(self, value):
        cut = self._cut_probs()
        exact = (-cut + value * (2.0 * cut - 1.0)).log1p() - (-cut).log1p()
        return where(self._away(), exact / (cut.log() - (-cut).log1p()), value)

    def entropy(self):
        low, high = (-self.probs).log1p(), self.probs.log()
        return self.mean * (low - high) - self._cont_bern_log_norm() - low

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        low, high = self._lims[0] - 0.5, self._lims[1] - 0.5
        away = (x <= low) | (x > high)
        cut = where(away, x, low * x.ones_like())
        taylor = 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0
        return where(away, cut.expm1().abs().log() - cut.abs().log(), taylor)
