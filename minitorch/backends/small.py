"""Many rows on small arrays in one piece of machine code, where llvmlite is: what NumPy takes longer to begin than to do.

The bits are NumPy's own (``native/sequence.py``), so nobody can see which of the two ran, and it can be left to time: a
program that runs the same rows for the thousandth time gets its machine code. That costs 50 MB and some 60 ms, which a
shorter run doesn't pay for; where the compiler is loaded anyway, little more than a file to read.
"""

import ctypes
import sys
from functools import cache
from importlib import import_module

import numpy

from .large import KINDS

__all__ = ["patience", "sequence"]

LARGEST = 1 << 12
"""Elements of an array that is small: above, the time goes into the arithmetic."""

PATIENCE, LITTLE = 1024, 64
"""How often the same rows run until they get machine code; and how often if the compiler is loaded already."""

NAMES = ("scipy_cblas_", "64_", 64), ("cblas_", "64_", 64), ("cblas_", "", 32)
"""What BLAS's functions may be called in the library that NumPy is linked to, and the bits of their integers."""


def patience():
    """How often the same rows are to have run before ``sequence`` is worth asking."""
    return LITTLE if "llvmlite.binding" in sys.modules else PATIENCE


@cache
def blas():
    """NumPy's own BLAS: ((name, (symbol, address, bits of its integers)), …) of what can be found."""
    found = []
    try:
        library = ctypes.CDLL(numpy._core._multiarray_umath.__file__)
    except (AttributeError, OSError):
        return ()
    for name in [kind + what for kind in "sd" for what in ("dot", "gemm", "gemv")]:
        for before, after, bits in NAMES:
            function = getattr(library, before + name + after, None)
            if function is not None:
                found.append((name, (before + name + after, ctypes.cast(function, ctypes.c_void_p).value, bits)))
                break
    return tuple(found)


@cache
def as_expected():
    """Whether array objects lie in memory as ``native/sequence.py`` reads them."""
    x = numpy.zeros((3, 5), numpy.float32)[:2]
    start = id(x) + object.__basicsize__
    data, sizes, strides, dtype = [ctypes.c_int64.from_address(start + offset).value for offset in (0, 16, 24, 40)]
    rank, flags = [ctypes.c_int32.from_address(start + offset).value for offset in (8, 48)]
    if (data, dtype, rank, flags) != (x.ctypes.data, id(x.dtype), 2, x.flags.num):
        return False
    return [tuple((ctypes.c_int64 * 2).from_address(row)) for row in (sizes, strides)] == [x.shape, x.strides]


def sequence(char, inputs, numbers, steps, outputs, stores, cuts):
    """Machine code for the sequence, as native/sequence.py has it, of arrays of dtype.char ``char``; None if there can be none.

    inputs: the shape of each array, and its strides in bytes.
    """
    if char not in KINDS or not as_expected():
        return None
    dtype = numpy.dtype(char)
    shapes = [shape for shape, _ in inputs] + [shape for *_, shape in steps]
    if any([numpy.prod(shape, dtype=int) > LARGEST for shape in shapes]):
        return None
    inputs = tuple([(shape, tuple([s // dtype.itemsize for s in strides])) for shape, strides in inputs])
    native = import_module("..native.sequence", __package__)  # with all that it needs: most programs do without
    known = id(numpy.ndarray), id(dtype)
    return native.sequence(KINDS[char], inputs, numbers, tuple(steps), outputs, stores, cuts, blas(), known)
