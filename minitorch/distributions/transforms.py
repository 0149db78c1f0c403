"""The transforms: of numbers (exp, affine, sigmoid …), of vectors (softmax, sticks), of matrices, and joined ones.

torch: torch/distributions/transforms.py
"""

import math

from ..dtypes import finfo
from ..linalg import cholesky
from ..nn.functional import logsigmoid, pad, softplus
from ..ops.joining import cat, stack
from ..size import Size, broadcast_shape
from . import constraints
from .transform import ComposeTransform, IndependentTransform, ReshapeTransform, Transform, identity_transform
from .utils import NUMBERS, _sum_rightmost, broadcast_all, lazy_property, tril_matrix_to_vec, vec_to_tril_matrix

__all__ = [
    "AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
    "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
    "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform", "identity_transform",
]  # fmt: skip


class _Plain(Transform):
    """A transform without parameters: any two are equal."""

    def __eq__(self, other):
        return isinstance(other, type(self))


class _Joint(Transform):
    """What those with parameters share: shapes are broadcast with those of ``_parameters``."""

    def forward_shape(self, shape):
        return Size(broadcast_shape((shape, *[getattr(x, "shape", ()) for x in self._parameters()])))

    inverse_shape = forward_shape


# --------------------------------------------------------------------------------------------------------------- numbers


class ExpTransform(_Plain):
    """y = exp(x)   torch: distributions.ExpTransform"""

    domain, codomain, bijective, sign = constraints.real, constraints.positive, True, +1

    def _call(self, x):
        return x.exp()

    def _inverse(self, y):
        return y.log()

    def log_abs_det_jacobian(self, x, y):
        return x


class PowerTransform(_Joint):
    """y = x^exponent   torch: distributions.PowerTransform"""

    domain, codomain, bijective = constraints.positive, constraints.positive, True

    def __init__(self, exponent, cache_size=0):
        super().__init__(cache_size=cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def _parameters(self):
        return (self.exponent,)

    def _again(self, cache_size):
        return PowerTransform(self.exponent, cache_size=cache_size)

    @lazy_property
    def sign(self):
        return self.exponent.sign()

    def __eq__(self, other):
        return isinstance(other, PowerTransform) and self.exponent.eq(other.exponent).all().item()

    def _call(self, x):
        return x.pow(self.exponent)

    def _inverse(self, y):
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x, y):
        return (self.exponent * y / x).abs().log()


def _clipped_sigmoid(x):
    """sigmoid(x), never 0 or 1."""
    info = finfo(x.dtype)
    return x.sigmoid().clamp(min=info.smallest_normal, max=1.0 - info.eps)


class SigmoidTransform(_Plain):
    """y = 1 / (1 + exp(-x))   torch: distributions.SigmoidTransform"""

    domain, codomain, bijective, sign = constraints.real, constraints.unit_interval, True, +1

    def _call(self, x):
        return _clipped_sigmoid(x)

    def _inverse(self, y):
        info = finfo(y.dtype)
        y = y.clamp(min=info.smallest_normal, max=1.0 - info.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x, y):
        return -softplus(-x) - softplus(x)


class SoftplusTransform(_Plain):
    """y = log(1 + exp(x))   torch: distributions.SoftplusTransform"""

    domain, codomain, bijective, sign = constraints.real, constraints.positive, True, +1

    def _call(self, x):
        return softplus(x)

    def _inverse(self, y):
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x, y):
        return -softplus(-x)


class TanhTransform(_Plain):
    """y = tanh(x)   torch: distributions.TanhTransform"""

    domain, codomain, bijective, sign = constraints.real, constraints.interval(-1.0, 1.0), True, +1

    def _call(self, x):
        return x.tanh()

    def _inverse(self, y):
        return y.atanh()

    def log_abs_det_jacobian(self, x, y):
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(_Plain):
    """y = |x|; the inverse returns the positive one of the two.   torch: distributions.AbsTransform"""

    domain, codomain = constraints.real, constraints.positive

    def _call(self, x):
        return x.abs()

    def _inverse(self, y):
        return y


