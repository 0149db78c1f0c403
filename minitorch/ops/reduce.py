"""Many numbers to few: sums, means, extremes, and what follows from them (softmax, logsumexp, norms).

``dim`` is an integer, a tuple of them, or None for all; ``keepdim`` leaves the reduced dims at size 1.
"""

import math
import warnings
from itertools import accumulate

from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import int64, uint8
from ..errors import TYPE_NAMES
from ..making import named
from ..tables import softmax as softmax_rows
from .results import several
from .spelling import numpy_names, spelled

__all__ = [
    "all", "allclose", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "cummax", "cummin",
    "cumprod", "cumprod_slope", "cumsum", "dims_of", "equal", "is_same_size", "log_softmax", "log_softmax_grad", "logaddexp_complex",
    "logcumsumexp", "logcumsumexp_slope", "logsumexp", "max", "mean", "median", "min", "nanmean", "nansum", "one_dim",
    "prod", "product_of_others", "share_extremes", "softmax", "softmax_grad", "squared_error_mean", "std", "std_mean", "sum",
    "undrop", "var", "var_mean",
]  # fmt: skip

max_result = several("max", "values", "indices")
min_result = several("min", "values", "indices")
median_result = several("median", "values", "indices")
aminmax_result = several("aminmax", "min", "max")
cummax_result = several("cummax", "values", "indices")
cummin_result = several("cummin", "values", "indices")


def one_dim(dim, ndim):
    """``dim`` counted from the front. Raises IndexError if it is out of range."""
    if -ndim <= dim < ndim:
        return dim if dim >= 0 else dim + ndim
    if ndim == 0 and dim in (0, -1):
        return 0
    n = ndim or 1
    raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")


def dims_of(dim, ndim):
    """``dim`` (None, an integer or several) as a tuple of dims counted from the front."""
    if dim is None:
        return tuple(range(ndim))
    if isinstance(dim, int) or hasattr(dim, "__index__"):  # NumPy's integers are none of Python's
        d = one_dim(int(dim), ndim)
        return (d,) if ndim else ()
    dims = tuple([one_dim(d, ndim) for d in dim])
    if len(set(dims)) != len(dims):
        repeated = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return (dims if ndim else ()) or tuple(range(ndim))


def sum(input, dim=None, keepdim=False, *, dtype=None, **numpy):
    """Σ x over ``dim``. Integers add up in int64.   torch: sum

    >>> torch.tensor([[1, 2], [3, 4]]).sum(0)
    tensor([4, 6])
    """
    if numpy:
        return sum(input, **spelled("sum", numpy, dim=dim, keepdim=keepdim, dtype=dtype))
    if dtype is not None:
        input = input.to(dtype)
    return input._apply(rows.sum, (input,), (dims_of(dim, input._array.ndim), keepdim))


def mean(input, dim=None, keepdim=False, *, dtype=None, **numpy):
    """Σ x / n over ``dim``. Raises RuntimeError for integers.   torch: mean"""
    if numpy:
        return mean(input, **spelled("mean", numpy, dim=dim, keepdim=keepdim, dtype=dtype))
    if dtype is not None:
        if not (dtype.is_floating_point or dtype.is_complex):
            raise RuntimeError(
                "mean(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. Got: "
                + TYPE_NAMES[dtype.name]
            )
        input = input.to(dtype)
    elif input._array.dtype.kind in "biu":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {input._type_name()}\nconvert it first: x.float().mean()"
        )
    return input._apply(rows.mean, (input,), (dims_of(dim, input._array.ndim), keepdim))


def squared_error_mean(input, other):
    """The mean of (x - y)²."""
    x, y = input._array, other._array
    if x.shape == y.shape and x.dtype.kind == "f":
        return input._apply(rows.squared_error_mean, (input, other))
    return (input - other).square().mean()


def is_same_size(input, other):
    """Whether both have the same shape.   torch: Tensor.is_same_size"""
    return input._array.shape == other._array.shape


def nansum(input, dim=None, keepdim=False, *, dtype=None, **numpy):
    """``sum``, with NaN counting as 0.   torch: nansum"""
    if numpy:
        return nansum(input, **spelled("nansum", numpy, dim=dim, keepdim=keepdim, dtype=dtype))
    return input.masked_fill(input.isnan(), 0).sum(dim, keepdim, dtype=dtype)


