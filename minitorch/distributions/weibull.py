"""The Weibull distribution.   torch: torch/distributions/weibull.py"""

from . import constraints
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """p(x) = k/λ (x/λ)^(k-1) exp(-(x/λ)^k): λ y^(1/k) for y of Exponential(1), with λ = scale, k = concentration.

    torch: distributions.Weibull
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale, concentration, validate_args=None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(self.scale.ones_like(), validate_args=validate_args)
        super().__init__(base, self._transforms(self.concentration_reciprocal, self.scale), validate_args=validate_args)

    @staticmethod
    def _transforms(power, scale):
        return [PowerTransform(exponent=power), AffineTransform(loc=0, scale=scale)]

    def _expanded(self, batch_shape):
        found = super()._expanded(batch_shape)
        power = found["concentration"].reciprocal()
        return {**found, "concentration_reciprocal": power, "transforms": self._transforms(power, found["scale"])}

    @property
    def mean(self):
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self):
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self):
        power = self.concentration_reciprocal
        return self.scale.pow(2) * ((1 + 2 * power).lgamma().exp() - (2 * (1 + power).lgamma()).exp())

    def entropy(self):
        power = self.concentration_reciprocal
        return euler_constant * (1 - power) + (self.scale * power).log() + 1
