"""The normal distribution of vectors, its covariance of low rank but for the diagonal.

torch: torch/distributions/lowrank_multivariate_normal.py
"""

import math

from ..creation import eye
from ..linalg import cholesky, solve_triangular
from ..ops.joining import broadcast_tensors
from . import constraints
from .distribution import Distribution
from .multivariate_normal import batch_mv, half_log_det, mahalanobis
from .utils import _standard_normal, lazy_property

__all__ = ["LowRankMultivariateNormal", "lowrank_log_det", "lowrank_mahalanobis"]


def _plus_identity(matrix):
    return matrix + eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


def lowrank_log_det(d):
    """log det(W Wᵀ + D) = log det(I + Wᵀ D⁻¹ W) + log det D"""
    return 2 * half_log_det(d._capacitance_tril) + d._unbroadcasted_cov_diag.log().sum(-1)


def lowrank_mahalanobis(d, x):
    """xᵀ (W Wᵀ + D)⁻¹ x, by Woodbury's formula."""
    diag = d._unbroadcasted_cov_diag
    projected = batch_mv(d._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2), x)
    return (x.pow(2) / diag).sum(-1) - mahalanobis(d._capacitance_tril, projected)


class LowRankMultivariateNormal(Distribution):
    """A normal distribution with covariance W Wᵀ + D: ``cov_factor`` W (*, n, m), ``cov_diag`` the diagonal of D (*, n).

    No matrix of (n, n) is inverted, only one of (m, m).

    torch: distributions.LowRankMultivariateNormal
    """

    arg_constraints = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True
    _kept = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
        try:
            wide = broadcast_tensors(loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_factor, self.cov_diag = wide[0][..., 0], wide[1], wide[2][..., 0]
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = cholesky(_plus_identity(cov_factor.mT / cov_diag.unsqueeze(-2) @ cov_factor))
        super().__init__(self.loc.shape[:-1], event_shape, validate_args=validate_args)

    def _for_batch(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @lazy_property
    def variance(self):
        variance = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return variance.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        return self._for_batch(root * cholesky(_plus_identity(scaled @ scaled.mT)))

    @lazy_property
    def covariance_matrix(self):
        factor = self._unbroadcasted_cov_factor
        return self._for_batch(factor @ factor.mT + self._unbroadcasted_cov_diag.diag_embed())

    @lazy_property
    def precision_matrix(self):
        diag = self._unbroadcasted_cov_diag
        scaled = self._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2)
        inner = solve_triangular(self._capacitance_tril, scaled, upper=False)
        return self._for_batch(diag.reciprocal().diag_embed() - inner.mT @ inner)

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        along = _standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc.dtype, self.loc.device)
        around = _standard_normal(shape, self.loc.dtype, self.loc.device)
        return self.loc + batch_mv(self._unbroadcasted_cov_factor, along) + self._unbroadcasted_cov_diag.sqrt() * around

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        distance = lowrank_mahalanobis(self, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + lowrank_log_det(self) + distance)

    def entropy(self):
        entropy = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + lowrank_log_det(self))
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