class AffineTransform(_Joint):
    """y = loc + scale · x   torch: distributions.AffineTransform"""

    bijective = True

    def __init__(self, loc, scale, event_dim=0, cache_size=0):
        super().__init__(cache_size=cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    def _parameters(self):
        return self.loc, self.scale

    @property
    def event_dim(self):
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        return constraints.independent(constraints.real, self.event_dim) if self.event_dim else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        return self.domain

    def _again(self, cache_size):
        return AffineTransform(self.loc, self.scale, self.event_dim, cache_size=cache_size)

    def __eq__(self, other):
        if not isinstance(other, AffineTransform):
            return False
        return all(_equal(a, b) for a, b in zip(self._parameters(), other._parameters(), strict=True))

    @property
    def sign(self):
        scale = self.scale
        return (scale > 0) - (scale < 0) if isinstance(scale, NUMBERS) else scale.sign()

    def _call(self, x):
        return self.loc + self.scale * x

    def _inverse(self, y):
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x, y):
        scale, shape = self.scale, x.shape
        result = x.full_like(math.log(abs(scale))) if isinstance(scale, NUMBERS) else scale.abs().log()
        if self.event_dim:
            shape = shape[: -self.event_dim]
            result = _sum_rightmost(result, self.event_dim)
        return result.expand(shape)


def _equal(a, b):
    return a == b if isinstance(a, NUMBERS) and isinstance(b, NUMBERS) else (a == b).all().item()


class CumulativeDistributionTransform(Transform):
    """y = cdf(x) of a distribution of numbers, so that its draws become uniform.

    torch: distributions.CumulativeDistributionTransform
    """

    bijective, codomain, sign = True, constraints.unit_interval, +1

    def __init__(self, distribution, cache_size=0):
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self):
        return self.distribution.support

    def _call(self, x):
        return self.distribution.cdf(x)

    def _inverse(self, y):
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x, y):
        return self.distribution.log_prob(x)

    def _again(self, cache_size):
        return CumulativeDistributionTransform(self.distribution, cache_size=cache_size)


# --------------------------------------------------------------------------------------------------------------- vectors


class _OfVectors(_Plain):
    """(*, n) → (*, n + ``more``)"""

    domain, codomain = constraints.real_vector, constraints.simplex
    more = 0

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return shape[:-1] + (shape[-1] + self.more,)

    def inverse_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return shape[:-1] + (shape[-1] - self.more,)


class SoftmaxTransform(_OfVectors):
    """y = exp(x) / Σ exp(x); its inverse is the logarithm, which only fits up to a constant.

    torch: distributions.SoftmaxTransform
    """

    def _call(self, x):
        weights = (x - x.max(-1, True)[0]).exp()
        return weights / weights.sum(-1, True)

    def _inverse(self, y):
        return y.log()


class StickBreakingTransform(_OfVectors):
    """n numbers → n + 1 shares: each sigmoid(x - log of how many are left) breaks its share off what the others left.

    torch: distributions.StickBreakingTransform
    """

    bijective = True
    more = 1

    def _call(self, x):
        broken = _clipped_sigmoid(x - _left(x).log())
        rest = (1 - broken).cumprod(-1)
        return pad(broken, [0, 1], value=1) * pad(rest, [1, 0], value=1)

    def _inverse(self, y):
        shares = y[..., :-1]
        rest = (1 - shares.cumsum(-1)).clamp(min=finfo(y.dtype).smallest_normal)
        return shares.log() - rest.log() + _left(shares).log()

    def log_abs_det_jacobian(self, x, y):
        x = x - _left(x).log()
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)


def _left(x):
    """n, n - 1 … 1: how many shares each of the n breaks is followed by."""
    return x.shape[-1] + 1 - x.new_ones(x.shape[-1]).cumsum(-1)


