"""The multinomial distribution.   torch: torch/distributions/multinomial.py"""

import math

from ..creation import tensor
from ..size import Size
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .one_hot_categorical import OverCategories
from .utils import broadcast_all

__all__ = ["Multinomial"]


class Multinomial(OverCategories):
    """How often each category comes in ``total_count`` draws: P(k) = n! Π p^k / k!

    torch: distributions.Multinomial
    """

    _kept = ("total_count", "_binomial")

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count=total_count, probs=categorical.probs)
        self._over(categorical, validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()):
        drawn = self._categorical.sample(Size((self.total_count, *sample_shape)))
        drawn = drawn.movedim(0, -1)
        counts = drawn.new_zeros(self._extended_shape(sample_shape))
        return counts.scatter_add_(-1, drawn, drawn.ones_like()).type_as(self.probs)

    def entropy(self):
        n = tensor(self.total_count, device=self.probs.device)
        counts = self._binomial.enumerate_support(expand=False)[1:]
        lost = (self._binomial.log_prob(counts).exp() * (counts + 1).lgamma()).sum([0, -1])
        return n * self._categorical.entropy() - (n + 1).lgamma() + lost

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = logits.clone()
        logits[(value == 0) & (logits == -math.inf)] = 0  # 0 · -inf
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + (logits * value).sum(-1)
