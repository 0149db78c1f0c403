"""Reductions and normalizations of the elements where a mask holds.   torch: torch.masked

Each is the function of the same name, with what is masked out replaced by the number that changes nothing: 0 for a sum,
1 for a product, -∞ for a maximum. The mask, a boolean tensor, is broadcast to the input; without one all elements count.
MaskedTensor, PyTorch's prototype of a tensor that carries its mask, isn't here.
"""

import math

from .absent import absent
from .dtypes import as_dtype, float32, iinfo, int64
from .dtypes import bool as bool_dtype
from .linalg import vector_norm
from .ops.arithmetic import logaddexp as plain_logaddexp

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median",
    "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip

__getattr__ = absent(__name__)


# -------------------------------------------------------------------------------------------------------- masks and dims


def shown(input, mask, hidden):
    """``input``, with ``hidden`` where the mask, if there is one, doesn't hold."""
    return input if mask is None else input.masked_fill(spread(input, mask).logical_not(), hidden)


def spread(input, mask):
    """The mask in the input's shape. Raises IndexError if it has more dims."""
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    mask = mask if mask.dtype is bool_dtype else mask != 0
    return mask.expand(input.shape)


def lowest(input):
    """What no element is less than."""
    if input.is_floating_point():
        return -math.inf
    return False if input.dtype is bool_dtype else iinfo(input.dtype).min


def highest(input):
    """What no element is greater than."""
    if input.is_floating_point():
        return math.inf
    return True if input.dtype is bool_dtype else iinfo(input.dtype).max


def dims_of(dim, ndim):
    """``dim`` as a sorted tuple of dims counted from the front; None and () are all of them."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    n, dims = max(ndim, 1), []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in dims:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        if not -n <= d < n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
        dims.append(d % n)
    return tuple(sorted(dims))


def total_dtype(input, dtype):
    """That of a sum or a product: narrow integers add up in int64."""
    if dtype is not None:
        return as_dtype(dtype)
    return input.dtype if input.is_floating_point() or input.is_complex() else int64


# ------------------------------------------------------------------------------------------------------------ reductions


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Σ x over ``dim`` where the mask holds; 0 where it nowhere does.   torch: masked.sum

    >>> from minitorch import masked
    >>> masked.sum(torch.tensor([1, 2, 3]), mask=torch.tensor([True, False, True]))
    tensor(4)
    """
    return shown(input, mask, 0).sum(dims_of(dim, input.ndim), keepdim, dtype=total_dtype(input, dtype))


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """∏ x over ``dim`` where the mask holds; 1 where it nowhere does.   torch: masked.prod"""
    dtype = total_dtype(input, dtype)
    result = shown(input, mask, 1)
    for d in reversed(dims_of(dim, input.ndim)):
        result = result.prod(d, keepdim)
    return result.to(dtype)


def cumsum(input, dim, *, dtype=None, mask=None):
    """Σ x up to each element along ``dim``, where the mask holds.   torch: masked.cumsum"""
    dtype = input.dtype if dtype is None else as_dtype(dtype)
    return shown(input, mask, 0).cumsum(dims_of(dim, input.ndim)[0], dtype=dtype).to(dtype)


def cumprod(input, dim, *, dtype=None, mask=None):
    """∏ x up to each element along ``dim``, where the mask holds.   torch: masked.cumprod"""
    dtype = input.dtype if dtype is None else as_dtype(dtype)
    return shown(input, mask, 1).cumprod(dims_of(dim, input.ndim)[0], dtype=dtype).to(dtype)


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The largest element over ``dim`` where the mask holds; else the dtype's lowest number.   torch: masked.amax"""
    return shown(input, mask, lowest(input)).amax(dims_of(dim, input.ndim), keepdim).to(dtype or input.dtype)


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The smallest element over ``dim`` where the mask holds; else the dtype's highest number.   torch: masked.amin"""
    return shown(input, mask, highest(input)).amin(dims_of(dim, input.ndim), keepdim).to(dtype or input.dtype)


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the largest element is, of those where the mask holds.   torch: masked.argmax"""
    return shown(input, mask, lowest(input)).argmax(dim, keepdim).to(dtype or input.dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the smallest element is, of those where the mask holds.   torch: masked.argmin"""
    return shown(input, mask, highest(input)).argmin(dim, keepdim).to(dtype or input.dtype)