def nanmean(input, dim=None, keepdim=False, *, dtype=None, **numpy):
    """``mean`` of the elements that aren't NaN.   torch: nanmean"""
    if numpy:
        return nanmean(input, **spelled("nanmean", numpy, dim=dim, keepdim=keepdim, dtype=dtype))
    return input.nansum(dim, keepdim, dtype=dtype) / input.isnan().logical_not().sum(dim, keepdim)


def prod(input, dim=None, keepdim=False, *, dtype=None, **numpy):
    """∏ x over one dim, or over all.   torch: prod"""
    if numpy:
        return prod(input, **spelled("prod", numpy, dim=dim, keepdim=keepdim, dtype=dtype))
    if dtype is not None:
        if dtype is bool_dtype:
            return input.to(dtype).all() if dim is None else input.to(dtype).all(dim, keepdim)
        input = input.to(dtype)
    if dim is None:
        input, dim, keepdim = input.reshape(-1), 0, False
    if input.ndim == 0:
        one_dim(dim, 0)
        return input.reshape(1).prod(0)
    return input._apply(rows.prod, (input,), (one_dim(dim, input.ndim), keepdim))


def product_of_others(input, dim):
    """At each place, the product of all other elements along ``dim``: right where some are 0, too."""
    n = input.shape[dim]
    if n == 0:
        return input
    one = input.narrow(dim, 0, 1).ones_like()
    left = one._cat([one, input.narrow(dim, 0, n - 1)], dim).cumprod(dim)
    right = one._cat([one, input.flip(dim).narrow(dim, 0, n - 1)], dim).cumprod(dim).flip(dim)
    return left * right


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, **numpy):
    """Σ (x - mean)² / (n - correction) over ``dim``; correction 1 unless said.   torch: var

    >>> torch.tensor([1.0, 3.0]).var()
    tensor(2.)
    """
    if numpy:
        return var(input, **spelled("var", numpy, dim=dim, unbiased=unbiased, keepdim=keepdim, correction=correction))
    return variance("var", input, dim, unbiased, keepdim, correction)[0]


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, **numpy):
    """The square root of ``var``, whose gradient is 0 where all elements are the same.   torch: std"""
    if numpy:
        return std(input, **spelled("std", numpy, dim=dim, unbiased=unbiased, keepdim=keepdim, correction=correction))
    return deviation(variance("std", input, dim, unbiased, keepdim, correction)[0])


@numpy_names
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """``var`` and ``mean`` together.   torch: var_mean"""
    return variance("var_mean", input, dim, unbiased, keepdim, correction)


@numpy_names
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """``std`` and ``mean`` together.   torch: std_mean"""
    squared, mean = variance("std_mean", input, dim, unbiased, keepdim, correction)
    return deviation(squared), mean


def deviation(squared):
    """The square root, whose slope at 0, where it is infinite, counts as 0."""
    if not (squared._mode.grad and squared.requires_grad):
        return squared.sqrt()
    varies = squared != 0
    return squared.where(varies, 1).sqrt().where(varies, 0)


