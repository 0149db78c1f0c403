"""Less common functions, each said in a line or two of the others."""

import math
import warnings
from collections import namedtuple

from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import complex128, float64, get_default_dtype
from ..tables import special as table
from .elementwise import both_tensors, refuse_number
from .reduce import logaddexp_complex, one_dim

__all__ = [
    "bucketize", "copysign", "cross", "deg2rad", "diagflat", "diagonal_scatter",
    "diff", "fill_diagonal_", "float_power", "fmax", "fmin", "frac", "heaviside", "histc", "isin", "isneginf",
    "isposinf", "ldexp", "logaddexp", "logaddexp2", "logit", "mode", "nanmedian", "quantile",
    "rad2deg", "renorm", "select_scatter", "sinc", "slice_scatter", "xlogy",
]  # fmt: skip

mode_result = namedtuple("mode", ["values", "indices"])
nanmedian_result = namedtuple("nanmedian", ["values", "indices"])


# --------------------------------------------------------------------------------------------------------- elementwise


def frac(input):
    """x without its integer part.   torch: frac"""
    return input - input.trunc()


def deg2rad(input):
    """x π / 180.   torch: deg2rad"""
    return input * (math.pi / 180)


def rad2deg(input):
    """x 180 / π.   torch: rad2deg"""
    return input * (180 / math.pi)


def sinc(input):
    """sin(πx) / (πx), and 1 at 0.   torch: sinc"""
    x = input * math.pi
    zero = x == 0
    return (x.sin() / x.masked_fill(zero, 1)).masked_fill(zero, 1)


def logit(input, eps=None):
    """ln(x / (1 - x)), with x first clamped to [eps, 1 - eps].   torch: logit"""
    x = input if eps is None else input.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


def logaddexp(input, other):
    """ln(e^x + e^y), without overflow.   torch: logaddexp"""
    refuse_number("logaddexp", input, other)
    if input.is_complex():
        return logaddexp_complex(input, other)
    larger = input.maximum(other)
    total = larger + (-(input - other).abs()).exp().log1p()
    return larger.where(larger.isinf(), total)


def logaddexp2(input, other):
    """log2(2^x + 2^y), without overflow.   torch: logaddexp2"""
    refuse_number("logaddexp2", input, other)
    larger = input.maximum(other)
    total = larger + (-(input - other).abs()).exp2().log1p() / math.log(2)
    return larger.where(larger.isinf(), total)


def xlogy(input, other):
    """x ln y, and 0 where x is 0; one of the two may be a number.   torch: xlogy"""
    input, other = both_tensors("xlogy", input, other)
    return input._apply(table.xlogy, (input, other))


def copysign(input, other):
    """|x| with the sign of y.   torch: copysign"""
    other = other if hasattr(other, "_apply") else input.new_tensor(other)
    dtype = input._common_dtype((input, other))
    input, other = [x.to(dtype if dtype.is_floating_point else get_default_dtype()) for x in (input, other)]
    size = input.abs()
    return (-size).where(other.signbit(), size)


def heaviside(input, values):
    """0 where x < 0, 1 where x > 0, ``values`` where x is 0.   torch: heaviside"""
    refuse_number("heaviside", input, values, "values")
    return values.where(input == 0, (input > 0).to(input.dtype))


def fmax(input, other):
    """The larger, where one is NaN the other.   torch: fmax"""
    refuse_number("fmax", input, other)
    larger = input.maximum(other)
    return other.where(input.isnan(), input.where(other.isnan(), larger))


def fmin(input, other):
    """The smaller, where one is NaN the other.   torch: fmin"""
    refuse_number("fmin", input, other)
    smaller = input.minimum(other)
    return other.where(input.isnan(), input.where(other.isnan(), smaller))


def float_power(input, exponent):
    """x^y in float64, or complex128.   torch: float_power"""
    if not hasattr(input, "_apply") and not hasattr(exponent, "_apply"):
        raise TypeError(
            f"float_power() received an invalid combination of arguments - got ({type(input).__name__}, {type(exponent).__name__}), "
            "but expected one of:\nfloat_power(Tensor or Number, Tensor), float_power(Tensor, Number)"
        )
    wide = complex128 if any([is_complex(v) for v in (input, exponent)]) else float64
    x = input.to(wide) if hasattr(input, "_apply") else input
    y = exponent.to(wide) if hasattr(exponent, "_apply") else exponent
    return x**y


