"""Correlations at random.   torch: torch/distributions/lkj_cholesky.py"""

import math

from ..creation import arange
from ..dtypes import finfo
from ..ops.joining import cat
from ..random import randn
from ..size import Size
from ..special import multigammaln
from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """The Cholesky factor L of a matrix of correlations (dim, dim), of density ∝ det(L Lᵀ)^(concentration - 1) for L Lᵀ.

    torch: distributions.LKJCholesky.   Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008: the onion method
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        offset = arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        offset = cat([offset.new_zeros((1,)), offset])
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)

    def _expanded(self, batch_shape):
        return {
            **super()._expanded(batch_shape),
            "dim": self.dim,
            "_beta": self._beta.expand(batch_shape + (self.dim,)),
        }

    def sample(self, sample_shape=()):
        y = self._beta.sample(sample_shape).unsqueeze(-1)
        z = randn(self._extended_shape(sample_shape), dtype=y.dtype, device=y.device).tril(-1)
        on_sphere = z / z.norm(dim=-1, keepdim=True)
        on_sphere[..., 0, :].fill_(0.0)  # 0 / 0
        w = y.sqrt() * on_sphere
        rest = (1 - (w**2).sum(dim=-1)).clamp(min=finfo(w.dtype).smallest_normal).sqrt()
        return w + rest.diag_embed()

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        normalizer = 0.5 * n * math.log(math.pi) + multigammaln(alpha - 0.5, n) - alpha.lgamma() * n
        return (order * diagonal.log()).sum(dim=-1) - normalizer