def variance(name, input, dim, unbiased, keepdim, correction):
    """The variance and the mean, as ``name`` was asked for them. ``dim`` may be left out: var(x, False)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    if not input.is_floating_point() and not input.is_complex():
        raise RuntimeError("std and var only support floating point and complex dtypes\nconvert it first: x.float()")
    shape = input._array.shape
    dims = dims_of(dim, len(shape))
    n = math.prod([shape[d] for d in dims])
    mean = input.mean(dims, True) if shape else input
    total = squared_size(input - mean).sum(dims if shape else None, keepdim)
    freedom = n - correction
    if input._array.size // (total._array.size or 1) <= correction:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel divided "
            "by output numel).",
            stacklevel=3,
        )
    spread = total / freedom if freedom > 0 else total * math.nan if n == 0 or not freedom else total / 0.0
    return spread, mean.clone() if not shape else mean if keepdim else mean.reshape(total._array.shape)


def squared_size(x):
    """|x|², element by element."""
    return x.view_as_real().square().sum(-1) if x.is_complex() else x.square()


# ------------------------------------------------------------------------------------------------------------ extremes


def no_empty(input, dims, name):
    """Raise IndexError if a maximum would be taken of nothing."""
    for d in dims:
        if input.shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def amax(input, dim=(), keepdim=False, **numpy):
    """The largest over ``dim``; equal ones share the gradient.   torch: amax"""
    if numpy:
        return amax(input, **spelled("amax", numpy, dim=dim, keepdim=keepdim))
    return input._apply(rows.amax, (input,), (extreme_dims("amax", input, dim), keepdim))


def amin(input, dim=(), keepdim=False, **numpy):
    """The smallest over ``dim``; equal ones share the gradient.   torch: amin"""
    if numpy:
        return amin(input, **spelled("amin", numpy, dim=dim, keepdim=keepdim))
    return input._apply(rows.amin, (input,), (extreme_dims("amin", input, dim), keepdim))


def extreme_dims(name, input, dim):
    """``dim`` as a tuple. Raises an exception if an extreme would be taken of nothing."""
    whole = isinstance(dim, (tuple, list)) and not dim
    if whole and input._array.size == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
        )
    dims = dims_of(None if whole else dim, input._array.ndim)
    if input._array.size == 0:
        for d, named in zip(dims, dim if isinstance(dim, (tuple, list)) else (dim,), strict=True):
            if input._array.shape[d] == 0:
                raise IndexError(f"{name}(): Expected reduction dim {named} to have non-zero size.")
    return dims


@numpy_names
def aminmax(input, *, dim=None, keepdim=False):
    """``amin`` and ``amax`` together.   torch: aminmax"""
    dim = () if dim is None else dim
    return aminmax_result(input.amin(dim, keepdim), input.amax(dim, keepdim))


def extreme(name, arg, whole, pairwise, result):
    """``max`` or ``min``: of all elements, over a dim with the indices, or of two tensors."""

    def function(input, dim=None, keepdim=False, *, other=None, **numpy):
        if numpy:
            return function(input, **spelled(name, numpy, dim=dim, keepdim=keepdim, other=other))
        if other is not None or hasattr(dim, "_apply"):
            return pairwise(input, dim if other is None else other)
        if dim is None:
            if input.numel() == 0:
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                    "reduction dim with the 'dim' argument."
                )
            return whole(input)
        if input.ndim == 0:
            one_dim(dim, 0)
            return result(input.clone(), input._apply(arg, (input,), (None, False)))
        d = one_dim(dim, input.ndim)
        no_empty(input, (d,), name)
        mode = input._mode
        if not (mode.listeners or (mode.grad and input.requires_grad)):
            return result(whole(input, d, keepdim), input._apply(arg, (input,), (d, keepdim)))
        indices = input._apply(arg, (input,), (d, True))
        values = input.gather(d, indices)
        return result(values, indices) if keepdim else result(values.squeeze(d), indices.squeeze(d))

    what = f"The {name}imum: of all elements; over ``dim``, as (values, indices); or of two tensors, element by element."
    return named(function, name, f"{what}\n\n    torch: {name}\n    ")


max = extreme("max", rows.argmax, amax, lambda x, y: x.maximum(y), max_result)
min = extreme("min", rows.argmin, amin, lambda x, y: x.minimum(y), min_result)


def arg_extreme(name, row):
    def function(input, dim=None, keepdim=False, **numpy):
        if numpy:
            return function(input, **spelled(name, numpy, dim=dim, keepdim=keepdim))
        if input.numel() == 0 and (dim is None or input.shape[one_dim(dim, input.ndim)] == 0):
            raise IndexError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
                if dim is None
                else f"{name}(): Expected reduction dim {one_dim(dim, input.ndim)} to have non-zero size."
            )
        if dim is not None and input.ndim == 0:
            dim = one_dim(dim, 0) or None
        return input._apply(row, (input,), (dim if dim is None else one_dim(dim, input.ndim), keepdim))

    what = f"Where the {name[3:]}imum is, the first if there are several: over ``dim``, or in the flattened tensor."
    return named(function, name, f"{what}\n\n    torch: {name}\n    ")


argmax = arg_extreme("argmax", rows.argmax)
argmin = arg_extreme("argmin", rows.argmin)


def median(input, dim=None, keepdim=False, **numpy):
    """The middle element, the lower one of two; over ``dim`` as (values, indices). NaN if one is.   torch: median"""
    if numpy:
        return median(input, **spelled("median", numpy, dim=dim, keepdim=keepdim))
    if dim is None:
        return input.reshape(-1).median(0).values if input.numel() else input.new_full((), math.nan)
    if input.ndim == 0:
        return median_result(input.clone(), input.argmax())
    d = one_dim(dim, input.ndim)
    no_empty(input, (d,), "median")
    n = input.shape[d]
    values, order = input.sort(d)
    nans = input.isnan().sum(d, True) if input.is_floating_point() else None
    at = values.select(d, 0).unsqueeze(d).zeros_like().to(int64) + (n - 1) // 2
    if nans is not None:
        at = at.masked_fill(nans > 0, n - 1)
    values, indices = values.gather(d, at), order.gather(d, at)
    return median_result(values, indices) if keepdim else median_result(values.squeeze(d), indices.squeeze(d))


def share_extremes(input, x, extreme, dims):
    """The gradient of amax and amin: shared evenly by all the elements of x that are the extreme."""
    found = (x == extreme).to(input.dtype)
    return found * (input / found.sum(dims, True))


# ----------------------------------------------------------------------------------------------------- counts and logic


def boolean(name, row):
    def function(input, dim=None, keepdim=False, **numpy):
        if numpy:
            return function(input, **spelled(name, numpy, dim=dim, keepdim=keepdim))
        result = input._apply(row, (input,), (dims_of(dim, input.ndim), keepdim))
        return result.to(uint8) if input.dtype is uint8 else result

    return named(function, name, f"Whether {name} of the elements over ``dim`` are nonzero.   torch: {name}")


any = boolean("any", rows.any)
all = boolean("all", rows.all)


def count_nonzero(input, dim=None, **numpy):
    """How many elements are not 0, over ``dim``.   torch: count_nonzero"""
    if numpy:
        return count_nonzero(input, **spelled("count_nonzero", numpy, dim=dim))
    return (input != 0).sum(dim)


def equal(input, other):
    """Whether both have the same shape and elements, as a Python bool.   torch: equal"""
    return input.shape == other.shape and bool((input == other).all())


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements are close (``isclose``), as a Python bool.   torch: allclose"""
    return bool(input.isclose(other, rtol, atol, equal_nan).all())


