"""The normal distribution of vectors.   torch: torch/distributions/multivariate_normal.py"""

import math

from ..creation import eye
from ..linalg import cholesky, solve_triangular
from ..size import Size
from . import constraints
from .distribution import Distribution
from .utils import _standard_normal, lazy_property

__all__ = ["MultivariateNormal", "batch_mv", "check_given", "half_log_det", "mahalanobis", "precision_to_scale_tril"]


def batch_mv(matrix, vector):
    """A x, for batches of both."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(scale_tril, x):
    """|L⁻¹ x|², for batches of both that are broadcast."""
    if scale_tril.dim() == 2:  # one factor for all: one triangular system
        flat = x.reshape(-1, x.shape[-1])
        return solve_triangular(scale_tril, flat.t(), upper=False).pow(2).sum(0).reshape(x.shape[:-1])
    return solve_triangular(scale_tril, x.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)


def half_log_det(scale_tril):
    """log det L"""
    return scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def precision_to_scale_tril(precision):
    """The L with L Lᵀ = P⁻¹: the factor of P, turned round by 180°, is that of L⁻¹."""
    flipped = cholesky(precision.flip((-2, -1)))
    inverse = flipped.flip((-2, -1)).transpose(-2, -1)
    return solve_triangular(inverse, eye(precision.shape[-1], dtype=precision.dtype, device=precision.device), upper=False)


GIVEN = ("covariance_matrix", "precision_matrix", "scale_tril")


def check_given(matrices, error):
    """The name and value of the one matrix that is given."""
    given = [(name, x) for name, x in zip(GIVEN, matrices, strict=True) if x is not None]
    if len(given) != 1:
        raise error(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.\n"
            f"got {len(given)} of them"
        )
    return given[0]


class MultivariateNormal(Distribution):
    """p(x) = exp(-(x - loc)ᵀ Σ⁻¹ (x - loc) / 2) / √((2π)ⁿ det Σ)

    Σ is given as itself, by its inverse, or by its Cholesky factor; the last is what is computed with.

    torch: distributions.MultivariateNormal

    >>> d = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    >>> d.log_prob(tensor([0.0, 1.0]))
    tensor(-2.3379)
    """

    arg_constraints = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True
    _kept = ("_unbroadcasted_scale_tril",)

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = check_given((covariance_matrix, precision_matrix, scale_tril), ValueError)
        if matrix.dim() < 2:
            what = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{what} must be at least two-dimensional, with optional leading batch dimensions")
        batch = loc._broadcast_shape(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        self.loc = loc.expand((*batch, -1))
        super().__init__(Size(batch), self.loc.shape[-1:], validate_args=validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_scale_tril(matrix)

    def _for_batch(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

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
        inverse = solve_triangular(factor, eye(factor.shape[-1], dtype=factor.dtype, device=factor.device), upper=False)
        return self._for_batch(inverse.mT @ inverse)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=()):
        noise = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype, self.loc.device)
        return self.loc + batch_mv(self._unbroadcasted_scale_tril, noise)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        distance = mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        log_det = half_log_det(self._unbroadcasted_scale_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - log_det

    def entropy(self):
        log_det = half_log_det(self._unbroadcasted_scale_tril)
        entropy = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
