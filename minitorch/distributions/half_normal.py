"""The half-normal distribution.   torch: torch/distributions/half_normal.py"""

import math

from .half import Half
from .normal import Normal

__all__ = ["HalfNormal"]


class HalfNormal(Half):
    """|x| for x of Normal(0, scale).

    torch: distributions.HalfNormal
    """

    whole = Normal

    @property
    def mean(self):
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self):
        return self.scale.pow(2) * (1 - 2 / math.pi)