def how_many(input, dims, keepdim, mask):
    """How many elements count, over ``dims``."""
    counted = input.ones_like(dtype=int64) if mask is None else spread(input, mask).to(int64)
    return counted.sum(dims, keepdim)


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The mean over ``dim`` where the mask holds; NaN where it nowhere does.   torch: masked.mean"""
    dtype = input.dtype if dtype is None else as_dtype(dtype)
    dims = dims_of(dim, input.ndim)
    return sum(input, dims, keepdim=keepdim, dtype=dtype, mask=mask) / how_many(input, dims, keepdim, mask)


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """The middle element along ``dim`` where the mask holds, the lower one of two.   torch: masked.median

    Raises ValueError for integers if a row is masked out wholly.
    """
    floating = input.is_floating_point()
    x = shown(input if floating else input.to(float32), mask, math.nan)
    result = x.nanmedian(dims_of(dim, input.ndim)[0], keepdim).values
    if floating:
        return result
    if bool(result.isnan().any()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return result.to(dtype or input.dtype)


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """(Σ |x|^ord)^(1/ord) over ``dim`` where the mask holds.   torch: masked.norm"""
    x = shown(input, mask, math.inf if ord == -math.inf else 0)
    return vector_norm(x, ord, dims_of(dim, input.ndim), keepdim, dtype=dtype)


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Σ (x - mean)² / (n - correction) over ``dim`` where the mask holds; correction 1 unless said.   torch: masked.var"""
    return spread_around_mean(input, dim, unbiased, correction, keepdim, dtype, mask, root=False)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The square root of ``var``.   torch: masked.std"""
    return spread_around_mean(input, dim, unbiased, correction, keepdim, dtype, mask, root=True)


def spread_around_mean(input, dim, unbiased, correction, keepdim, dtype, mask, root):
    if unbiased is not None and correction is not None:
        raise RuntimeError("Only one of unbiased and correction may be given")
    correction = (1 if unbiased is None else int(unbiased)) if correction is None else correction
    dtype = input.dtype if dtype is None else as_dtype(dtype)
    dtype = dtype if dtype.is_floating_point or dtype.is_complex else float32
    dims = dims_of(dim, input.ndim)
    count = how_many(input, dims, True, mask)
    centred = input - sum(input, dims, keepdim=True, dtype=dtype, mask=mask) / count
    total = sum(centred * centred.conj(), dims, keepdim=keepdim, dtype=dtype, mask=mask)
    count = count.reshape(total.shape).to(dtype.to_real())
    result = total / (count - correction).clamp(min=0)
    return result.sqrt() if root else result


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """ln Σ e^x over ``dim`` where the mask holds; -∞ where it nowhere does.   torch: masked.logsumexp"""
    return shown(input, mask, lowest(input)).logsumexp(dims_of(dim, input.ndim), keepdim).to(dtype or input.dtype)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """ln(e^x + e^y), of which either may be masked out.   torch: masked.logaddexp"""
    x, y = shown(input, input_mask, -math.inf), shown(other, other_mask, -math.inf)
    return plain_logaddexp(x, y).to(dtype or input.dtype)


# -------------------------------------------------------------------------------------------------------- normalizations


def softmax(input, dim, *, dtype=None, mask=None):
    """e^x / Σ e^x over ``dim`` where the mask holds, elsewhere 0; NaN where it nowhere does.   torch: masked.softmax"""
    return shown(input, mask, lowest(input)).softmax(dims_of(dim, input.ndim)[0], dtype or input.dtype)


def log_softmax(input, dim, *, dtype=None, mask=None):
    """ln of ``softmax``.   torch: masked.log_softmax"""
    return shown(input, mask, lowest(input)).log_softmax(dims_of(dim, input.ndim)[0], dtype or input.dtype)


def softmin(input, dim, *, dtype=None, mask=None):
    """``softmax`` of -x.   torch: masked.softmin"""
    return (-shown(input, mask, highest(input))).softmax(dims_of(dim, input.ndim)[0], dtype or input.dtype)


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """x / ‖x‖ over ``dim``, of the elements where the mask holds; elsewhere 0.   torch: masked.normalize"""
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return shown(input, mask, 0) / length.clamp(min=eps)
