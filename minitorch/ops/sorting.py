"""Order and occurrence: sorting, the largest ones, distinct ones, and where a number stands or would stand."""

import math

from .. import primitives as rows
from .reduce import one_dim
from .results import several
from .spelling import numpy_names

__all__ = [
    "argsort", "argwhere", "bincount", "bucketize", "isin", "kthvalue", "msort", "nonzero", "nonzero_static",
    "searchsorted", "sort", "topk", "unique", "unique_consecutive", "unravel_index",
]  # fmt: skip

sort_result = several("sort", "values", "indices")
topk_result = several("topk", "values", "indices")
kthvalue_result = several("kthvalue", "values", "indices")


@numpy_names
def argsort(input, dim=-1, descending=False, *, stable=False):
    """The order that sorts x along ``dim``; equal elements stay in order, NaN is the largest.   torch: argsort"""
    return input._apply(rows.argsort, (input,), (one_dim(dim, input.ndim), bool(descending)))


@numpy_names
def sort(input, dim=-1, descending=False, *, stable=False):
    """x sorted along ``dim``, and the order: (values, indices).   torch: sort"""
    order = input.argsort(dim, descending)
    return sort_result(input.gather(dim, order) if input.ndim else input.clone(), order)


def msort(input):
    """x sorted along dim 0.   torch: msort"""
    return input.sort(0).values


@numpy_names
def topk(input, k, dim=-1, largest=True, sorted=True):
    """The k largest (or smallest) along ``dim``, in order: (values, indices). Of equal ones it takes those that PyTorch does.

    torch: topk

    >>> torch.tensor([1.0, 4.0, 3.0]).topk(2).values
    tensor([4., 3.])
    """
    dim = one_dim(dim, input.ndim)
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if input.dtype.name == "bool":
        raise RuntimeError("topk does not support bool dtypes on CPU\ncount them as numbers: x.int()")
    if input.ndim == 0:
        return topk_result(input.clone(), input.argmax())
    order = input._apply(rows.topk_places, (input,), (k, dim, bool(largest), bool(sorted)))
    return topk_result(input.gather(dim, order), order)


@numpy_names
def kthvalue(input, k, dim=-1, keepdim=False):
    """The k-th smallest along ``dim``: (values, indices).   torch: kthvalue"""
    if input.ndim and not 1 <= k <= input.shape[one_dim(dim, input.ndim)]:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {one_dim(dim, input.ndim)}\nk counts from 1"
        )
    if input.ndim == 0:
        if k != 1:
            raise RuntimeError("kthvalue(): selected number k out of range for dimension 0")
        return kthvalue_result(input.clone(), input.argmax())
    values, order = input.sort(dim)
    values, order = values.narrow(dim, k - 1, 1), order.narrow(dim, k - 1, 1)
    return kthvalue_result(values, order) if keepdim else kthvalue_result(values.squeeze(dim), order.squeeze(dim))


def nonzero(input, *, as_tuple=False):
    """The positions of the elements that aren't 0: one row each, or a tuple of one vector a dim.   torch: nonzero"""
    if as_tuple and input.ndim == 0:
        return input.reshape(1).nonzero(as_tuple=True)
    found = input._apply(rows.nonzero, (input,))
    return found.unbind(1) if as_tuple else found


def argwhere(input):
    """``nonzero``.   torch: argwhere"""
    return input.nonzero()


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


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements, or slices along ``dim``, in order; which of them each is; and how often each comes.

    torch: unique
    """
    if dim is None:
        flat = input.detach().reshape(-1, 1)
    else:
        flat = slices(input, dim)
    order = input._arange(flat.shape[0])
    for column in range(flat.shape[1] - 1, -1, -1):  # the last sort, stable, is by the first column
        order = order[flat[:, column][order].argsort()]
    ordered = flat[order]
    shape = input.shape if dim is None else (input.shape[dim],)
    values, inverse, counts = runs(ordered, order, shape)
    if dim is None:
        values = values.reshape(-1)
    else:
        values = values.reshape(values.shape[0], *input.movedim(dim, 0).shape[1:]).movedim(0, dim)
    return chosen(values, inverse, counts, return_inverse, return_counts)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Without repetitions of the element before.   torch: unique_consecutive"""
    if dim is None:
        flat, shape = input.detach().reshape(-1, 1), input.shape
    else:
        flat, shape = slices(input, dim), (input.shape[dim],)
    values, inverse, counts = runs(flat, input._arange(flat.shape[0]), shape)
    if dim is None:
        values = values.reshape(-1)
    else:
        values = values.reshape(values.shape[0], *input.movedim(dim, 0).shape[1:]).movedim(0, dim)
    return chosen(values, inverse, counts, return_inverse, return_counts)


def slices(input, dim):
    """The slices along ``dim`` as the rows of a matrix."""
    n = input.shape[dim]
    if input.numel() == 0 and n:
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected by `dim`, so unique cannot be applied\n"
            f"the shape is {tuple(input.shape)}"
        )
    return input.detach().movedim(dim, 0).reshape(n, input.numel() // n if n else 0)


def runs(ordered, order, shape):
    """Of rows in order: the first of each run of equal ones, which run each row is in (as ``order`` came), their lengths."""
    n = ordered.shape[0]
    if n == 0:
        return ordered, order.reshape(shape), order
    changed = (ordered[1:] != ordered[:-1]).any(1)
    first = changed._cat([changed.new_full((1,), True), changed], 0)
    starts = first.nonzero().reshape(-1)
    inverse = order.zeros_like()
    inverse[order] = first.cumsum(0) - 1
    ends = starts._cat([starts[1:], starts.new_full((1,), n)], 0)
    return ordered[starts], inverse.reshape(shape), ends - starts


def chosen(values, inverse, counts, return_inverse, return_counts):
    result = (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))
    return result if len(result) > 1 else values


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Whether each element is one of ``test_elements``.   torch: isin"""
    tensor = elements if hasattr(elements, "_apply") else test_elements
    elements = elements if hasattr(elements, "_apply") else tensor.new_tensor(elements)
    tests = test_elements if hasattr(test_elements, "_apply") else tensor.new_tensor(test_elements)
    found = (elements.unsqueeze(-1) == tests.reshape(-1)).any(-1)
    return found.logical_not() if invert else found


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where the input's elements would be inserted into a sorted last dim, which ``sorter`` may put in order.

    torch: searchsorted
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    right = right or side == "right"
    if sorter is not None:
        sorted_sequence = sorted_sequence.gather(-1, sorter)
    if not hasattr(input, "_apply"):
        input = sorted_sequence.new_tensor(input)
    found = sorted_sequence._apply(rows.searchsorted, (sorted_sequence.detach(), input.detach()), (right,))
    return found.int() if out_int32 else found


def bucketize(input, boundaries, *, out_int32=False, right=False):
    """In which interval between the sorted ``boundaries`` each element lies.   torch: bucketize"""
    input = input if hasattr(input, "_apply") else boundaries.new_tensor(input)
    return boundaries.searchsorted(input, out_int32=out_int32, right=right)


def bincount(input, weights=None, minlength=0):
    """How often each integer comes in a vector, or the sum of its weights.   torch: bincount"""
    if input.ndim != 1 or (input.numel() and int(input.min()) < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return input._apply(rows.bincount, (input,), (minlength,))
    size = max(minlength, int(input.max()) + 1 if input.numel() else 0)
    weights = weights if weights.is_floating_point() and weights.dtype.name == "float32" else weights.double()
    return weights.new_zeros(size).index_add_(0, input, weights)
