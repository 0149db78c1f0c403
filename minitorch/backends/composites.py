"""Formulas over whole arrays, or over the rows of a matrix, in machine code: the kernels of autograd/composite.py, and of the
gradients of softmax and its logarithm.
"""

from functools import lru_cache
from importlib import import_module

import numpy

from .keeping import keep_freed_memory
from .large import KINDS, WORTH_SHARING
from .once import ONCE

__all__ = [
    "COMPOSED", "ENOUGH_FOR_COMPOSITES", "ENOUGH_TO_RECORD", "NARROWEST", "composite_kernel", "log_softmax_grad", "softmax_grad",
]  # fmt: skip

ENOUGH_FOR_COMPOSITES = 1 << 12
"""Elements from which a function of several rows runs as one kernel. The first takes 150 ms on a machine, and 15 from then on."""

ENOUGH_TO_RECORD = 1 << 15
"""The same where the compiler records: it has loops of its own for a few rows."""

COMPOSED = "f"
"""The dtypes (dtype.char) that do."""

NARROWEST = 4
"""How many numbers of a row must lie side by side: through fewer, NumPy goes faster the other way."""


@lru_cache(256)
def composite_kernel(char, arrays, steps, result, to="matrix"):
    """A formula (native/rowformula.py) as a function of ``arrays`` and the ``grid`` (parts, rows, columns) that the first of
    them is, which gives a new array: a matrix of that shape, a "column", or a "total" over all rows. None where machine code
    can't do it.

    char: the arrays' dtype.char; arrays: whether each is a "matrix", a "row" or a "column"; result: the operand to give.
    """
    if char not in KINDS:
        return None
    keep_freed_memory()
    formulas = import_module("..native.rowformula", __package__)  # with all that it needs: most programs do without
    count = len(arrays)
    if all([kind == "matrix" for kind in (*arrays, to)]) and not formulas.goes_along_rows(steps):
        return elementwise_kernel(KINDS[char], count, steps, result)
    found = formulas.row_formula(KINDS[char], (*arrays, to), steps, ((count, result),))

    def run(*given, grid):
        given = [numpy.ascontiguousarray(x) for x in given]
        first, (parts, rows, columns) = given[0], grid
        shapes = {"matrix": first.shape, "column": (rows,), "total": (-(-rows // formulas.chunk_rows(columns)), columns)}
        out = numpy.empty(shapes[to], first.dtype)
        found(*given, out, rows=rows, columns=columns, parts=parts, shared=first.size >= WORTH_SHARING)
        return numpy.add.reduce(out, 0) if to == "total" else out

    return found and run


def elementwise_kernel(kind, count, steps, result):
    """The same without rows and their lengths."""
    formulas = import_module("..native.formula", __package__)
    if not all([formulas.has_spelling(row, kind) for row, _ in steps]):
        return None
    found = formulas.formula(kind, count + 1, 0, steps, ((count, result),))

    def run(*given, grid=None):
        given = [numpy.ascontiguousarray(x) for x in given]
        out = numpy.empty_like(given[0])
        found(*given, out, shared=out.size >= WORTH_SHARING)
        return out

    return found and run


SOFTMAX_GRAD = ("mul", ("a0", "a1")), ("sum", ("t0",)), ("sub", ("a0", "t1")), ("mul", ("a1", "t2"))
LOG_SOFTMAX_GRAD = ("sum", ("a0",)), ("exp", ("a1",)), ("mul", ("t1", "t0")), ("sub", ("a0", "t2"))


def along_last_dim(steps, g, y, dim):
    """A formula of two arrays along their last dim, if they are large; else None."""
    if y.size < ENOUGH_FOR_COMPOSITES or ONCE.running or dim not in (-1, y.ndim - 1) or g.dtype is not y.dtype or g.shape != y.shape:
        return None
    found = composite_kernel(y.dtype.char, ("matrix", "matrix"), steps, f"t{len(steps) - 1}")
    return found and found(g, y, grid=(1, y.size // y.shape[-1], y.shape[-1]))


def softmax_grad(g, y, dim):
    """y (g - Σ g y)"""
    done = along_last_dim(SOFTMAX_GRAD, g, y, dim)
    return y * (g - numpy.add.reduce(g * y, dim, None, None, True)) if done is None else done


def log_softmax_grad(g, y, dim):
    """g - e^y Σ g"""
    done = along_last_dim(LOG_SOFTMAX_GRAD, g, y, dim)
    return g - numpy.exp(y) * numpy.add.reduce(g, dim, None, None, True) if done is None else done
