"""What distributions are made with: broadcasting, probabilities and logits, properties computed once, triangles.

torch: torch/distributions/utils.py
"""

from functools import update_wrapper

from ..creation import arange, tensor
from ..dtypes import finfo, get_default_dtype
from ..engine import Tensor, enable_grad
from ..ops.joining import broadcast_tensors
from ..random import randn

__all__ = [
    "NUMBERS", "_standard_normal", "_sum_rightmost", "broadcast_all", "clamp_probs", "euler_constant", "lazy_property",
    "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec", "vec_to_tril_matrix",
]  # fmt: skip

euler_constant = 0.57721566490153286060
NUMBERS = (int, float, bool)


def broadcast_all(*values):
    """Tensors and numbers, as tensors of one shape; numbers take the first tensor's dtype, or the default one.

    >>> torch.distributions.utils.broadcast_all(0, torch.ones(2, dtype=torch.float64))
    (tensor([0., 0.], dtype=torch.float64), tensor([1., 1.], dtype=torch.float64))
    """
    if not all(isinstance(v, (Tensor, *NUMBERS)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__.\n"
            f"got {', '.join(type(v).__name__ for v in values)}"
        )
    first = next((v for v in values if isinstance(v, Tensor)), None)
    dtype, device = (get_default_dtype(), None) if first is None else (first.dtype, first.device)
    return tuple(broadcast_tensors(*[v if isinstance(v, Tensor) else tensor(v, dtype=dtype, device=device) for v in values]))


def _standard_normal(shape, dtype, device):
    return randn(shape, dtype=dtype, device=device)


def _sum_rightmost(value, dim):
    """The sum over the last ``dim`` dims."""
    return value if dim == 0 else value.reshape((*value.shape[:-dim], -1)).sum(-1)


# --------------------------------------------------------------------------------------------- probabilities and logits


def logits_to_probs(logits, is_binary=False):
    """Probabilities of log odds, or of the logarithms of weights along the last dim."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs):
    """Probabilities kept off 0 and 1, by the dtype's eps."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary=False):
    """Log odds of probabilities, or the logarithms of those along the last dim; 0 and 1 come out finite."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:
    """A property that is computed when first asked for, with gradients on, and kept as an attribute.

    On the class it is itself, so that one can tell it from others.
    """

    def __init__(self, wrapped):
        self.wrapped = wrapped
        update_wrapper(self, wrapped)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


# ------------------------------------------------------------------------------------------------------------ triangles


def _lower(n, diag):
    """Where the lower triangle of an (n, n) matrix is."""
    places = arange(n)
    return places < places.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat, diag=0):
    """The lower triangle of matrices (*, n, n), row by row, from diagonal ``diag`` down: (*, m).

    >>> torch.distributions.utils.tril_matrix_to_vec(tensor([[1.0, 0.0], [2.0, 3.0]]))
    tensor([1., 2., 3.])
    """
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _lower(n, diag)]


def vec_to_tril_matrix(vec, diag=0):
    """``tril_matrix_to_vec`` undone, with zeros above."""
    m = vec.shape[-1]
    n = (-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * m + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(n) - n > finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {m} which cannot be expressed as the lower triangular part of a square D x D "
            "matrix."
        )
    n = round(n)
    mat = vec.new_zeros((*vec.shape[:-1], n, n))
    mat[..., _lower(n, diag)] = vec
    return mat
