"""Matrices as a library of products wants to be told of them: by rows or by columns, and how far it is from one to the next.

    A      (m, k), strides (k, 1)     in rows, k apart
    Aᵀ     (k, m), strides (1, k)     the same memory: in columns, k apart; "turned"

A batch is one more step, from each matrix to the next, if there is one such step; then one call does it all.

torch: ATen/native/cuda/Blas.cpp (prepare_matrix_for_cublas)
"""

from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Product", "laid", "like_others", "merged", "steps_of"]


@dataclass(eq=False)
class Product:
    """C = A B, ``batch`` times: A is m by k, B is k by n, and C lies in rows.

    dtypes: the names of A's and B's, and of C's.   steps: of A, B and C, from one row to the next, or from one column to the
    next of those that are ``turned``.   between: of A, B and C, from each of a batch to the next. All in elements.
    rounds: whether float32 factors are rounded to TF32.   bias: whether a vector is added to each row.   adds: whether a matrix
    is, that lies as C does.   relu: whether negative numbers then become 0.   plans: what a library keeps of it.
    """

    m: int
    n: int
    k: int
    dtypes: tuple
    steps: tuple
    turned: tuple
    batch: int = 1
    between: tuple = (0, 0, 0)
    rounds: bool = False
    bias: bool = False
    adds: bool = False
    relu: bool = False
    plans: dict = field(default_factory=dict)


@lru_cache(1024)
def like_others(**what):
    """The Product that is described so: the same for all who ask, so that what a library finds out about it serves them all."""
    return Product(**what)


def laid(batch, sizes, strides):
    """A dict of what a Product says about where A, B and C lie; or None, where no single call can say it.

    sizes: m, n, k.   strides: of (*batch, m, k), (*batch, k, n) and (*batch, m, n), in elements.

    >>> laid((5,), (2, 3, 4), [(8, 4, 1), (0, 1, 4), (6, 3, 1)])        # one B for all: A's are one long matrix
    {'m': 10, 'n': 3, 'k': 4, 'steps': (4, 4, 3), 'turned': (False, True), 'batch': 1, 'between': (0, 0, 0)}
    """
    m, n, k = sizes
    count, between = merged(batch, *[s[:-2] for s in strides])
    known = [steps_of(s[-2:], shape) for s, shape in zip(strides, ((m, k), (k, n), (m, n)))]
    if count.__class__ is not int or None in known or known[2][1]:
        return None
    (a, b, c), (*turned, _) = zip(*known)
    rows = m * a if m > 1 else max(between[0], a), m * c if m > 1 else max(between[2], c)  # of one matrix and the next
    if count > 1 and not between[1] and not turned[0] and rows == (between[0], between[2]):
        m, a, c, count, between = m * count, between[0] // m, between[2] // m, 1, (0, 0, 0)
    return {
        "m": m, "n": n, "k": k, "steps": (a, b, c), "turned": tuple(turned), "batch": count, "between": tuple(between),
    }  # fmt: skip


def steps_of(strides, shape):
    """(step from row to row, False), or from column to column and True, of a matrix that a library takes; else None."""
    (down, right), (rows, columns) = strides, shape
    if (right == 1 or columns == 1) and (down >= columns or rows == 1):
        return max(down, columns), False
    if (down == 1 or rows == 1) and (right >= rows or columns == 1):
        return max(right, rows), True
    return None


def merged(batch, *strides):
    """The extents of a batch, and a batch stride for each operand; dims that all of them walk in step are one."""
    runs: list = []
    for d, n in enumerate(batch):
        if n == 1:
            continue
        if runs and all([s[runs[-1][1]] == s[d] * n for s in strides]):
            runs[-1] = (runs[-1][0] * n, d)
        else:
            runs.append((n, d))
    if len(runs) < 2:
        n, d = runs[0] if runs else (1, None)
        return n, [0 if d is None else s[d] for s in strides]
    return tuple([n for n, _ in runs]), [tuple([s[d] for _, d in runs]) for s in strides]
