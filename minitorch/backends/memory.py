"""The memory under NumPy's views: whose it is, its bytes, and views laid over bytes."""

import ctypes
import mmap
import sys

import numpy
from numpy.lib.array_utils import byte_bounds
from numpy.lib.stride_tricks import as_strided

from ..device import CPU

__all__ = [
    "address", "aligned", "bytes_in", "bytes_of", "content", "device_of", "from_cpu", "geometry", "in_order", "is_shared",
    "laid_over", "lying", "mapped", "moved", "of_mapping", "owner", "pages", "room", "same_memory", "shared", "spread",
    "start_of", "strided_view", "to_cpu",
]  # fmt: skip

WORD, PROBE = ctypes.c_size_t.from_address, numpy.empty(2)[1:]

LARGE = 4 << 20
"""Bytes of memory of which the system is asked for large pages: of less, what is left over of the last one counts."""


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


class Pages(mmap.mmap):
    """Memory of this process alone, from the system and given back to it."""


def pages(count):
    """At least ``count`` bytes of 0 that several arrays may lie in, each of which is its own owner."""
    private = [mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS] if hasattr(mmap, "MAP_ANONYMOUS") else []
    made = Pages(-1, max(count, 1), *private)
    if hasattr(mmap, "MADV_HUGEPAGE") and count >= LARGE:
        made.madvise(mmap.MADV_HUGEPAGE)  # 16 faults in place of 8,000 for 32 MB, at the first call
    return made


def lying(pages, at, shape, array_dtype):
    """The array in ``pages`` that begins with byte ``at``."""
    return numpy.ndarray(shape, array_dtype, pages, at)


def bytes_in(content):
    """The bytes of a ``bytes`` object or the like as a vector that shares them."""
    return numpy.frombuffer(content, numpy.uint8)


def content(array):
    """A contiguous array's bytes, shared, for a file to write."""
    return memoryview(array.reshape(-1).view(numpy.uint8)) if array.size else b""


def aligned(array, itemsize):
    """Whether the first byte's address is a multiple of ``itemsize``."""
    return address(array) % itemsize == 0


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
    return type(owner(array).base) is mmap.mmap


class FileMapping(mmap.mmap):
    """A file that the system brings into memory page by page, as they are used."""


def mapped(path, writing_back=False, length=0):
    """The file as memory. With ``writing_back`` what is written goes to the file, which is made ``length`` bytes long if it
    is shorter; or else it goes nowhere."""
    with open(path, "r+b" if writing_back else "rb") as file:
        if writing_back and file.seek(0, 2) < length:
            file.truncate(length)
        return FileMapping(file.fileno(), 0, access=mmap.ACCESS_WRITE if writing_back else mmap.ACCESS_COPY)


def of_mapping(mapping, start, count):
    """``count`` bytes of it, as a vector that owns them."""
    return numpy.frombuffer(mapping, numpy.uint8, count, start) if count else room(0)


# --------------------------------------------------------------------------------------------- places counted in elements


def geometry(x):
    """The array's strides, and how far behind its owner's first element it begins, in elements."""
    return tuple([s // x.itemsize for s in x.strides]), (address(x) - address(owner(x))) // x.itemsize


def same_memory(x, y):
    """Whether both are views of one owner's memory."""
    return owner(x) is owner(y)


def strided_view(x, shape, strides, offset, own):
    """What lies at those places of the memory under ``x``, counted from its beginning. ``own`` are the strides and the
    offset that ``x`` is said to have; if it lies otherwise here, the view is of a copy that doesn't."""
    if 0 in shape:
        return numpy.empty(shape, x.dtype)
    if geometry(x) != own and x.size:
        x = spread(x, own)
    base = owner(x)
    if base.dtype.kind == "V":  # bfloat16: a stranger to NumPy's buffers
        base = base.view(numpy.uint16)
    if not base.flags.c_contiguous:
        base = base.transpose(sorted(range(base.ndim), key=lambda d: -base.strides[d]))
    return laid_over(base, x.dtype, shape, strides, offset)


def in_order(x):
    """``x``, or a copy if its elements don't lie in order: NumPy's results lie as what they came of."""
    return x if x.flags.c_contiguous else numpy.ascontiguousarray(x)


def spread(x, own):
    """The elements of ``x`` in fresh memory, at the places that the strides and the offset ``own`` give them; elsewhere 0."""
    strides, offset = own
    memory = numpy.zeros(offset + sum((n - 1) * s for n, s in zip(x.shape, strides, strict=True)) + 1, x.dtype)
    made = laid_over(memory.view(numpy.uint16) if x.dtype.kind == "V" else memory, x.dtype, x.shape, strides, offset)
    made[...] = x
    return made


# ------------------------------------------------------------------------------------------------------- to other devices


def device_of(x):
    """Where an array lives."""
    return CPU


def start_as_told(x):
    """The address of the first element, as NumPy tells it, in a dict that it makes of all that it knows of the array."""
    return x.__array_interface__["data"][0]


def start_as_kept(x):
    """The same, read where an array object keeps it, right behind what every object begins with: a tenth of the time."""
    return WORD(id(x) + object.__basicsize__).value


start_of = start_as_kept if sys.implementation.name == "cpython" and start_as_kept(PROBE) == start_as_told(PROBE) else start_as_told
"""The address of the first element: a recorded run asks for it a few times for each row that it ran."""


def to_cpu(x):
    """The array in the CPU's memory: itself."""
    return x


def from_cpu(x):
    """A copy of an array in the CPU's memory."""
    return x.copy()


def moved(x, device):
    """A copy of the array in another device's memory; CuPy is loaded by then."""
    return x.copy("K") if device.type == "cpu" else sys.modules["cupy"].asarray(x)