# --------------------------------------------------------------------------------------------------------------- scans


def scan(row, input, dim, dtype):
    if dtype is not None:
        input = input.to(dtype)
    if input.ndim == 0:
        one_dim(dim, 0)
        return input._apply(row, (input.reshape(1),), (0,)).reshape(())
    return input._apply(row, (input,), (one_dim(dim, input.ndim),))


def cumsum(input, dim=None, *, dtype=None, **numpy):
    """The sums of all elements up to each, along ``dim``.   torch: cumsum"""
    if numpy:
        return cumsum(input, **spelled("cumsum", numpy, dim=dim, dtype=dtype))
    return scan(rows.cumsum, input, dim, dtype)


def cumprod(input, dim=None, *, dtype=None, **numpy):
    """The products of all elements up to each, along ``dim``.   torch: cumprod"""
    if numpy:
        return cumprod(input, **spelled("cumprod", numpy, dim=dim, dtype=dtype))
    return scan(rows.cumprod, input, dim, dtype)


def cumprod_slope(input, g, dim):
    """The vector-Jacobian product of cumprod at the input: Σ_{j>=i} g_j ∏_{k<=j, k≠i} x_k.

    That is the product of what is before i, times s_i = g_i + x_{i+1} s_{i+1}. Nothing is divided by, so zeros are right.
    """
    n = input.shape[dim]
    if n == 0:
        return input
    factors, sums = input.unbind(dim), list(g.unbind(dim))
    for i in reversed(range(n - 1)):
        sums[i] = sums[i] + factors[i + 1] * sums[i + 1]
    before = input._cat([factors[0].unsqueeze(dim).ones_like(), input.narrow(dim, 0, n - 1)], dim).cumprod(dim)
    return before * input._stack(sums, dim)


@numpy_names
def logcumsumexp(input, dim):
    """ln of the cumulative sum of e^x along ``dim``.   torch: logcumsumexp"""
    if input.is_complex():  # the angle goes on where one turn ends, as in PyTorch: so step by step
        d = one_dim(dim, input.ndim)
        parts = list(input.unbind(d)) if input.ndim else []
        return input._stack(list(accumulate(parts, logaddexp_complex)), d) if parts else input.clone()
    return scan(rows.logcumsumexp, input, dim, None)


