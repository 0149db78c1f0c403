"""A tensor as places in a memory: a size, strides and an offset, all counted in elements.

NumPy's memory can't grow. Where PyTorch would make a storage larger, for all tensors on it, the one tensor gets another.
"""

import math

from ..backends import backend_of
from ..errors import C_NAMES
from ..tables import strides as rows
from .movement import sizes as sizes_of

__all__ = [
    "as_strided", "as_strided_", "as_strided_scatter", "gathered_in", "new_empty_strided", "resize_", "resize_as_",
    "set_", "squeeze_", "storage_offset", "swapaxes_", "swapdims_", "t_", "transpose_", "unsqueeze_",
]  # fmt: skip


def storage_offset(input):
    """How many elements behind the beginning of its storage the tensor begins.   torch: Tensor.storage_offset"""
    array = input._array
    return backend_of((array,)).geometry(array)[1]


def as_strided(input, size, stride, storage_offset=None):
    """What lies in the input's storage at those places: element (i, j, …) at offset + i stride[0] + j stride[1] + …; a view.

    torch: as_strided. Raises RuntimeError for places outside the storage. Of a view, gradients reach its own elements only.

    >>> torch.arange(5).as_strided((3, 3), (1, 1))
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    return input._apply(rows.as_strided, (input,), places(input, size, stride, storage_offset))


def memory_bytes(input):
    """How large the memory is that the tensor is a view of."""
    array = input._array
    return backend_of((array,)).owner(array).nbytes


def places(input, size, stride, offset):
    """The params of the row ``as_strided``."""
    size, stride = tuple([int(n) for n in size]), tuple([int(n) for n in stride])
    offset = storage_offset(input) if offset is None else int(offset)
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape\n{len(size)} sizes and {len(stride)} strides: give one stride for each dim"
        )
    if min(stride, default=0) < 0:
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: " + str(list(stride))
        )
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    itemsize = input.dtype.itemsize
    needed = itemsize * (offset + extent(size, stride)) if 0 not in size else 0
    have = memory_bytes(input)
    if needed > have:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {itemsize} requiring a "
            f"storage size of {needed} are out of bounds for storage of size {have}"
        )
    return size, stride, offset, (input.stride(), storage_offset(input))


def extent(size, stride):
    """How many places there are from the first element to the last."""
    return sum([(n - 1) * s for n, s in zip(size, stride, strict=True)]) + 1


def as_strided_(input, size, stride, storage_offset=None):
    """``as_strided`` in place."""
    return input._become(input.as_strided(size, stride, storage_offset))


def unsqueeze_(input, dim):
    """``unsqueeze`` in place.   torch: Tensor.unsqueeze_"""
    return input._become(input.unsqueeze(dim))


def squeeze_(input, dim=None):
    """``squeeze`` in place.   torch: Tensor.squeeze_"""
    return input._become(input.squeeze(dim))


def transpose_(input, dim0, dim1):
    """``transpose`` in place.   torch: Tensor.transpose_"""
    return input._become(input.transpose(dim0, dim1))


swapaxes_ = swapdims_ = transpose_


def t_(input):
    """``t`` in place.   torch: Tensor.t_"""
    return input._become(input.t())


def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """A copy of x with ``src`` at ``x.as_strided(size, stride, storage_offset)``.   torch: as_strided_scatter"""
    params = places(input, size, stride, storage_offset)
    if tuple(src.shape) != params[0]:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(params[0])}"
        )
    return input.written(src.to(input.dtype), ((rows.as_strided, params),))


def gathered_in(input, shape, strides, offset, own):
    """The adjoint of ``as_strided``: what lies at those places, added up where several are one, and seen at the ``own`` ones.

    Where the own places coincide, as in an expanded tensor, each gets its share.
    """
    there, here = flat_places(input, input.shape, strides, offset), flat_places(input, shape, *own)
    count = max(last(input.shape, strides, offset), last(shape, *own))
    total = input.new_zeros(count).index_add_at_(input.reshape(-1), (there.reshape(-1),), (0,))
    if any(n > 1 and s == 0 for n, s in zip(shape, own[0], strict=True)) or overlapping(shape, own[0]):
        often = input.new_zeros(count).index_add_at_(input.new_ones(here.numel()), (here.reshape(-1),), (0,))
        total = total / often.clamp(min=1)
    return total.index_at((here,), (0,))


def last(shape, strides, offset):
    """The first place behind all elements."""
    return offset + extent(shape, strides) if 0 not in shape else 0


def overlapping(shape, strides):
    """Whether elements may share a place."""
    reach = 1
    for s, n in sorted([(s, n) for n, s in zip(shape, strides, strict=True) if n > 1]):
        if s < reach:
            return True
        reach = s * (n - 1) + reach
    return False


def flat_places(input, shape, strides, offset):
    """The place of each element, as an int64 tensor of ``shape``."""
    total = input._arange(1).reshape([1] * len(shape)) + offset
    for d, (n, s) in enumerate(zip(shape, strides, strict=True)):
        total = total + (input._arange(n) * s).reshape([n if i == d else 1 for i in range(len(shape))])
    return total.expand(shape)


def new_empty_strided(input, size, stride, *, dtype=None, device=None, requires_grad=False):
    """Uninitialised memory of the input's dtype with those strides.   torch: Tensor.new_empty_strided"""
    count = extent(size, stride) if 0 not in tuple(size) else 0
    made = input.new_empty(count, dtype=dtype, device=device)
    return made.as_strided(size, stride).detach().requires_grad_(requires_grad)


