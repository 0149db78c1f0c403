"""Max pooling in machine code: what pooling.py uses for large images, if no window reaches beyond them."""

import math

import numpy

from ..native.pooling import finder, placer
from .keeping import keep_freed_memory
from .large import KINDS

__all__ = ["largest_index", "placed"]

PLACES = 32
"""Places that a window has at most: each is written out."""


def largest_index(x, geometry):
    """pooling.py's ``max_pool_index`` of maps (maps, height, width); None if machine code can't do it."""
    kernel, stride, padding, dilation, positions = geometry
    if x.dtype.char not in KINDS or not x.dtype.isnative or math.prod(kernel) > PLACES or any(padding):
        return None
    reach = [(count - 1) * s + (k - 1) * d for k, s, d, count in zip(kernel, stride, dilation, positions, strict=True)]
    if any([last >= n for last, n in zip(reach, x.shape[1:], strict=True)]):
        return None
    keep_freed_memory()
    find = finder(KINDS[x.dtype.char], kernel, stride, dilation)
    if find is None:
        return None
    out = numpy.empty((len(x), *positions), numpy.int64)
    find(numpy.ascontiguousarray(x), out, sizes=(*x.shape[1:], *positions))
    return out


def placed(x, index, size):
    """Maps (maps, size) of zeros, with the numbers of x (maps, count) at the indices, of as many; None if machine code can't,
    or there is an index that is none."""
    if x.dtype.char not in KINDS or not x.dtype.isnative or index.dtype != numpy.int64:
        return None
    keep_freed_memory()
    place = placer(KINDS[x.dtype.char])
    if place is None:
        return None
    maps, count = index.shape
    bad, out = numpy.empty(maps, numpy.uint8), numpy.empty((maps, size), x.dtype)
    place(numpy.ascontiguousarray(index), numpy.ascontiguousarray(x), bad, out, sizes=(size, count))
    return None if bad.any() else out
