"""Cholesky's factor, LU and equations with triangles in machine code: what linalg.py and factors.py use for real NumPy arrays."""

import math
from functools import cache
from importlib import import_module

import numpy

from .keeping import keep_freed_memory

__all__ = ["machine_equations", "machine_factors", "machine_pivots", "machine_root", "machine_solution"]

KINDS = {"f": "float", "d": "double"}
"""NumPy's dtype.char → LLVM's kind."""

FEW = 4
"""Columns of X up to which each is solved by itself: a panel would be mostly empty."""

ENOUGH = 48
"""Rows from which equations are solved here: LAPACK is as quick with fewer."""

AT_ONCE = 1 << 17
"""Operations for which Python's lock is kept, and up to which one thread is enough."""


@cache
def native():
    """What writes the kernels, and all that it needs: most programs do without."""
    return import_module("..native.triangles", __package__)


def machine_root(x):
    """L with L Lᵀ = A and, for each matrix, the order of the first leading minor that isn't positive, or 0; None if machine code
    can't do it. Where there is such a minor L is left half done."""
    found = native().cholesky(KINDS[x.dtype.char]) if x.dtype.char in KINDS and x.dtype.isnative and x.size else None
    if found is None:
        return None
    (kernel, columns), n = found, x.shape[-1]
    x, out = numpy.ascontiguousarray(x), numpy.empty(x.shape, x.dtype)
    matrices = x.size // (n * n)
    work, info = numpy.empty((matrices, n, columns), x.dtype), numpy.empty(x.shape[:-2], numpy.int64)
    run(kernel, (x, out, work, info), (matrices, 1, n), n * x.size)
    return out, info


def machine_solution(a, b, upper, unitriangular):
    """X with A X = B for a triangular A, as ``factors.solve_triangular``; None if machine code can't find it."""
    kind = KINDS.get(a.dtype.char)
    found = native().triangular(kind) if kind is not None and a.dtype.isnative and b.dtype is a.dtype and a.size and b.size else None
    if found is None:
        return None
    kernel, columns = found
    batch = b.shape[:-2] if a.ndim == 2 or a.shape[:-2] == b.shape[:-2] else numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    n, m = b.shape[-2:]
    b = numpy.ascontiguousarray(b if b.shape[:-2] == batch else numpy.broadcast_to(b, (*batch, n, m)))
    a, strides = laid_out(a, batch)
    out, matrices = numpy.empty(b.shape, b.dtype), math.prod(batch)
    thin = m <= FEW
    panels = 1 if thin else -(-m // columns)
    work = numpy.empty((matrices * panels, n, columns), a.dtype)
    words = (matrices * panels, 1, n, m, panels, *strides, int(upper), int(unitriangular), int(thin))
    run(kernel, (a, b, out, work), words, n * b.size)
    return out


def machine_factors(x):
    """L without its ones and U in one, the pivots from 0, and where each row comes from: (*, m, n), (*, min(m, n)) and (*, m). None
    if machine code can't do it."""
    found = native().lu(KINDS[x.dtype.char]) if x.dtype.char in KINDS and x.dtype.isnative and x.size else None
    if found is None:
        return None
    (kernel, columns), (m, n), batch = found, x.shape[-2:], x.shape[:-2]
    out, work = numpy.array(x, order="C"), numpy.empty((*batch, m, columns), x.dtype)
    pivots, order = numpy.empty((*batch, min(m, n)), numpy.int64), numpy.empty((*batch, m), numpy.int64)
    run(kernel, (out, work, pivots, order), (math.prod(batch), 1, m, n), min(m, n) * x.size)
    return out, pivots, order


def machine_pivots(x):
    """What the swaps do to the sign of each determinant, and U's diagonals; None if LAPACK is as quick."""
    found = machine_factors(x) if x.__class__ is numpy.ndarray and x.shape[-1] >= ENOUGH else None
    if found is None:
        return None
    factors, pivots, _ = found
    swaps = (pivots != numpy.arange(x.shape[-1])).sum(-1)
    return (1 - 2 * (swaps % 2)).astype(x.dtype), factors.diagonal(0, -2, -1)


def machine_equations(a, b=None):
    """X with A X = B, for batches of one shape; without B the inverse. None if LAPACK is as quick, or if a matrix has no inverse."""
    if a.__class__ is not numpy.ndarray or a.shape[-1] < ENOUGH:
        return None
    if b is None:
        b = numpy.broadcast_to(numpy.eye(a.shape[-1], dtype=a.dtype), a.shape)
    if b.dtype is not a.dtype or a.shape[:-2] != b.shape[:-2]:
        return None
    found = machine_factors(a)
    if found is None:
        return None
    factors, _, order = found
    if not factors.diagonal(0, -2, -1).all():
        return None
    moved = numpy.take_along_axis(b, order[..., None], -2)
    return machine_solution(factors, machine_solution(factors, moved, False, True), True, False)


def laid_out(a, batch):
    """A, and its strides by row, by column, and from matrix to matrix, in elements: one of the first two is 1."""
    n, size = a.shape[-1], a.itemsize
    if a.ndim == 2:
        row, column = a.strides
        if size not in (row, column) or row % size or column % size or row <= 0 or column <= 0:
            a = numpy.ascontiguousarray(a)
            row, column = a.strides
        return a, (row // size, column // size, 0)
    if a.shape[:-2] != batch:
        a = numpy.broadcast_to(a, (*batch, n, n))
    if a.mT.flags.c_contiguous:
        return a, (1, n, n * n)
    return numpy.ascontiguousarray(a), (n, 1, n * n)


def run(kernel, arrays, words, work):
    keep_freed_memory()
    if kernel.enter is not None and work <= AT_ONCE:
        kernel.enter(*arrays, *words)
    else:
        kernel(*arrays, words=words, shared=words[0] > 1 and work > AT_ONCE)
