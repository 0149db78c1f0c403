"""Factorizations that numpy.linalg lacks: LU with pivots, and equations with triangular matrices. Batched, by halving."""

import math

import numpy

from .library import library_of
from .triangles import machine_factors, machine_solution

__all__ = ["SOLVERS", "cholesky_unchecked", "lu_factors", "magnitude", "permutation", "refuse_others", "solve_triangular"]


def refuse_others(x):
    """Raise TypeError for what LAPACK doesn't compute with, as numpy.linalg does for most."""
    if x.dtype.char not in "fdFD":
        raise TypeError("float and double, real or complex")


SMALL = 16
"""Rows up to which a triangular system is solved row by row, and a matrix eliminated column by column."""

BLOCK = 32 * 32
"""Numbers of triangles up to which NumPy's solver, which knows of none, is quicker."""


SOLVERS: dict = {}
"""Type of arrays → (rows, a function of a, x, upper, unitriangular), which solves triangles of so many rows in place; or says False."""


def solve_triangular(a, b, upper, unitriangular):
    """X with A X = B for a triangular A, of which the other triangle isn't read; nor its diagonal, if that counts as ones."""
    refuse_others(a)
    xp = library_of(a)
    found = machine_solution(a, b, upper, unitriangular) if xp is numpy else None
    if found is not None:
        return found
    batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = xp.array(xp.broadcast_to(b, batch + b.shape[-2:]), order="C")  # a kernel goes along its rows
    if x.size:
        substitute(a, x, upper, unitriangular)
    return x


def substitute(a, x, upper, unitriangular):
    """``solve_triangular`` in place of ``x``. Solves half of the rows, takes them out of the other half, and solves that."""
    n = a.shape[-1]
    if n > 2 and a.size <= BLOCK and a.__class__ is numpy.ndarray and eliminated(a, x, upper, unitriangular):
        return
    most, solve = SOLVERS.get(a.__class__, (0, None))
    if n <= most and solve(a, x, upper, unitriangular):
        return
    if n > SMALL:
        h = n // 2
        first, second = (slice(h, n), slice(0, h)) if upper else (slice(0, h), slice(h, n))
        substitute(a[..., first, first], x[..., first, :], upper, unitriangular)
        x[..., second, :] -= a[..., second, first] @ x[..., first, :]
        substitute(a[..., second, second], x[..., second, :], upper, unitriangular)
        return
    for i in range(n - 1, -1, -1) if upper else range(n):
        known = slice(i + 1, n) if upper else slice(0, i)
        if i != (n - 1 if upper else 0):
            x[..., i : i + 1, :] -= a[..., i : i + 1, known] @ x[..., known, :]
        if not unitriangular:
            x[..., i, :] /= a[..., i, i, None]


def eliminated(a, x, upper, unitriangular):
    """``substitute`` by numpy.linalg.solve, in which an upper triangle takes the very same steps: there is nothing to eliminate.
    A lower one is upper if rows and columns are counted from the end. False where zeros or infinities are in the way."""
    if not upper:
        a, x = a[..., ::-1, ::-1], x[..., ::-1, :]
    a = numpy.triu(a)
    diagonal = numpy.einsum("...ii->...i", a)
    if unitriangular:
        diagonal[...] = 1
    if not diagonal.all() or not numpy.isfinite(a).all():
        return False
    x[...] = numpy.linalg.solve(a, x)
    return True


def lu_factors(x):
    """L without its ones and U in one array, and LAPACK's pivots: at step i, row i was swapped with row pivots[i] (from 1).

    x: (*, m, n) → (*, m, n), (*, min(m, n)). A column without a pivot is left as it is.
    """
    refuse_others(x)
    xp = library_of(x)
    found = machine_factors(x) if xp is numpy else None
    if found is not None:
        return found[0], (found[1] + 1).astype(numpy.int32)
    batch, (m, n) = x.shape[:-2], x.shape[-2:]
    a = xp.array(x, order="C").reshape(math.prod(batch), m, n)
    pivots = xp.empty((len(a), min(m, n)), xp.int32)
    if a.size:
        eliminate(a, pivots)
    return a.reshape(x.shape), (pivots + 1).reshape(*batch, min(m, n))


def eliminate(a, pivots):
    """``lu_factors`` in place, for (b, m, n); the pivots count from 0. By halves of the columns (Toledo 1997)."""
    m, n = a.shape[1:]
    if n <= SMALL or m == 1:
        return eliminate_columns(a, pivots)
    h = min(m, n) // 2
    eliminate(a[:, :, :h], pivots[:, :h])
    right = a[:, :, h:]
    right[...] = swapped(right, pivots[:, :h])
    substitute(a[:, :h, :h], right[:, :h], False, True)
    right[:, h:] -= a[:, h:, :h] @ right[:, :h]
    eliminate(right[:, h:], pivots[:, h:])
    a[:, h:, :h] = swapped(a[:, h:, :h], pivots[:, h:])
    pivots[:, h:] += h


def eliminate_columns(a, pivots):
    xp = library_of(a)
    m, n = a.shape[1:]
    each = xp.arange(len(a))
    for j in range(min(m, n)):
        column = a[:, j:, j]
        p = pivots[:, j] = magnitude(column).argmax(1) + j
        row = a[each, p]
        a[each, p] = a[:, j]
        a[:, j] = row
        pivot = row[:, j, None]
        a[:, j + 1 :, j] /= xp.where(pivot == 0, 1, pivot)
        a[:, j + 1 :, j + 1 :] -= a[:, j + 1 :, j, None] * a[:, j, None, j + 1 :]


def magnitude(x):
    """How large numbers are, to LAPACK: the choice of a pivot doesn't need a root."""
    xp = library_of(x)
    return xp.abs(x) if x.dtype.kind != "c" else xp.abs(x.real) + xp.abs(x.imag)


def permutation(pivots, m):
    """Where each of ``m`` rows comes from after the swaps, which count from 0.   (*, k) → (*, m)"""
    xp = library_of(pivots)
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = xp.tile(xp.arange(m), (len(flat), 1))
    each = xp.arange(len(flat))
    for j in range(flat.shape[1]):
        p = flat[:, j]
        found = order[each, p]
        order[each, p] = order[:, j]
        order[:, j] = found
    return order.reshape(*pivots.shape[:-1], m)


def swapped(a, pivots):
    """The rows of ``a`` after the swaps."""
    return library_of(a).take_along_axis(a, permutation(pivots, a.shape[1])[:, :, None], 1)


def cholesky_unchecked(x):
    """Cholesky's L as far as it goes, and for each matrix the order of the leading minor where it stopped, 0 for none."""
    xp = library_of(x)
    a = xp.tril(x).reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    info = xp.zeros(len(a), xp.int32)
    for k, matrix in enumerate(a):
        for j in range(matrix.shape[0]):
            pivot = matrix[j, j].real - xp.vdot(matrix[j, :j], matrix[j, :j]).real
            if not pivot > 0:
                info[k] = j + 1
                break
            matrix[j, j] = xp.sqrt(pivot)
            matrix[j + 1 :, j] -= matrix[j + 1 :, :j] @ matrix[j, :j].conj()
            matrix[j + 1 :, j] /= matrix[j, j]
    return a.reshape(x.shape), info.reshape(x.shape[:-2])
