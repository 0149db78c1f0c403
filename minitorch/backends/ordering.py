"""Order along a dim, on NumPy arrays: by the kernels of native/sorting.py, or by NumPy where there is no compiler."""

import math
from importlib import import_module

import numpy


__all__ = ["argsort", "topk_places"]

KINDS = {"f": "float", "d": "double", "i": "i32", "l": "i64", "q": "i64"}
"""NumPy's dtype.char → LLVM's kind."""

FEW = 1 << 10
"""Numbers up to which NumPy is quicker than a call of ours, where all are wanted in order."""


def argsort(x, dim, descending):
    """Stable; NaN counts as the largest."""
    if x.ndim == 0:
        return numpy.zeros((), numpy.int64)
    found = along(x, x.shape[dim], dim, descending) if x.size > FEW else None
    if found is not None:
        return found
    if not descending:
        return x.argsort(dim, kind="stable")
    backward = numpy.flip(x, dim).argsort(dim, kind="stable")
    return x.shape[dim] - 1 - numpy.flip(backward, dim)


def topk_places(x, k, dim, largest, in_order):
    """Where the k largest are, or the smallest; without ``in_order`` they come as they were found."""
    found = along(x, k, dim, largest, in_order) if k and x.size else None
    return argsort(x, dim, largest).take(range(k), dim) if found is None else found


def along(x, k, dim, descending, in_order=None):
    """The places of the k first along a dim, of all in order if ``in_order`` is None; None if machine code can't find them."""
    if x.dtype.kind in "bu" or (x.dtype.kind == "i" and x.itemsize < 4):
        x = x.astype(numpy.int32 if x.dtype.kind == "b" or x.itemsize < 4 else numpy.int64)
    kind, n = KINDS.get(x.dtype.char), x.shape[dim]
    if kind is None or not x.dtype.isnative or n >= 1 << 31:
        return None
    native = import_module("..native.sorting", __package__)  # with all that it needs: most programs do without
    kernel = native.ranked(in_order is not None, kind)
    if kernel is None:
        return None
    last = dim % x.ndim == x.ndim - 1
    lines = numpy.ascontiguousarray(x if last else x.swapaxes(dim, -1))
    out = numpy.empty((*lines.shape[:-1], k), numpy.int64)
    work = numpy.empty(2 * n * native.ELEMENT[kind] // 8, numpy.int64)
    kernel(lines, work, out, math.prod(lines.shape[:-1]), n, k, -descending, not native.heaped(k, n), bool(in_order))
    return out if last else numpy.ascontiguousarray(out.swapaxes(dim, -1))
