"""Quantiles, histograms, covariances.

Means, variances and medians are in ``reduce.py``.
"""

import math
import warnings

from ..backends import backend_of
from .complex import complex as complex_of
from .reduce import one_dim
from .results import several
from .spelling import numpy_names

__all__ = ["corrcoef", "cov", "histc", "histogram", "histogramdd", "mode", "nanmedian", "nanquantile", "quantile"]

histogram_result = several("histogram", "hist", "bin_edges")
mode_result = several("mode", "values", "indices")
nanmedian_result = several("nanmedian", "values", "indices")
histogramdd_result = several("histogramdd", "hist", "bin_edges")


@numpy_names
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The value below which a share ``q`` of the elements lies, between two neighbours by ``interpolation``.

    interpolation: "linear", "lower", "higher", "nearest", "midpoint". NaN if one element is.   torch: quantile

    >>> torch.quantile(torch.tensor([1.0, 2.0, 3.0]), 0.25)
    tensor(1.5000)
    """
    return quantile_of(input, q, dim, keepdim, interpolation, False)


@numpy_names
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """``quantile`` of the elements that aren't NaN; NaN where there is none.   torch: nanquantile"""
    return quantile_of(input, q, dim, keepdim, interpolation, True)


def quantile_of(input, q, dim, keepdim, interpolation, skip_nan):
    q = checked_share(input, q, interpolation)
    d = 0 if dim is None else one_dim(dim, input.ndim)
    x = input.reshape(-1) if dim is None or input.ndim == 0 else input.movedim(d, -1)
    x = x.sort(-1).values
    count, last = x.isnan().logical_not().sum(-1, True), x.shape[-1] - 1
    rank = (q.reshape(-1) * (count - 1)).clamp(min=0) if skip_nan else (q.reshape(-1) * last).where(count > last, last)
    if interpolation != "linear" and interpolation != "midpoint":
        rank = {"lower": rank.floor, "higher": rank.ceil, "nearest": rank.round}[interpolation]()
    found = x.gather(-1, rank.long())
    if interpolation in ("linear", "midpoint"):
        weight = rank - rank.long() if interpolation == "linear" else rank.full_like(0.5)
        found = found.lerp(x.gather(-1, rank.ceil().long()), weight)
    found = found.movedim(-1, 0)
    if keepdim:
        found = found.unsqueeze(d + 1) if dim is not None and input.ndim else found.reshape(-1, *[1] * input.ndim)
    return found if q.ndim else found.squeeze(0)


def checked_share(input, q, interpolation):
    """``q`` as a tensor. Raises RuntimeError for what has no quantile."""
    if not input.numel():
        raise RuntimeError("quantile() input tensor must be non-empty")
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if not hasattr(q, "_apply"):
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q}")
        q = input.new_tensor(q)
    if q.ndim > 1:
        raise RuntimeError(f"quantile() q must be a scalar or 1D tensor\nit has {q.ndim} dims")
    if q.dtype is not input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}")
    if bool(((q < 0) | (q > 1)).any()):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    return q


@numpy_names
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


@numpy_names
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


# ----------------------------------------------------------------------------------------------------------- histograms