def resize_(input, *sizes, memory_format=None):
    """The tensor with another shape, on its own memory, of which it sees more or less; new places hold anything.

    torch: Tensor.resize_. Raises RuntimeError for tensors that want a gradient.
    """
    shape = tuple(sizes_of(sizes, "resize_"))
    if min(shape, default=0) < 0:
        raise RuntimeError(f"numel: integer multiplication overflow\na dim has 0 elements or more, and the shape is {list(shape)}")
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad\nmake another: x.reshape(...), x.new_empty(...)")
    if shape == tuple(input.shape):
        return input
    strides = tuple([math.prod(shape[d + 1 :]) for d in range(len(shape))])
    have, offset = memory_bytes(input) // input.dtype.itemsize, storage_offset(input)
    if offset + math.prod(shape) > have:
        larger = input.new_empty(offset + math.prod(shape))
        if have:
            larger[:have] = input.as_strided((have,), (1,), 0)
        input.data = larger.as_strided(shape, strides, offset)
    else:
        input.data = input.as_strided(shape, strides, offset)
    return input


def set_(input, source=None, storage_offset=0, size=None, stride=None):
    """The tensor on the memory of another of its dtype, or of a storage, from now on: all of it, or the places that ``as_strided``
    would see. Without a source it is empty.   torch: Tensor.set_

    >>> x, y = torch.zeros(2), torch.arange(4.0)
    >>> x.set_(y, 1, (2,)).add_(10)
    tensor([11., 12.])
    >>> y
    tensor([ 0., 11., 12.,  3.])
    """
    if input._mode.grad and input.requires_grad and input.is_leaf:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if source is None:
        source, size = input.new_empty(0), None
    elif not hasattr(source, "_apply"):
        if not hasattr(source, "untyped"):
            kind = type(source).__name__
            words = f"set_() received an invalid combination of arguments - got ({kind}), but expected one of:"
            raise TypeError(f"{words}\na tensor, or a storage")
        source = all_of(source.untyped(), input)
    if source.dtype is not input.dtype:
        raise RuntimeError(f"Could not set tensor of type {C_NAMES[source.dtype.name]} to a tensor of type {C_NAMES[input.dtype.name]}")
    if storage_offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {storage_offset}")
    if size is not None:
        strides = [math.prod(size[d + 1 :]) for d in range(len(size))] if stride is None else stride
        source = source.as_strided(size, strides, storage_offset)
    input.data = source.detach()
    return input


def all_of(storage, like):
    """The elements of a storage's bytes, in the dtype of a tensor."""
    xp, dtype = backend_of((storage.raw,)), like.dtype
    array = xp.laid_over(storage.raw, xp.array_dtype(dtype), (storage.raw.size // dtype.itemsize,), (1,), 0)
    made = like._wrap(array, storage.version)
    storage.version = made._storage
    return made


def resize_as_(input, the_template, *, memory_format=None):
    """``resize_`` to the shape of another tensor.   torch: Tensor.resize_as_"""
    return resize_(input, the_template.shape)
