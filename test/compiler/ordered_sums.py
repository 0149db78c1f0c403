"""What kernels make of rows that are added at places which labels name (native/cuda_scatter.py), to the last bit."""

import numpy

__all__ = ["in_chunks"]


def in_chunks(labels, y, rows):
    """The sums as the kernels take them: of 32 sorted places each, and then of those, all in the dtype that is added in."""
    wide = numpy.float64 if y.dtype == numpy.float64 else numpy.float32
    out, order = numpy.zeros((rows, y.shape[1]), wide), numpy.argsort(labels, kind="stable")
    for row in range(rows):
        parts: dict = {}
        for place in numpy.flatnonzero(labels[order] == row):
            parts[place // 32] = parts.get(place // 32, wide(0)) + y[order[place]].astype(wide)
        for part in parts.values():
            out[row] += part
    return out.astype(y.dtype)
