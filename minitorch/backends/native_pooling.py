"""Max pooling in machine code: what pooling.py uses for large images."""

import math

import numpy

from ..native.pooling import finder, picker, placer
from .keeping import keep_freed_memory
from .large import KINDS

__all__ = ["largest_index", "picked", "placed"]

PLACES = 32
"""Places that a window has at most: each is written out."""


def largest_index(x, geometry):
    """pooling.py's ``max_pool_index`` of maps (maps, height, width); None if machine code can't do it."""
    kernel, stride, padding, dilation, positions = geometry
    if x.dtype.char not in KINDS or not x.dtype.isnative or math.prod(kernel) > PLACES:
        return None
    ends = [(count - 1) * s - p + (k - 1) * d for k, s, p, d, count in zip(kernel, stride, padding, dilation, positions, strict=True)]
    beyond = any(padding) or any([last >= n for last, n in zip(ends, x.shape[1:], strict=True)])
    if beyond and set(dilation) != {1}:
        return None
    keep_freed_memory()
    find = finder(KINDS[x.dtype.char], kernel, stride, padding, dilation)
    if find is None:
        return None
    out = numpy.empty((len(x), *positions), numpy.int64)
    find(numpy.ascontiguousarray(x), out, sizes=(*x.shape[1:], *positions))
    return out


def picked(x, index):
    """The numbers of maps (maps, size) at the indices (maps, count); None if machine code can't, or there is an index that is none."""
    return moved(picker, x, index, x.shape[1], index.shape[1])


def placed(x, index, size):
    """Maps (maps, size) of zeros, with the numbers of x (maps, count) at the indices, of as many; None as above."""
    return moved(placer, x, index, size, size)


def moved(way, x, index, size, made):
    """What one of the two makes, so many numbers for each map. size: how many places a map has."""
    if x.dtype.char not in KINDS or not x.dtype.isnative or index.dtype != numpy.int64:
        return None
    keep_freed_memory()
    move = way(KINDS[x.dtype.char])
    if move is None:
        return None
    maps, count = index.shape
    bad, out = numpy.empty(maps, numpy.uint8), numpy.empty((maps, made), x.dtype)
    move(numpy.ascontiguousarray(index), numpy.ascontiguousarray(x), bad, out, sizes=(size, count))
    return None if bad.any() else out
