"""Tensors in a memory format: the shape stays, the dims change their order in memory.

torch: c10/core/MemoryFormat.h
"""

from .. import primitives as rows
from ..layout import channels_last, channels_last_3d, contiguous_format, memory_format, preserve_format

__all__ = ["clone", "contiguous", "in_format", "is_contiguous", "memory_order", "suggested"]


def check_format(function, value):
    if value.__class__ is not memory_format:
        raise TypeError(f"{function}(): argument 'memory_format' must be torch.memory_format, not {value.__class__.__name__}")
    return value


def in_format(input, format, function="to"):
    """The tensor if its memory is in ``format`` already, else a copy that is. None and ``preserve_format`` ask nothing."""
    if format is None or check_format(function, format) is preserve_format:
        return input
    order = format.order or tuple(range(input.ndim))
    if len(order) != input.ndim:
        raise RuntimeError(f"required rank {len(order)} tensor to use {format.name} format")
    seen = input if format is contiguous_format else input.permute(order)
    if seen._array.flags.c_contiguous:
        return input
    copy = seen._apply(rows.contiguous, (seen,))
    return copy if seen is input else copy.permute([order.index(d) for d in range(len(order))])


def memory_order(x):
    """The dims of ``x`` from the outermost in memory to the innermost; None if that is the order that they have.

    >>> from minitorch.ops.memory_format import memory_order
    >>> memory_order(torch.empty(2, 3)), memory_order(torch.empty(2, 3).t())
    (None, (1, 0))
    """
    if x.is_contiguous():
        return None
    shape, strides = x.shape, x.stride()

    # Sorted by exchanges, since a dim of stride 0 (an expanded one) compares with no other.
    order = list(reversed(range(x.ndim)))  # innermost first
    for i in range(1, x.ndim):
        here = i
        for k in reversed(range(i)):
            a, b = order[k], order[here]
            if not strides[a] or not strides[b]:
                continue
            if strides[a] < strides[b]:
                break
            if (strides[a], shape[a]) > (strides[b], shape[b]):
                order[k], order[here] = b, a
                here = k
    order.reverse()

    long = [d for d in order if shape[d] > 1]
    return None if long == sorted(long) else tuple(order)


def suggested(input):
    """The format that PyTorch takes a tensor to be in: the contiguous one unless the dims are in another's order."""
    if not input._array.flags.c_contiguous:
        for format in (channels_last, channels_last_3d):
            if is_contiguous(input, format):
                return format
    return contiguous_format


def clone(input, *, memory_format=None):
    """A copy, with the same gradient.   torch: clone"""
    if memory_format is None or check_format("clone", memory_format) is preserve_format:
        return input._apply(rows.copy, (input,))
    made = in_format(input, memory_format)
    return in_format(input._apply(rows.copy, (input,)), memory_format) if made is input else made


def contiguous(input, memory_format=contiguous_format):
    """The same tensor if its memory is in row-major order, or in ``memory_format``; else a copy that is.

    torch: Tensor.contiguous

    >>> torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).stride()
    (60, 1, 15, 3)
    """
    if memory_format is contiguous_format:
        return input if input._array.flags.c_contiguous else input._apply(rows.contiguous, (input,))
    return in_format(input, memory_format, "contiguous")


def is_contiguous(input, memory_format=contiguous_format):
    """Whether the memory is in row-major order, or in ``memory_format``, without gaps.   torch: Tensor.is_contiguous"""
    if memory_format is contiguous_format:
        return input._array.flags.c_contiguous
    order = check_format("is_contiguous", memory_format).order
    return order is not None and len(order) == input.ndim and input._array.transpose(order).flags.c_contiguous
