"""The parametrizations that PyTorch brings: length and direction, a spectral norm of 1, orthogonal columns.

torch: nn/utils/parametrizations.py
"""

from ...creation import eye
from ...dtypes import finfo
from ...engine import Tensor, no_grad
from ...ops.equations import matrix_exp, solve
from ...ops.factors import geqrf, householder_product
from ...ops.joining import cat
from ...random import randn
from .. import functional as F
from ..module import Module
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, output_dim, power_method
from .weight_norm import norm_except_dim, weight_of

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _tensor_of(module, name):
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# -------------------------------------------------------------------------------------------------- length and direction


class _WeightNorm(Module):
    def __init__(self, dim=0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        return weight_of(weight_v, weight_g, self.dim)

    def right_inverse(self, weight):
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """w = g · v / |v|: length (original0) and direction (original1) of the weight are learned separately.

    dim: the dim whose slices each have a length of their own; None: one for the whole weight. A state saved with
    ``nn.utils.weight_norm`` can be loaded.   torch: nn.utils.parametrizations.weight_norm.   arXiv:1602.07868

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> layer.parametrizations.weight.original0.shape
    torch.Size([2, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict, prefix, *_):
        old = prefix + name + "_g", prefix + name + "_v"
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


# ---------------------------------------------------------------------------------------------------------- spectral norm


class _SpectralNorm(Module):
    def __init__(self, weight, n_power_iterations=1, dim=0, eps=1e-12):
        super().__init__()
        ndim = weight.dim()
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim % ndim, eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            height, width = matrix.shape
            u, v = matrix.new_empty(height).normal_(0, 1), matrix.new_empty(width).normal_(0, 1)
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._power_method(matrix, 15)

    def _power_method(self, matrix, steps):
        power_method(matrix, self._u, self._v, steps, self.eps, first_v=False)

    def forward(self, weight):
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next forward changes them, and this one's backward still needs them
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value):
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """The weight divided by its largest singular value, which the power method follows, a step at each use in training.

    torch: nn.utils.parametrizations.spectral_norm.   Miyato et al. 2018, arXiv:1802.05957
    """
    weight = _tensor_of(module, name)
    dim = output_dim(module) if dim is None else dim
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


# ----------------------------------------------------------------------------------------------------- orthogonal columns

MAPS = "matrix_exp", "cayley", "householder"


class _Orthogonal(Module):
    """From a matrix to an orthogonal one, times ``base``, so that the matrix may start at an easy place.

    The lower triangle of the matrix is what counts: of A = X - Xᵀ for the first two maps, of the reflections for the third.
    """

    def __init__(self, weight, orthogonal_map, *, use_trivialization=True):
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x):
        wide = x.size(-2) < x.size(-1)
        x = x.mT if wide else x
        q = self._by_reflections(x) if self.orthogonal_map == "householder" else self._by_skew_matrix(x)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if wide else q

    def _by_reflections(self, x):
        a = x.tril(-1)
        q = householder_product(a, 2 / (1 + (a * a).sum(dim=-2)))
        return q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)  # of 1 and -1: not to be learned

    def _by_skew_matrix(self, x):
        """exp A, or (I - A/2)⁻¹ (I + A/2): orthogonal for A = -Aᵀ."""
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = cat([x, x.new_zeros(n, n - k).expand(*x.shape[:-2], -1, -1)], -1)
        a = x - x.mH
        if self.orthogonal_map == "matrix_exp":
            q = matrix_exp(a)
        else:
            one = eye(n, dtype=a.dtype, device=a.device)
            q = solve(one - a / 2, one + a / 2)
        return q if n == k else q[..., :k]

    def right_inverse(self, q):
        with no_grad():
            return self._from(q)

    def _from(self, given):
        if given.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {given.shape}."
            )
        wide = given.size(-2) < given.size(-1)
        q = given.mT if wide else given
        if not hasattr(self, "base"):
            x = self._reflections_of(q)
            return x.mT if wide else x

        n, k = q.shape[-2:]
        if n != k:  # complete it
            q = _orthonormal(cat([q, randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)], -1))
        else:
            q = q.clone() if _is_orthogonal(q) else _orthonormal(q)
        self.base = q
        x = given.zeros_like()  # and then the map must give I: -I does for reflections, 0 below for the others
        x.diagonal(dim1=-2, dim2=-1).fill_(-1)
        return x

    def _reflections_of(self, q):
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential "
                "or the Cayley parametrizations when use_trivialization=False."
            )
        a, tau = geqrf(q)
        signs = a.diagonal(dim1=-2, dim2=-1)
        signs.sign_()
        signs[tau == 0] *= -1  # there was no reflection
        return a


def _is_orthogonal(q):
    n, k = q.shape[-2:]
    one = eye(k, dtype=q.dtype, device=q.device)
    return (q.mH @ q).allclose(one, atol=10 * n * finfo(q.dtype).eps)


def _orthonormal(a):
    """The Q of a = QR with a positive diagonal in R."""
    x, tau = geqrf(a)
    return householder_product(x, tau) * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """A weight whose columns (or rows, if there are fewer) are orthonormal: WᵀW = I, or W Wᵀ = I.

    orthogonal_map: 'matrix_exp' (for a square one the default), 'cayley' or 'householder'.
    use_trivialization: keep a fixed orthogonal matrix to multiply by, so that any value can be assigned.
    torch: nn.utils.parametrizations.orthogonal.   Lezcano-Casado 2019, arXiv:1909.09501

    >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(4, 2))
    >>> bool((layer.weight @ layer.weight.mT - torch.eye(2)).abs().max() < 1e-6)
    True
    """
    weight = _tensor_of(module, name)
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    register_parametrization(module, name, made, unsafe=True)
    return module
