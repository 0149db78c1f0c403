"""The negative binomial distribution.   torch: torch/distributions/negative_binomial.py"""

from ..engine import no_grad
from ..nn.functional import logsigmoid
from ..ops.draws import poisson
from . import constraints
from .gamma import Gamma
from .probabilities import ByProbability
from .utils import broadcast_all, lazy_property

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ByProbability):
    """P(k) = Γ(n + k) / (k! Γ(n)) p^k (1 - p)^n: successes, of probability p = ``probs``, before the n-th failure.

    torch: distributions.NegativeBinomial
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }  # fmt: skip
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        self._take(probs, logits)
        total_count, self.__dict__[self._given] = broadcast_all(total_count, logits if probs is None else probs)
        self.total_count = total_count.type_as(self._param)
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self):
        return self.total_count * self.logits.exp()

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self):
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self):
        return Gamma(concentration=self.total_count, rate=(-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape=()):
        with no_grad():
            return poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        n, logits = self.total_count, self.logits
        weight = n * logsigmoid(-logits) + value * logsigmoid(logits)
        normalizer = -(n + value).lgamma() + (1.0 + value).lgamma() + n.lgamma()
        return weight - normalizer.masked_fill(n + value == 0.0, 0.0)