def is_complex(x):
    """Whether a tensor or a number is complex."""
    return x.is_complex() if hasattr(x, "_apply") else isinstance(x, complex)


def ldexp(input, other):
    """x 2^y.   torch: ldexp"""
    refuse_number("ldexp", input, other)
    return input * 2.0**other


def isposinf(input):
    """Whether x is +∞.   torch: isposinf"""
    return input == math.inf


def isneginf(input):
    """Whether x is -∞.   torch: isneginf"""
    return input == -math.inf


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Whether each element is one of ``test_elements``.   torch: isin"""
    tensor = elements if hasattr(elements, "_apply") else test_elements
    elements = elements if hasattr(elements, "_apply") else tensor.new_tensor(elements)
    tests = test_elements if hasattr(test_elements, "_apply") else tensor.new_tensor(test_elements)
    found = (elements.unsqueeze(-1) == tests.reshape(-1)).any(-1)
    return found.logical_not() if invert else found


# ---------------------------------------------------------------------------------------------- along a dim, statistics


def diff(input, n=1, dim=-1, prepend=None, append=None):
    """x[i + 1] - x[i] along ``dim``, n times.   torch: diff"""
    d = one_dim(dim, input.ndim)
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = [part for part in (prepend, input, append) if part is not None] if n else [input]
    if len(parts) > 1:
        input = input._cat(parts, d)
    for _ in range(n):
        size = input.shape[d]
        later, earlier = input.narrow(d, min(1, size), max(size - 1, 0)), input.narrow(d, 0, max(size - 1, 0))
        input = later ^ earlier if input.dtype is bool_dtype else later - earlier
    return input if n else input.clone()


def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The value below which a share ``q`` of the elements lies, between two neighbours by ``interpolation``.   torch: quantile"""
    if not input.numel():
        raise RuntimeError("quantile() input tensor must be non-empty")
    q = q if hasattr(q, "_apply") else input.new_tensor(q)
    d = 0 if dim is None else one_dim(dim, input.ndim)
    if input.ndim == 0:
        dim, keepdim = None, False
    x = (input.reshape(-1) if dim is None else input).sort(d).values.movedim(d, -1)
    n = x.shape[-1]
    nans = x.isnan().any(-1, True)
    place = q.reshape(-1) * (n - 1)
    low, high = place.floor().long(), place.ceil().long()
    weight = place - low
    if interpolation in ("lower", "higher", "nearest", "midpoint"):
        weight = {"lower": weight * 0, "higher": weight * 0 + 1, "nearest": weight.round(), "midpoint": (high - low) * 0.5}[interpolation]
    elif interpolation != "linear":
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got " + str(interpolation)
        )
    below, above = x.index_select(x.ndim - 1, low), x.index_select(x.ndim - 1, high)
    found = below.lerp(above, weight.to(x.dtype).expand(below.shape)).masked_fill(nans, math.nan).movedim(-1, 0)
    if keepdim:
        found = found.unsqueeze(d + 1) if dim is not None else found.reshape(-1, *[1] * input.ndim)
    return found if q.ndim else found.squeeze(0)


def nanmedian(input, dim=None, keepdim=False):
    """``median`` of the elements that aren't NaN.   torch: nanmedian"""
    if dim is None:
        return nanmedian(input.reshape(-1), 0).values
    if input.ndim == 0:
        return nanmedian_result(input.clone(), input.argmax())
    d = one_dim(dim, input.ndim)
    values, order = input.sort(d)
    at = ((input.isnan().logical_not().sum(d, True) - 1).clamp(min=0)).div(2, rounding_mode="floor")
    values, indices = values.gather(d, at), order.gather(d, at)
    return nanmedian_result(values, indices) if keepdim else nanmedian_result(values.squeeze(d), indices.squeeze(d))


