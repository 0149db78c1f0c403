"""The memory under CuPy's views: whose it is, its bytes, and views laid over it. As ``memory.py`` for NumPy's."""

import cupy
import cupyx

__all__ = [
    "address", "bytes_of", "geometry", "is_pinned", "laid_over", "owner", "pinned", "same_memory", "spread",
    "strided", "strided_view",
]  # fmt: skip


def strided(x, shape, strides):
    """``x`` seen with another shape and other strides. Its ``base`` is the owner of x's memory, as for all of CuPy's views but
    those of ``as_strided``: by that the engine knows a view."""
    view = x.view()
    view._set_shape_and_strides(tuple(shape), tuple(strides), True, True)
    return view


def owner(x):
    """The array that owns the memory that ``x`` is a view of; the array itself if it is no view."""
    return x if x.base is None else x.base


def address(x):
    """The address of the first element, on the GPU."""
    return x.data.ptr


def flat(x):
    """All elements of the owner's memory, as they lie there."""
    whole = owner(x)
    return strided(whole, (whole.size,), (whole.itemsize,))


def bytes_of(x):
    """All of the owner's memory, as a vector of bytes that shares it."""
    return flat(x).view(cupy.uint8) if owner(x).size else cupy.empty(0, cupy.uint8)


def geometry(x):
    """The array's strides, and how far behind its owner's first element it begins, in elements."""
    return tuple([s // x.itemsize for s in x.strides]), (address(x) - address(owner(x))) // x.itemsize


def laid_over(memory, array_dtype, shape, strides, offset):
    """The array of ``shape`` whose elements lie in the bytes ``memory``; strides and offset are counted in elements.

    Raises ValueError if it doesn't fit in.
    """
    count = memory.size // array_dtype.itemsize
    if 0 not in shape and offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) >= count:
        raise ValueError("the memory is too small")
    elements = memory[: count * array_dtype.itemsize].view(array_dtype)
    return strided(elements[offset:], tuple(shape), [s * array_dtype.itemsize for s in strides])


def pinned(x):
    """A copy of NumPy's array in memory from which the GPU copies by itself."""
    made = cupyx.empty_pinned(x.shape, x.dtype)
    made[...] = x
    return made


def is_pinned(x):
    """Whether an array of NumPy's is in such memory."""
    base = x.base
    while getattr(base, "base", None) is not None:
        base = base.base
    return isinstance(getattr(base, "obj", base), cupy.cuda.PinnedMemoryPointer)


def same_memory(x, y):
    """Whether both are views of one owner's memory."""
    return owner(x) is owner(y)


def strided_view(x, shape, strides, offset, own):
    """What lies at those places of the memory under ``x``, counted from its beginning. ``own`` are the strides and the
    offset that ``x`` is said to have; if it lies otherwise here, the view is of a copy that doesn't."""
    if 0 in shape:
        return cupy.empty(shape, x.dtype)
    if geometry(x) != own and x.size:
        x = spread(x, own)
    memory = flat(x).view(x.dtype)
    return strided(memory[offset:], shape, [s * x.itemsize for s in strides])


def spread(x, own):
    """The elements of ``x`` in fresh memory, at the places that the strides and the offset ``own`` give them; elsewhere 0."""
    strides, offset = own
    count = offset + sum((n - 1) * s for n, s in zip(x.shape, strides, strict=True)) + 1
    made = strided(cupy.zeros(count, x.dtype)[offset:], x.shape, [s * x.itemsize for s in strides])
    made[...] = x
    return made
