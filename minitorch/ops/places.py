"""Places in a flattened tensor, and values put or gathered there."""

import math

from .. import primitives as rows
from ..dtypes import int64
from .reduce import one_dim
from .scatter import scatter_reduce
from .transcendental import overwritten

__all__ = ["index_reduce", "index_reduce_", "nonzero_static", "put", "put_", "unravel_index"]


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


def index_reduce(input, dim, index, source, reduce, *, include_self=True):
    """A copy of x in which the slices of ``source`` are multiplied, … at the slices ``index`` along ``dim``.   torch: index_reduce

    reduce: "prod", "mean", "amax" or "amin"; without ``include_self`` what x held there doesn't count.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    d = one_dim(dim, input.ndim)
    places = index.reshape([-1 if i == d else 1 for i in range(source.ndim)]).expand(source.shape)
    return scatter_reduce(input, d, places, source, reduce, include_self=include_self)


def index_reduce_(input, dim, index, source, reduce, *, include_self=True):
    """``index_reduce`` in place."""
    return overwritten(input, index_reduce, dim, index, source, reduce, include_self=include_self)


def nonzero_static(input, *, size, fill_value=-1):
    """``nonzero``, cut or filled up with rows of ``fill_value`` to ``size`` rows.   torch: nonzero_static

    >>> torch.nonzero_static(torch.tensor([0, 3, 0, 4]), size=3)
    tensor([[ 1],
            [ 3],
            [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer\nit is {size}")
    found = input.nonzero()[:size]
    missing = size - found.shape[0]
    return found._cat((found, found.new_full((missing, input.ndim), fill_value)), 0) if missing else found


def unravel_index(indices, shape):
    """The coordinates, a tensor for each dim of ``shape``, of positions in a flattened tensor.   torch: unravel_index

    >>> torch.unravel_index(torch.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    if indices.is_floating_point() or indices.is_complex() or indices.dtype.name == "bool":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, list, tuple)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in shape:
        if not isinstance(n, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n)}")
    if any(n < 0 for n in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    steps = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
    return tuple([indices.div(max(s, 1), rounding_mode="floor") % max(n, 1) for s, n in zip(steps, shape, strict=True)])