class CorrCholeskyTransform(Transform):
    """n(n-1)/2 numbers → the Cholesky factor of a matrix of correlations (n, n): tanh(x) gives partial correlations.

    torch: distributions.CorrCholeskyTransform
    """

    domain, codomain, bijective = constraints.real_vector, constraints.corr_cholesky, True

    def _call(self, x):
        eps = finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        rest = (1 - r**2).sqrt().cumprod(-1)
        r = r + r.new_ones(r.shape[-1]).diag()
        return r * pad(rest[..., :-1], [1, 0], value=1)

    def _inverse(self, y):
        rest = pad((1 - (y * y).cumsum(dim=-1))[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(rest, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x, y, intermediates=None):
        rest = tril_matrix_to_vec(1 - (y * y).cumsum(dim=-1), diag=-2)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(dim=-1)
        return 0.5 * rest.log().sum(-1) + of_tanh

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        m = shape[-1]
        n = round((0.25 + 2 * m) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != m:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + (n, n)

    def inverse_shape(self, shape):
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        n = shape[-1]
        return shape[:-2] + (n * (n - 1) // 2,)


# -------------------------------------------------------------------------------------------------------------- matrices


class LowerCholeskyTransform(_Plain):
    """The lower triangle of a matrix, its diagonal exponentiated.   torch: distributions.LowerCholeskyTransform"""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x):
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Plain):
    """L Lᵀ for the L of ``LowerCholeskyTransform``.   torch: distributions.PositiveDefiniteTransform"""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x):
        x = LowerCholeskyTransform()(x)
        return x @ x.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(cholesky(y))


# ---------------------------------------------------------------------------------------------------------------- joined


class _Joined(Transform):
    """One transform for each piece along a dim."""

    def __init__(self, tseq, dim=0, cache_size=0):
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self):
        return all(t.bijective for t in self.transforms)

    def _check(self, x, size, what, name="x", of="tensor"):
        if not -x.dim() <= self.dim < x.dim():
            raise AssertionError(f"dim {self.dim} out of range for {of} with {x.dim()} dimensions")
        if x.size(self.dim) != size:
            raise AssertionError(f"{name}.size({self.dim}) = {x.size(self.dim)} must equal {what} {size}")


class CatTransform(_Joined):
    """``tseq[i]`` for a piece of dim ``dim`` that is ``lengths[i]`` long.   torch: distributions.CatTransform"""

    def __init__(self, tseq, dim=0, lengths=None, cache_size=0):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})")

    @lazy_property
    def event_dim(self):
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self):
        return sum(self.lengths)

    def _again(self, cache_size):
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _pieces(self, x, name, of="tensor"):
        self._check(x, self.length, "length", name, of)
        return x.split(self.lengths, self.dim)

    def _call(self, x):
        return cat([t(piece) for t, piece in zip(self.transforms, self._pieces(x, "x"), strict=True)], dim=self.dim)

    def _inverse(self, y):
        return cat([t.inv(piece) for t, piece in zip(self.transforms, self._pieces(y, "y"), strict=True)], dim=self.dim)

    def log_abs_det_jacobian(self, x, y):
        xs, ys = self._pieces(x, "x", "x"), self._pieces(y, "y", "y")
        found = [
            _sum_rightmost(t.log_abs_det_jacobian(a, b), self.event_dim - t.event_dim)
            for t, a, b in zip(self.transforms, xs, ys, strict=True)
        ]
        dim = (self.dim - x.dim() if self.dim >= 0 else self.dim) + self.event_dim
        return cat(found, dim=dim) if dim < 0 else sum(found)

    @constraints.dependent_property
    def domain(self):
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self):
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Joined):
    """``tseq[i]`` for the i-th place along dim ``dim``.   torch: distributions.StackTransform"""

    def _again(self, cache_size):
        return StackTransform(self.transforms, self.dim, cache_size)

    def _slices(self, x, name, of="tensor"):
        self._check(x, len(self.transforms), "len(transforms)", name, of)
        return x.unbind(self.dim)

    def _call(self, x):
        return stack([t(piece) for t, piece in zip(self.transforms, self._slices(x, "x"), strict=True)], dim=self.dim)

    def _inverse(self, y):
        slices = self._slices(y, "y")
        return stack([t.inv(piece) for t, piece in zip(self.transforms, slices, strict=True)], dim=self.dim)

    def log_abs_det_jacobian(self, x, y):
        xs, ys = self._slices(x, "x", "x"), self._slices(y, "y", "y")
        triples = zip(self.transforms, xs, ys, strict=True)
        return stack([t.log_abs_det_jacobian(a, b) for t, a, b in triples], dim=self.dim)

    @constraints.dependent_property
    def domain(self):
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self):
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
