"""Many values sent to the same places, and taken together there."""

import math

from .. import primitives as rows
from .reduce import one_dim

__all__ = ["scatter_reduce", "scatter_reduce_", "scatter_slope", "scattered_slope"]

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


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
    return start._apply(rows.scatter_reduce, (start, index, src), (one_dim(dim, input.ndim), reduce))


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


def scatter_reduce_(input, dim, index, src, reduce, *, include_self=True):
    """``scatter_reduce`` in place."""
    return input.copy_(scatter_reduce(input, dim, index, src, reduce, include_self=include_self))


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