def logcumsumexp_slope(input, out, g, dim):
    """The vector-Jacobian product of logcumsumexp at the input: e^x Σ_{j>=i} g_j e^-out_j, of g's positive and negative part
    apart, so that sums of exponentials can be taken by their logarithms."""

    def summed(part):
        logs = part.masked_fill(part <= 0, 1).log().masked_fill(part <= 0, -math.inf)
        return ((logs - finite).flip(dim).logcumsumexp(dim).flip(dim) + input).exp()

    finite = out.masked_fill(out == -math.inf, 0)
    return summed(g) - summed(-g)


def running(input, dim, better, result):
    d = one_dim(dim, input.ndim)
    if input.ndim == 0:
        return result(input.clone(), input.argmax())
    if not input.numel():
        return result(input.clone(), input.zeros_like().to(int64))
    indices = []
    best, at = None, None
    for i, x in enumerate(input.detach().unbind(d)):
        replace = better(x, best) if best is not None else None
        best = x if best is None else x.where(replace, best)
        at = x.zeros_like().to(int64) if at is None else at.masked_fill(replace, i)
        indices.append(at)
    indices = input._stack(indices, d)
    return result(input.gather(d, indices), indices)


@numpy_names
def cummax(input, dim):
    """The largest element up to each, along ``dim``, as (values, indices).   torch: cummax"""
    return running(input, dim, lambda x, best: (x >= best) | x.isnan(), cummax_result)


@numpy_names
def cummin(input, dim):
    """The smallest element up to each, along ``dim``, as (values, indices).   torch: cummin"""
    return running(input, dim, lambda x, best: (x <= best) | x.isnan(), cummin_result)


# ---------------------------------------------------------------------------------------------- exponentials and norms


def logaddexp_complex(x, y):
    """ln(e^x + e^y) of complex numbers: from the one with the larger real part."""
    smaller = x.detach().real < y.detach().real
    larger, other = y.where(smaller, x), x.where(smaller, y)
    return larger + (other - larger).exp().log1p()


@numpy_names
def logsumexp(input, dim, keepdim=False):
    """ln Σ e^x over ``dim``, shifted by the maximum so that nothing overflows.   torch: logsumexp"""
    dims = dims_of(dim, input.ndim)
    if not input.is_floating_point() and not input.is_complex():
        input = input.float()
    if 0 in [input._array.shape[d] for d in dims]:
        return input.exp().sum(dims, keepdim).log()
    shift = input.detach().real.amax(dims, True)
    shift = shift.masked_fill(shift.isinf(), 0)  # ∞ - ∞ would be NaN
    total = (input - shift).exp().sum(dims, keepdim).log()
    return total + (shift if keepdim else shift.reshape(total.shape))


def softmax(input, dim=None, dtype=None, **numpy):
    """e^x / Σ e^x over ``dim``.   torch: softmax

    >>> torch.tensor([1000.0, 1000.0]).softmax(0)
    tensor([0.5000, 0.5000])
    """
    if numpy:
        return softmax(input, **spelled("softmax", numpy, dim=dim, dtype=dtype))
    return normalized(rows.softmax, input, dim, dtype)


def log_softmax(input, dim=None, dtype=None, **numpy):
    """x - ln Σ e^x over ``dim``.   torch: log_softmax"""
    if numpy:
        return log_softmax(input, **spelled("log_softmax", numpy, dim=dim, dtype=dtype))
    return normalized(rows.log_softmax, input, dim, dtype)


def softmax_grad(input, output, dim):
    """y (x - Σ x y), the vector-Jacobian product of softmax, where it gave ``output``."""
    return input._apply(softmax_rows.softmax_grad, (input, output), (dim,))


def log_softmax_grad(input, output, dim):
    """x - e^y Σ x, that of log_softmax."""
    return input._apply(softmax_rows.log_softmax_grad, (input, output), (dim,))


def normalized(row, input, dim, dtype):
    if dtype is not None:
        input = input.to(dtype)
    if input.ndim == 0:
        one_dim(dim, 0)
        return normalized(row, input.reshape(1), 0, None).reshape(())
    if input.numel() == 0:
        return input.clone()
    return input._apply(row, (input,), (one_dim(dim, input.ndim),))


def undrop(input, dims, keepdim):
    """The reduced dims back, at size 1: what a vjp of a reduction needs before it can expand."""
    if keepdim:
        return input
    for d in sorted(dims):
        input = input.unsqueeze(d)
    return input
