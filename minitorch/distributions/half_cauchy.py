"""The half-Cauchy distribution.   torch: torch/distributions/half_cauchy.py"""

import math

from ..creation import as_tensor, full
from .cauchy import Cauchy
from .half import Half

__all__ = ["HalfCauchy"]


class HalfCauchy(Half):
    """|x| for x of Cauchy(0, scale), whose mean is infinite.

    torch: distributions.HalfCauchy
    """

    whole = Cauchy

    @property
    def mean(self):
        return full(self._extended_shape(), math.inf, dtype=self.scale.dtype, device=self.scale.device)

    @property
    def variance(self):
        return self.base_dist.variance

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return super().log_prob(as_tensor(value, dtype=self.scale.dtype, device=self.scale.device))
