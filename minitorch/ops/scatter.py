"""Values sent to places of a tensor: taken together where several meet, or written over what is there."""

import math

from .. import primitives as rows
from ..dtypes import int64
from .index_checks import refuse_outside
from .indexing import scatter_inputs
from .reduce import one_dim
from .spelling import numpy_names

__all__ = [
    "diagonal_scatter", "fill_diagonal_", "index_reduce", "put", "put_", "scatter_reduce", "scatter_slope",
    "scattered_slope", "select_scatter", "slice_scatter",
]  # fmt: skip

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


@numpy_names
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """A copy of x in which ``src`` is summed, multiplied, … at [index[i][j]][j] for dim 0, and so on.   torch: scatter_reduce

    reduce: "sum", "prod", "mean", "amax" or "amin"; without ``include_self`` what x held at those places doesn't count.

    >>> x, index = torch.zeros(2), torch.tensor([0, 0, 1])
    >>> x.scatter_reduce(0, index, torch.tensor([1.0, 3.0, 5.0]), "amax")
    tensor([3., 5.])
    """
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if reduce == "mean":
        total = scatter_reduce(input, dim, index, src, "sum", include_self=include_self)
        own = input.ones_like() if include_self else input.ones_like().scatter(dim, index, 0)
        count = own.scatter_add(dim, index, src.ones_like()).clamp(min=1)
        return total / count if input.is_floating_point() else total.div(count, rounding_mode="floor")
    start = input if include_self else input.scatter(dim, index, neutral(reduce, input))
    if reduce == "sum":
        return start.scatter_add(dim, index, src)
    (_, index, src), (d,) = scatter_inputs(start, dim, index, src, None)
    return start._apply(rows.scatter_reduce, (start, index, src if src.ndim else src.expand(index.shape)), (d, reduce))


def neutral(reduce, like):
    """What a reduction can start with and not notice, in the dtype of a tensor."""
    if reduce in ("sum", "prod"):
        return int(reduce == "prod")
    if like.is_floating_point():
        return -math.inf if reduce == "amax" else math.inf
    bits, signed = 8 * like.dtype.itemsize - like.is_signed(), like.is_signed()
    if like.dtype.name == "bool":
        return reduce == "amin"
    return (-(2**bits) if signed else 0) if reduce == "amax" else 2**bits - 1


@numpy_names
def index_reduce(input, dim, index, source, reduce, *, include_self=True):
    """A copy of x in which the slices of ``source`` are multiplied, … at the slices ``index`` along ``dim``.   torch: index_reduce

    reduce: "prod", "mean", "amax" or "amin"; without ``include_self`` what x held there doesn't count.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    d = one_dim(dim, input.ndim)
    refuse_outside(input, d, index, None)
    places = index.reshape([-1 if i == d else 1 for i in range(source.ndim)]).expand(source.shape)
    return scatter_reduce(input, d, places, source, reduce, include_self=include_self)


# ------------------------------------------------------------------------------------------------ copies with a part written


def written_at(input, src, path):
    view = input.follow(path)
    if tuple(src.shape) != tuple(view.shape):
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(view.shape)}"
        )
    return input.written(src.to(input.dtype), path)


@numpy_names
def select_scatter(input, src, dim, index):
    """A copy of x with ``src`` at ``x.select(dim, index)``.   torch: select_scatter"""
    d = one_dim(dim, input.ndim)
    key = tuple([(0, n, 1) for n in input.shape[:d]]) + (index % input.shape[d],)
    return written_at(input, src, ((rows.slice, (key,)),))


@numpy_names
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


def put_(input, index, source, accumulate=False):
    """``source`` written to, or added at, positions in the flattened tensor, in place.   torch: Tensor.put_"""
    if index.dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index._type_name()}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {input._type_name()} and source.dtype = "
            f"{source._type_name()}"
        )
    if source.numel() != index.numel():
        raise IndexError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = {source.numel()}, "
            f"index.numel() = {index.numel()}"
        )
    if index.numel() and not input.numel():
        raise IndexError("put_(): Expected self to be non-empty when index is non-empty")
    if not index.numel():
        return input
    places, n = index.reshape(-1), input.numel()
    try:
        if input.is_contiguous():
            flat = input.view(-1)
            flat._write(rows.index_put, (flat, source.reshape(-1), places), ((0,), accumulate))
            return input
        flat = input.reshape(-1).index_put_at(source.reshape(-1), (places,), (0,), accumulate)
    except IndexError:
        outside = next(i for i in places.tolist() if not -n <= i < n)
        raise IndexError(f"out of range: tried to access index {outside} on a tensor of {n} elements.") from None
    return input.copy_(flat.reshape(input.shape))


def put(input, index, source, accumulate=False):
    """``put_`` on a copy.   torch: put"""
    return input.clone().put_(index, source, accumulate)


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


# ------------------------------------------------------------------------------------- what the table's vjps are made of


def scatter_slope(input, src, out, g, index, dim, reduce):
    """The gradient of ``scatter_reduce`` for the tensor that was scattered into."""
    if reduce != "prod":
        return (input == out).to(g.dtype) * shares(input, src, out, g, index, dim)
    zero = input == 0
    others = input.masked_fill(zero, 1)
    return g * others._apply(rows.scatter_reduce, (others, index, src), (dim, reduce)) / others


def scattered_slope(input, target, out, g, index, dim, reduce):
    """The gradient of ``scatter_reduce`` for the values that were scattered."""
    x = input if input.shape == index.shape else input.multi_slice([(0, n, 1) for n in index.shape])
    if reduce != "prod":
        gx = shares(target, x, out, g, index, dim).gather(dim, index) * (x == out.gather(dim, index)).to(g.dtype)
    else:  # the product of all others: out / x, or the product without x where x is the only zero
        zero = x == 0
        lone = zero & (target.zeros_like().scatter_add(dim, index, zero.to(g.dtype)).gather(dim, index) == 1)
        without = target._apply(rows.scatter_reduce, (target, index, x.masked_fill(lone, 1)), (dim, reduce))
        gx = (g * without).gather(dim, index).where(lone, (g * out).gather(dim, index) / x.masked_fill(zero, 1))
    return gx if input.shape == gx.shape else gx.pad_widths([(0, n - m) for n, m in zip(input.shape, gx.shape)])


def shares(target, src, out, g, index, dim):
    """The gradient of an extreme, divided by how many are equal to it."""
    hits = (src == out.gather(dim, index)).to(g.dtype)
    return g / (target == out).to(g.dtype).scatter_add(dim, index, hits)
