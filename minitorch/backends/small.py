"""Many rows on small arrays in one piece of machine code, where llvmlite is: what NumPy takes longer to begin than to do.

The bits are NumPy's own (``native/sequence.py``), so nobody can see which of the two ran, and it can be left to time: a
program that runs the same rows again and again gets its machine code. The first time on a machine that takes a compiler,
50 MB and some 200 ms, which a short run doesn't pay for; later the code comes from the cache on disk, in 10 ms.
"""

import ctypes
import sys
from functools import cache
from importlib import import_module

import numpy
from numpy import empty

from . import products
from .large import KINDS

__all__ = ["QUICK", "linear", "patience", "sequence", "squared_error_mean"]

LARGEST = 1 << 12
"""Elements of an array that is small: above, the time goes into the arithmetic."""

PATIENCE, LITTLE = 2048, 64
"""How often the same rows run until they get machine code; and how often where there is some already."""

LONGEST = 256
"""Steps that are compiled together at most: each takes some two milliseconds."""

NAMES = ("scipy_cblas_", "64_", 64), ("cblas_", "64_", 64), ("cblas_", "", 32)
"""What BLAS's functions may be called in the library that NumPy is linked to, and the bits of their integers."""


def patience():
    """How often the same rows are to have run before ``sequence`` is worth asking."""
    return LITTLE if QUICK.linear is not None or "llvmlite.binding" in sys.modules else PATIENCE


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


def sequence(char, inputs, numbers, steps, outputs, stores, cuts, made=True):
    """Machine code for the sequence, as native/sequence.py has it, of arrays of dtype.char ``char``; None if there can be none.

    inputs: the shape of each array, and its strides in bytes.   made: False to be told no more than whether there can be.
    """
    if len(steps) > LONGEST or (len(steps) <= len(cuts) and patience() == PATIENCE):
        return None  # too long; or, a row for each array, it alone isn't worth a compiler
    shapes = [shape for shape, _ in inputs] + [shape for *_, shape in steps]
    if char not in KINDS or not as_expected() or any([numpy.prod(shape, dtype=int) > LARGEST for shape in shapes]):
        return None
    size = numpy.dtype(char).itemsize
    inputs = tuple([(shape, tuple([s // size for s in strides])) for shape, strides in inputs])
    if not made:
        return native("sequence").is_exact(KINDS[char], inputs, numbers, steps, outputs, stores, cuts, blas()) or None
    known = id(numpy.ndarray), id(numpy.dtype(char))
    found = native("sequence").sequence(KINDS[char], inputs, numbers, steps, outputs, stores, cuts, blas(), known)
    if found is not None:
        quicken()
    return found


def native(name):
    """A file of native/, with all that it needs: most programs do without."""
    return import_module(f"..native.{name}", __package__)


# ------------------------------------------------------------------------------------------------------------ single rows


class Quick:
    """Rows on small matrices, as functions that end in the array for the result (``native/rows.py``); None before they are made."""

    def __init__(self):
        self.linear = self.relu = self.squared_error_mean = None


QUICK = Quick()


@cache
def quicken():
    """From now on single rows run in machine code too: it is loaded by now."""
    found = native("rows").rows(blas(), (id(numpy.ndarray), id(numpy.dtype("f"))))
    if found and all([agrees(found["linear"], *sizes) for sizes in ((7, 9, 5), (32, 16, 16), (9, 8, 1), (1, 8, 5), (1, 9, 1))]):
        QUICK.linear, QUICK.relu, QUICK.squared_error_mean = found["linear"], found["relu"], found["squared_error_mean"]


def agrees(made, m, k, n):
    """Whether a product by machine code has NumPy's bits."""
    x, weight, bias = [numpy.sin(numpy.arange(1, size + 1) * 1.7).astype("f") for size in (m * k, n * k, n)]
    x, weight, out = x.reshape(m, k), weight.reshape(n, k), empty((m, n), "f")
    return made(x, weight, bias, out) is not None and out.tobytes() == products.linear(x, weight, bias).tobytes()


def linear(x, weight, bias=None):
    """x Wᵀ + b. Raises ValueError unless W is a matrix and b a vector of its rows' number."""
    quick = QUICK.linear
    if quick is not None and x.ndim == weight.ndim == 2 and x.size <= LARGEST and weight.size <= LARGEST:
        done = quick(x, weight, bias, empty((x.shape[0], weight.shape[0]), x.dtype))
        if done is not None:
            return done
    return products.linear(x, weight, bias)


def squared_error_mean(x, y):
    """The mean of (x - y)², for arrays of one shape."""
    if QUICK.squared_error_mean is not None:
        done = QUICK.squared_error_mean(x, y, empty((), x.dtype))
        if done is not None:
            return done
    difference = numpy.subtract(x, y)
    return numpy.add.reduce(numpy.multiply(difference, difference), None) / x.dtype.type(x.size)
