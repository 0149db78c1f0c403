"""Euclidean distances of rows, and their pull: in machine code for NumPy arrays that are large, else by all differences."""

import math
from importlib import import_module

import numpy

from .keeping import keep_freed_memory
from .library import library_of

__all__ = ["distances", "pull"]

KINDS = {"f": "float", "d": "double"}
"""NumPy's dtype.char → LLVM's kind."""

ENOUGH, WORTH_SHARING = 1 << 15, 1 << 18
"""Differences from which machine code computes them, and several threads."""


def distances(x, y):
    """√ Σ (x[…, i, :] - y[…, j, :])².   (*, n, k), (*, m, k) → (*, n, m)"""
    found = in_machine_code("distances", None, x, y.mT)
    if found is not None:
        return found
    xp = library_of(x)
    return xp.sqrt(xp.square(x[..., :, None, :] - y[..., None, :, :]).sum(-1))


def pull(w, x, y):
    """Σ_j w[…, i, j] (x[…, i, :] - y[…, j, :]).   (*, n, m), (*, n, k), (*, m, k) → (*, n, k)"""
    found = in_machine_code("pull", w, x, y)
    return (w[..., None] * (x[..., :, None, :] - y[..., None, :, :])).sum(-2) if found is None else found


def in_machine_code(name, w, x, y):
    """The named kernel's result for arrays of one batch; None if it doesn't pay. y: (*, what is added up, how wide the result is)."""
    batch, n, (steps, width) = x.shape[:-2], x.shape[-2], y.shape[-2:]
    if x.__class__ is not numpy.ndarray or x.dtype.char not in KINDS or y.dtype is not x.dtype or y.shape[:-2] != batch:
        return None
    matrices = math.prod(batch)
    work = matrices * n * steps * width
    if work < ENOUGH:
        return None
    native = import_module("..native.distances", __package__)  # with all that it needs: most programs do without
    found = getattr(native, name)(KINDS[x.dtype.char])
    if found is None:
        return None
    kernel, lanes = found
    keep_freed_memory()
    padded = -(-width // lanes) * lanes
    y, x = wide(y, padded), numpy.ascontiguousarray(x) if w is None else wide(x, padded)
    out = numpy.empty((*batch, n, padded), x.dtype)
    chunks = matrices * -(-n // 4)
    arrays = x if w is None else numpy.ascontiguousarray(w), x, y, out
    kernel(*arrays, words=(chunks, max(1, chunks // 16), n, steps, padded), shared=work >= WORTH_SHARING)
    return out if padded == width else numpy.ascontiguousarray(out[..., :width])


def wide(x, width):
    """A contiguous array whose rows are filled up with zeros."""
    if x.shape[-1] == width:
        return numpy.ascontiguousarray(x)
    out = numpy.zeros((*x.shape[:-1], width), x.dtype)
    out[..., : x.shape[-1]] = x
    return out
