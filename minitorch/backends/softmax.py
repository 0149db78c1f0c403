"""Softmax and its logarithm: by NumPy, and of large arrays along their last dim by machine code (large.py)."""

import numpy

from .large import ENOUGH_FOR_ROWS, along_rows
from .memory import in_order

__all__ = ["log_softmax", "softmax"]


def softmax(x, dim):
    """e^x / Σ e^x, shifted by the maximum, which changes nothing but overflow."""
    if x.size >= ENOUGH_FOR_ROWS and dim in (-1, x.ndim - 1):
        done = along_rows("softmax", x)
        if done is not None:
            return done
    x = in_order(x)
    e = numpy.exp(x - numpy.maximum.reduce(x, dim, None, None, True))
    e /= numpy.add.reduce(e, dim, None, None, True)
    return e


def log_softmax(x, dim):
    """x - ln Σ e^x, shifted likewise."""
    if x.size >= ENOUGH_FOR_ROWS and dim in (-1, x.ndim - 1):
        done = along_rows("log_softmax", x)
        if done is not None:
            return done
    x = in_order(x)
    shifted = x - numpy.maximum.reduce(x, dim, None, None, True)
    shifted -= numpy.log(numpy.add.reduce(numpy.exp(shifted), dim, None, None, True))
    return shifted
