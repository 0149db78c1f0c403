"""Recurrent layers in machine code: what the rows of tables/recurrent.py ask for before they go step by step."""

from itertools import accumulate

import numpy

from ..native.recurrent import recurrent
from .keeping import keep_freed_memory

__all__ = ["recurrent_pass"]


def recurrent_pass(mode, back, arrays, weight, sizes, reverse):
    """Go through all steps of a layer, writing to ``arrays``; False if machine code can't.

    mode: "LSTM"…; arrays: by the names of native/cells.py; weight: (G·H, H); sizes: how many sequences have each step.
    """
    hidden, planes = weight.shape[1], arrays["planes"]
    if weight.dtype.char != "f" or any([x.dtype is not weight.dtype for x in arrays.values()]):
        return False
    keep_freed_memory()
    found = recurrent(mode, back, len(planes))
    if found is None:
        return False
    arrays = {name: numpy.ascontiguousarray(x) for name, x in arrays.items()}
    arrays["packed"] = in_panels(weight if back else weight.T, found.columns)
    arrays["starts"] = numpy.array([0, *accumulate(sizes)], numpy.int64)
    rows = int(arrays["starts"][-1])
    batch = planes.shape[1] - rows
    if not back:
        arrays["work"] = numpy.empty((batch, weight.shape[0]), weight.dtype)
    found(arrays, rows, batch, hidden, reverse != back)
    return True


def in_panels(matrix, columns):
    """The matrix as panels of so many columns, row behind row; beyond the last column zeros."""
    k, n = matrix.shape
    panels = numpy.zeros((-(-n // columns), k, columns), matrix.dtype)
    whole = n // columns
    panels[:whole] = matrix[:, : whole * columns].reshape(k, whole, columns).transpose(1, 0, 2)
    if n % columns:
        panels[whole, :, : n % columns] = matrix[:, whole * columns :]
    return panels
