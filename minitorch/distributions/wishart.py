"""Covariances at random.   torch: torch/distributions/wishart.py"""

import math
import warnings

from ..creation import arange, eye, tensor, tril_indices
from ..dtypes import finfo
from ..linalg import cholesky, slogdet
from ..ops.older_linalg import cholesky_solve
from ..random import randn
from ..size import Size
from ..special import multigammaln
from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import check_given, half_log_det, precision_to_scale_tril
from .utils import NUMBERS, lazy_property

__all__ = ["Wishart"]


class Wishart(ExponentialFamily):
    """Σ xᵢ xᵢᵀ for ``df`` vectors from Normal(0, V): p(X) ∝ det(X)^((df - n - 1) / 2) exp(-tr(V⁻¹ X) / 2)

    V is given as ``covariance_matrix``, by its inverse or by its Cholesky factor.

    torch: distributions.Wishart.   Draws: Bartlett 1933; Odell & Feiveson 1966
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self):
        return {
            "covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1),
        }  # fmt: skip

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        name, matrix = check_given((covariance_matrix, precision_matrix, scale_tril), AssertionError)
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        if isinstance(df, NUMBERS):
            batch = matrix.shape[:-2]
            self.df = tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch = Size(matrix._broadcast_shape(matrix.shape[:-2], df.shape))
            self.df = df.expand(batch)
        n = matrix.shape[-1]
        if (self.df <= n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        if (self.df < n).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        super().__init__(batch, matrix.shape[-2:], validate_args=validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_scale_tril(matrix)
        self._dist_chi2 = self._chi2_of(self.df)

    def _chi2_of(self, df):
        places = arange(self._event_shape[-1], dtype=self._unbroadcasted_scale_tril.dtype, device=self.df.device)
        return Chi2(df=df.unsqueeze(-1) - places)

    def _expanded(self, batch_shape):
        found = super()._expanded(batch_shape)
        factor = self._unbroadcasted_scale_tril.expand(batch_shape + self._event_shape)
        return {**found, "_unbroadcasted_scale_tril": factor, "_dist_chi2": self._chi2_of(found["df"])}

    def _for_batch(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        return self._for_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        factor = self._unbroadcasted_scale_tril
        return self._for_batch(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self):
        factor = self._unbroadcasted_scale_tril
        return self._for_batch(cholesky_solve(eye(factor.shape[-1], dtype=factor.dtype, device=factor.device), factor))

    def _df_for_matrices(self, df):
        return df.view(self._batch_shape + (1, 1))

    @property
    def mean(self):
        return self._df_for_matrices(self.df) * self.covariance_matrix

    @property
    def mode(self):
        factor = self.df - self._event_shape[-1] - 1
        factor[factor <= 0] = math.nan
        return self._df_for_matrices(factor) * self.covariance_matrix

    @property
    def variance(self):
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self._df_for_matrices(self.df) * (v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape=()):
        """L N Nᵀ Lᵀ, where N is triangular, normal below the diagonal, the roots of chi-squared numbers on it."""
        p = self._event_shape[-1]
        roots = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = roots.clamp(min=finfo(roots.dtype).eps).diag_embed(dim1=-2, dim2=-1)
        i, j = tril_indices(p, p, offset=-1, device=self.df.device)
        below = Size((*sample_shape, *self._batch_shape, p * (p - 1) // 2))
        noise[..., i, j] = randn(below, dtype=noise.dtype, device=noise.device)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def _over_batch(self, flags):
        return flags.amax([-1 - i for i in range(len(self._batch_shape))]) if self._batch_shape else flags

    def rsample(self, sample_shape=(), max_try_correction=None):
        sample = self._bartlett_sampling(sample_shape)
        # PyTorch means to draw the singular ones again, and takes the others: to draw what it draws, so do we.
        again = self._over_batch(self.support.check(sample))
        if again.any():
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(10 if max_try_correction is None else max_try_correction):
                new = self._bartlett_sampling(again[again].shape)
                sample[again] = new
                again = again.masked_scatter(again, self._over_batch(~self.support.check(new)))
                if not again.any():
                    break
        return sample

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        df, p = self.df, self._event_shape[-1]
        trace = cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(dim=-1)
        normalizer = df * (p * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)) + multigammaln(df / 2, p)
        return (df - p - 1) / 2 * slogdet(value)[1] - trace / 2 - normalizer

    def entropy(self):
        df, p = self.df, self._event_shape[-1]
        half = df / 2
        slope = (half.unsqueeze(-1) - arange(p, dtype=df.dtype, device=df.device) / 2).digamma().sum(-1)
        volume = (p + 1) * (p * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril))
        return volume + multigammaln(half, p) - (df - p - 1) / 2 * slope + df * p / 2

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (-slogdet(-2 * x)[1] + math.log(2) * p) + multigammaln(half, p)