def mode(input, dim=-1, keepdim=False):
    """The most frequent element along ``dim``, the smallest of several; and where it is last.   torch: mode"""
    d = one_dim(dim, input.ndim)
    if input.ndim == 0:
        return mode_result(input.clone(), input.argmax())
    x = input.detach().movedim(d, -1)
    often = (x.unsqueeze(-1) == x.unsqueeze(-2)).sum(-1)
    best = (often == often.amax(-1, True)).logical_not()
    candidate = x.masked_fill(best, math.inf if x.is_floating_point() else x.max().item()).amin(-1, True)
    last = x.shape[-1] - 1 - (x == candidate).flip(-1).long().argmax(-1, True)
    indices = last.movedim(-1, d)
    values = input.gather(d, indices)
    return mode_result(values, indices) if keepdim else mode_result(values.squeeze(d), indices.squeeze(d))


def histc(input, bins=100, min=0, max=0):
    """How many elements lie in each of ``bins`` equal parts of [min, max], or of the range of x.   torch: histc"""
    x = input.detach().reshape(-1)
    low, high = (min, max) if min != max or not x.numel() else (x.amin().item(), x.amax().item())
    if low == high:
        low, high = low - 1, high + 1
    x = x.masked_select((x >= low) & (x <= high))
    places = ((x - low) * (bins / (high - low))).floor().long().clamp(max=bins - 1)
    return x.new_zeros(bins).index_add_(0, places, x.ones_like())


def bucketize(input, boundaries, *, out_int32=False, right=False):
    """In which interval between the sorted ``boundaries`` each element lies.   torch: bucketize"""
    input = input if hasattr(input, "_apply") else boundaries.new_tensor(input)
    return boundaries.searchsorted(input, out_int32=out_int32, right=right)


def renorm(input, p, dim, maxnorm):
    """x, with the slices along ``dim`` whose p-norm is larger than ``maxnorm`` scaled down to it.   torch: renorm"""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    d = one_dim(dim, input.ndim)
    others = tuple([i for i in range(input.ndim) if i != d])
    norms = input.norm(p, others, True)
    return input * (maxnorm / (norms + 1e-7)).where(norms > maxnorm, 1.0)


# ------------------------------------------------------------------------------------------------------------- products


def cross(input, other, dim=None):
    """The vector product of vectors of three.   torch: cross"""
    if dim is None:
        warnings.warn("Using torch.cross without specifying the dim arg is deprecated.\ngive dim=", stacklevel=2)
        dim = next((d for d, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    d = one_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[d]} and {other.shape[d]}"
        )
    return input.roll(-1, d) * other.roll(1, d) - input.roll(1, d) * other.roll(-1, d)


# ------------------------------------------------------------------------------------------------- copies with a part written


def written_at(input, src, path):
    view = input.follow(path)
    if tuple(src.shape) != tuple(view.shape):
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(view.shape)}"
        )
    return input.written(src.to(input.dtype), path)


def select_scatter(input, src, dim, index):
    """A copy of x with ``src`` at ``x.select(dim, index)``.   torch: select_scatter"""
    d = one_dim(dim, input.ndim)
    key = tuple([(0, n, 1) for n in input.shape[:d]]) + (index % input.shape[d],)
    return written_at(input, src, ((rows.slice, (key,)),))


def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """A copy of x with ``src`` at ``x[start:end:step]`` along ``dim``.   torch: slice_scatter"""
    d = one_dim(dim, input.ndim)
    bounds = slice(start, end, step).indices(input.shape[d])
    key = tuple([(0, n, 1) for n in input.shape[:d]]) + (bounds,)
    return written_at(input, src, ((rows.slice, (key,)),))


def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """A copy of x with ``src`` on a diagonal.   torch: diagonal_scatter"""
    params = offset, one_dim(dim1, input.ndim), one_dim(dim2, input.ndim)
    return written_at(input, src, ((rows.diagonal, params),))


def diagflat(input, offset=0):
    """The matrix with all elements of x on a diagonal.   torch: diagflat"""
    return input.reshape(-1).diag(offset)


def fill_diagonal_(input, fill_value, wrap=False):
    """``fill_value`` on the main diagonal, in place.   torch: Tensor.fill_diagonal_"""
    if input.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if input.ndim == 2 and not wrap:
        input.diagonal().fill_(fill_value)
        return input
    n = min(input.shape)
    places = tuple([input._arange(n)] * input.ndim)
    input[places] = fill_value
    return input
