"""Large arrays of 16-bit numbers from float32 and to it, by kernels: NumPy takes them one by one."""

from functools import cache
from importlib import import_module

import numpy

from .keeping import keep_freed_memory

__all__ = ["converted"]

WORTH_COMPILING = 1 << 15
"""Elements from which it is worth a kernel."""

NAMES = {"f": "float32", "e": "float16", "E": "bfloat16"}
CONVERSIONS = frozenset(["fe", "fE", "ef"])
"""What NumPy takes long for, by two dtype.char: bfloat16 to float32 is quick."""


@cache
def conversion(char, to):
    return import_module("..native.rounding", __package__).conversion(NAMES[char], NAMES[to])  # with all that it needs


def converted(x, dtype):
    """``x.astype(dtype, order="K")`` for a large contiguous array; None where that is as good."""
    if x.dtype.char + dtype.char not in CONVERSIONS or x.size < WORTH_COMPILING:
        return None
    if not (x.flags.c_contiguous or x.flags.f_contiguous) or not x.flags.aligned or not x.dtype.isnative:
        return None
    convert = conversion(x.dtype.char, dtype.char)
    if convert is None:
        return None
    keep_freed_memory()
    out = numpy.empty_like(x, dtype)
    convert(x, out)
    return out
