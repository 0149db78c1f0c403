"""L D Lᵀ of symmetric matrices that needn't be positive: the diagonal pivoting of Bunch and Kaufman (Math. Comp. 31, 1977).

D has blocks of 1x1 and 2x2. The result is laid out as LAPACK's ``sytrf`` leaves it in the lower triangle, with its pivots:
pivots[k] > 0 says that row k was swapped with row pivots[k] (from 1); two equal negative ones mark a 2x2 block, whose second
row was swapped. For a Hermitian A it is L D Lᴴ.
"""

import math

import numpy

from .factors import magnitude, refuse_others

__all__ = ["ldl_factors", "ldl_solve"]

ALPHA = (1 + math.sqrt(17)) / 8
"""Below this ratio of a pivot to its column, another pivot keeps the growth of the elements smaller."""


def ldl_factors(x, hermitian):
    """The factors in one array, the pivots, and for each matrix the number (from 1) of the first zero of D, 0 for none."""
    refuse_others(x)
    factors = numpy.tril(x)
    pivots = numpy.empty(x.shape[:-1], numpy.int32)
    info = numpy.zeros(x.shape[:-2], numpy.int32)
    for at in numpy.ndindex(*x.shape[:-2]):
        info[at] = factor(factors[at], pivots[at], numpy.conj if hermitian else numpy.positive)
    return factors, pivots, info


def factor(a, pivots, conj):
    """One matrix, in place; ``conj`` is the conjugate for Hermitian ones."""
    n, k, info = len(a), 0, 0
    while k < n:
        p, size = pivot(a, k)
        last = k + size - 1
        if p != last:
            swap(a, k, last, p, conj)
        if a[k, k] == 0 and size == 1:
            info = info or k + 1
        else:
            rest, block = slice(last + 1, n), slice(k, last + 1)
            columns = a[rest, block].copy()
            d = numpy.tril(a[block, block])
            d = d + conj(numpy.tril(d, -1)).T
            a[rest, block] = columns / d if size == 1 else numpy.linalg.solve(d.T, columns.T).T
            a[rest, rest] -= numpy.tril(a[rest, block] @ conj(columns).T)
        pivots[block if size == 2 else k] = -(p + 1) if size == 2 else p + 1
        k += size
    return info


def pivot(a, k):
    """The row to bring to the front, and the size of the block, 1 or 2."""
    here, column = magnitude(a[k, k]), magnitude(a[k + 1 :, k])
    if not column.size or here >= ALPHA * column.max():
        return k, 1
    best = k + 1 + int(column.argmax())
    row = max(magnitude(a[best, k:best]).max(), magnitude(a[best + 1 :, best]).max(initial=0))
    if here >= ALPHA * column.max() * (column.max() / row):
        return k, 1
    return best, 1 if magnitude(a[best, best]) >= ALPHA * row else 2


def swap(a, k, i, j, conj):
    """Rows and columns i < j of the symmetric matrix whose lower triangle, from column k on, is in ``a``."""
    for one, two in (((slice(j + 1, None), i), (slice(j + 1, None), j)), ((i, i), (j, j))):
        a[one], a[two] = a[two].copy(), a[one].copy()
    a[i + 1 : j, i], a[j, i + 1 : j] = conj(a[j, i + 1 : j]).copy(), conj(a[i + 1 : j, i]).copy()
    a[j, i] = conj(a[j, i])
    if i > k:
        a[i, k], a[j, k] = a[j, k], a[i, k]


def ldl_solve(factors, pivots, b, hermitian):
    """X with A X = B, from the factors of A."""
    batch = numpy.broadcast_shapes(factors.shape[:-2], b.shape[:-2])
    x = numpy.array(numpy.broadcast_to(b, batch + b.shape[-2:]))
    factors = numpy.broadcast_to(factors, batch + factors.shape[-2:])
    pivots = numpy.broadcast_to(pivots, batch + pivots.shape[-1:])
    for at in numpy.ndindex(*batch):
        substitute(factors[at], pivots[at], x[at], numpy.conj if hermitian else numpy.positive)
    return x


def substitute(a, pivots, x, conj):
    """X in place of B: down through P L D, then up through Lᵀ."""
    blocks, k = [], 0
    while k < len(pivots):
        size = 1 if pivots[k] > 0 else 2
        block, rest, p = slice(k, k + size), slice(k + size, None), abs(pivots[k]) - 1
        blocks.append((block, rest, k + size - 1, p))
        x[[k + size - 1, p]] = x[[p, k + size - 1]]
        x[rest] -= a[rest, block] @ x[block]
        d = numpy.tril(a[block, block])
        x[block] = numpy.linalg.solve(d + conj(numpy.tril(d, -1)).T, x[block])
        k += size
    for block, rest, last, p in reversed(blocks):
        x[block] -= conj(a[rest, block]).T @ x[rest]
        x[[last, p]] = x[[p, last]]