def histogram(input, bins=100, *, range=None, weight=None, density=False):
    """How many elements lie in each bin, or their ``weight``; and the edges of the bins: (hist, bin_edges).   torch: histogram

    bins: how many, of equal width over ``range`` (unsaid, that of x); or a sorted vector of edges. Each bin holds its left
    edge, the last one both. With ``density`` the integral of the result is 1.

    >>> torch.histogram(torch.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    x = input.reshape(-1, 1)
    weight = weight if weight is None else same_shape(input, weight).reshape(-1)
    if hasattr(bins, "_apply"):
        if range is not None:
            raise TypeError(
                "histogram() received an invalid combination of arguments - got (Tensor, Tensor, range=tuple), but expected one of:\n"
                "the edges of the bins, or how many there are and their range"
            )
        edges = [sorted_edges(input, bins).clone()]
    else:
        edges = even_edges("histogram", x, [bins], range)
    hist = counted(x, edges, weight, density)
    return histogram_result(hist, edges[0])


def histogramdd(input, bins, *, range=None, weight=None, density=False):
    """``histogram`` in several dims: x: (*, N) is points of N coordinates; hist has a dim for each.   torch: histogramdd

    bins: how many, for all coordinates or each; or a vector of edges for each. range: the lows and highs, in pairs.
    """
    if input.ndim < 2:
        raise RuntimeError(f"torch.histogramdd: input tensor should have at least 2 dimensions\nit has {input.ndim}")
    n = input.shape[-1]
    x = input.reshape(-1, n)
    bins = [bins] * n if isinstance(bins, int) else list(bins)
    if len(bins) != n:
        raise RuntimeError(
            f"torch.histogramdd: expected {n} bin {'edges' if bins and hasattr(bins[0], '_apply') else 'sizes'} for each of the "
            f"innermost dimensions, but got {len(bins)}"
        )
    weight = weight if weight is None else same_shape(input[..., 0], weight).reshape(-1)
    if hasattr(bins[0], "_apply"):
        edges = [sorted_edges(input, edge) for edge in bins]
    else:
        edges = even_edges("histogramdd", x, bins, range)
    return histogramdd_result(counted(x, edges, weight, density), tuple(edges))


def same_shape(input, weight):
    if weight.shape != input.shape:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its innermost "
            f"dimension, but got input with shape {list(input.shape)} and weight with shape {list(weight.shape)}"
        )
    if weight.dtype is not input.dtype:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same dtype, but got "
            f"input({input._type_name()}), and weight({weight._type_name()})"
        )
    return weight


def sorted_edges(input, edges):
    if edges.ndim != 1:
        raise RuntimeError(
            f"torch.histogramdd: bins tensor should have one dimension, but got {edges.ndim} dimensions in the bins tensor for dimension 0"
        )
    if edges.dtype is not input.dtype:
        raise RuntimeError(
            "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
            f"{input._type_name()} and bins for dimension 0 with dtype {edges._type_name()}"
        )
    if not edges.numel():
        raise RuntimeError(
            "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins tensor for dimension 0"
        )
    return edges


def even_edges(name, x, bins, range):
    """For each column its edges."""
    if any(b <= 0 for b in bins):
        raise RuntimeError(f"torch.{name}(): bins must be > 0, but got {min(bins)} for dimension {bins.index(min(bins))}")
    if range is not None and len(range) != 2 * len(bins):
        raise RuntimeError(
            f"torch.{name}: for a {len(bins)}-dimensional histogram range should have {2 * len(bins)} elements, but got {len(range)}"
        )
    edges = []
    for d, count in enumerate(bins):
        if range is not None:
            low, high = range[2 * d], range[2 * d + 1]
        else:
            low, high = (x[:, d].min().item(), x[:, d].max().item()) if x.shape[0] else (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise RuntimeError(f"torch.{name}: dimension {d}'s range [{low:g}, {high:g}] is not finite")
        if low > high:
            raise RuntimeError(f"torch.{name}: min should not exceed max, but got min {low:g} max {high:g} for dimension {d}")
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges.append(x._wrap(backend_of((x._array,)).linspace(low, high, count + 1, x.dtype)))
    return edges


def counted(x, edges, weight, density):
    """The weight of the rows of ``x`` in each cell between the edges."""
    shape = [e.numel() - 1 for e in edges]
    place, inside = 0, None
    for d, e in enumerate(edges):
        column = x[:, d].contiguous()
        at = (e.searchsorted(column, right=True) - 1).where(column != e[-1], shape[d] - 1)
        here = (column >= e[0]) & (column <= e[-1])
        place, inside = place * shape[d] + at, here if inside is None else inside & here
    weight = x.new_ones(x.shape[0]) if weight is None else weight
    hist = x.new_zeros(math.prod(shape)).index_add_(0, place[inside], weight[inside]).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for d, e in enumerate(edges):
            widths = e.narrow(0, 1, shape[d]) - e.narrow(0, 0, shape[d])
            hist = hist / widths.reshape([-1 if i == d else 1 for i in range(len(shape))])
    return hist


def histc(input, bins=100, min=0, max=0):
    """How many elements lie in each of ``bins`` equal parts of [min, max], or of the range of x.   torch: histc"""
    x = input.detach().reshape(-1)
    low, high = (min, max) if min != max or not x.numel() else (x.amin().item(), x.amax().item())
    if low == high:
        low, high = low - 1, high + 1
    x = x.masked_select((x >= low) & (x <= high))
    places = ((x - low) * (bins / (high - low))).floor().long().clamp(max=bins - 1)
    return x.new_zeros(bins).index_add_(0, places, x.ones_like())


# ----------------------------------------------------------------------------------------------------------- covariances


def cov(input, *, correction=1, fweights=None, aweights=None):
    """Σ w (x - x̄)(y - ȳ)̅ / (Σ w - correction) for each two rows.   torch: cov

    fweights: how often each column was observed; aweights: how much it counts, which scales the correction too.
    Raises RuntimeError for weights that don't fit. Warns where nothing is left to divide by.

    >>> torch.cov(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    check_dims(input, "cov")
    if input._array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    weights = checked_weights(x, fweights, aweights)
    total = x.shape[1] if weights is None else weights.sum()
    centred = x - ((x if weights is None else x * weights).sum(1) / total).unsqueeze(1)
    degrees = total - correction
    if aweights is not None and correction != 0:
        degrees = total - correction * (weights * aweights).sum() / total
    if degrees <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.", stacklevel=2
        )
        degrees = 0
    products = centred @ (centred if weights is None else centred * weights).mH.to(centred.dtype)
    return (products / degrees).squeeze()


def check_dims(input, name):
    if input.ndim > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )


def checked_weights(x, fweights, aweights):
    """The product of both kinds of weights, of which any may be None."""
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions")
        kinds, what = ("iu", "integral") if name == "fweights" else ("fV", "floating point")
        if w._array.dtype.kind not in kinds:
            raise RuntimeError(f"cov(): expected {name} to have {what} dtype but got {name} with {w._type_name()} dtype")
        if w.numel() != x.shape[1]:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got {w.numel()} != {x.shape[1]}"
            )
        if bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


def corrcoef(input):
    """The covariances over the roots of both variances: between -1 and 1.   torch: corrcoef"""
    check_dims(input, "corrcoef")
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = c.diagonal().real.sqrt()
    c = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return complex_of(c.real.clamp(-1, 1), c.imag.clamp(-1, 1)) if c.is_complex() else c.clamp(-1, 1)
