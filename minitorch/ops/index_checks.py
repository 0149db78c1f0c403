"""Whether an index is one: of which dtype and how many dims it is, and whether the places that it names are there."""

import math

from ..backends import ARRAY_TYPES
from ..dtypes import int64

__all__ = ["check_index", "refuse_outside", "within"]


def check_index(name, input, index):
    """Raise RuntimeError or IndexError if ``index`` can't be one into ``input``."""
    if index.dtype is not int64 and index.dtype.name != "int32" and index.numel():
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if max(index.ndim, 1) != max(input.ndim, 1) and index.numel():
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")


def within(index, size):
    """Whether all of ``index`` lies in [0, size), as far as a look is for nothing: on a GPU it isn't, and nobody looks.

    A check changes nothing that is computed, so it passes no gate; but who writes the run down is told what to check again.
    """
    array = index._array
    if not ARRAY_TYPES[array.__class__].SYNCHRONOUS:
        return True
    for listener in index._mode.listeners:
        if array.size and hasattr(listener, "check"):
            outside = index.lt(0) if size == math.inf else index.lt(0).logical_or(index.ge(size))
            listener.check(outside.any(), IndexError, "index out of range in self")
    if array.dtype.kind == "i":  # as numbers without a sign the negative ones are the largest: one look
        array, size = array.view(f"u{array.itemsize}"), min(size, 1 << 8 * array.itemsize - 1)
    return not array.size or array.max() < size


def refuse_outside(input, d, index, error, name=""):
    """Raise ``error``, or PyTorch's short IndexError if it is None, for an index that isn't one of the places along ``d``."""
    size = input.shape[d] if input.ndim else 1
    if not within(index, size):
        if error is None:
            raise IndexError("index out of range in self")
        outside = int(index[(index < 0) | (index >= size)][0])
        raise error(f"{name}index {outside} is out of bounds for dimension {d} with size {size}")
