"""The chi-squared distribution.   torch: torch/distributions/chi2.py"""

from . import constraints
from .gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of the squares of ``df`` standard normals: Gamma(df / 2, 1/2).

    torch: distributions.Chi2
    """

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df, validate_args=None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def _expanded(self, batch_shape):
        return {"concentration": self.concentration.expand(batch_shape), "rate": self.rate.expand(batch_shape)}

    @property
    def df(self):
        return self.concentration * 2
