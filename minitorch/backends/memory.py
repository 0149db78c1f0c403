"""The memory under NumPy's views: whose it is, its bytes, and views laid over bytes."""

import mmap

import numpy
from numpy.lib.array_utils import byte_bounds
from numpy.lib.stride_tricks import as_strided

__all__ = ["address", "bytes_of", "is_shared", "laid_over", "owner", "room", "shared"]


def owner(array):
    """The array that owns the memory that ``array`` is a view of; the array itself if it is no view."""
    base = array.base
    while base is not None and hasattr(base, "base"):  # as_strided puts something between that is no array
        if isinstance(base, numpy.ndarray):
            array = base
        base = base.base
    return array


def address(array):
    """The address of the first byte."""
    return byte_bounds(array)[0] if array.size else array.__array_interface__["data"][0]


def bytes_of(array):
    """All memory from the array's first element to its last, as a writable vector of bytes that shares it."""
    if not array.size:
        return numpy.empty(0, numpy.uint8)
    low, high = byte_bounds(array)
    count = (high - low) // array.itemsize
    return as_strided(array, (count,), (array.itemsize,)).view(numpy.uint8)


def room(count):
    """``count`` fresh bytes."""
    return numpy.empty(count, numpy.uint8)


def laid_over(memory, array_dtype, shape, strides, offset):
    """The array of ``shape`` whose elements lie in the bytes ``memory``; strides and offset are counted in elements.

    Raises ValueError or TypeError if it doesn't fit in.
    """
    size = array_dtype.itemsize
    return numpy.ndarray(tuple(shape), array_dtype, memory, offset * size, [s * size for s in strides])


def shared(array):
    """A copy of ``array`` in memory that processes forked later share with this one."""
    region = mmap.mmap(-1, max(array.nbytes, 1))
    made = numpy.ndarray(array.shape, array.dtype, region)
    made[...] = array
    return made


def is_shared(array):
    """Whether forked processes share the memory."""
    base = owner(array).base
    return isinstance(base, mmap.mmap)
