"""The von Mises distribution.   torch: torch/distributions/von_mises.py"""

import math

from ..creation import empty, zeros
from ..dtypes import bool as bool_
from ..dtypes import float64
from ..engine import no_grad
from ..ops.elementwise import choose as where
from ..random import rand
from ..size import Size
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, lazy_property

__all__ = ["VonMises"]

# I₀ and I₁ as polynomials in (x / 3.75)² below 3.75, and in 3.75 / x above: Abramowitz & Stegun 1964, 9.8.1 to 9.8.4
SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411),
)  # fmt: skip
LARGE = (
    (0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377),
    (0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059),
)  # fmt: skip


def log_bessel(x, order):
    """log I(x) of order 0 or 1, for x > 0, to 1e-7."""
    square = (x / 3.75) * (x / 3.75)
    small = _polynomial(SMALL[order], square)
    small = (x.abs() * small if order else small).log()
    large = x - 0.5 * x.log() + _polynomial(LARGE[order], 3.75 / x).log()
    return where(x < 3.75, small, large)


def _polynomial(coefficients, x):
    value = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        value = c + x * value
    return value


class VonMises(Distribution):
    """p(x) = exp(κ cos(x - loc)) / (2π I₀(κ)) for an angle x, with κ = concentration

    torch: distributions.VonMises.   Draws: Best & Fisher 1979, Efficient simulation of the von Mises distribution
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, Size(), validate_args)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        log_prob = self.concentration * (value - self.loc).cos()
        return log_prob - math.log(2 * math.pi) - log_bessel(self.concentration, 0)

    @no_grad()
    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        loc, kappa = self.loc.to(float64), self.concentration.to(float64)
        x, done = empty(shape, dtype=float64, device=loc.device), zeros(shape, dtype=bool_, device=loc.device)
        r = self._proposal(kappa)
        while not done.all():
            u1, u2, u3 = rand((3, *shape), dtype=float64, device=loc.device).unbind()
            z = (math.pi * u1).cos()
            f = (1 + r * z) / (r + z)
            c = kappa * (r - f)
            accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
            if accept.any():
                x = where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
        return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @staticmethod
    def _proposal(kappa):
        """The shape of the wrapped Cauchy distribution that proposes."""
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    @property
    def mean(self):
        """The mean direction."""
        return self.loc

    @property
    def mode(self):
        return self.loc

    @lazy_property
    def variance(self):
        """The circular variance, 1 - I₁(κ) / I₀(κ)."""
        return 1 - (log_bessel(self.concentration, 1) - log_bessel(self.concentration, 0)).exp()
