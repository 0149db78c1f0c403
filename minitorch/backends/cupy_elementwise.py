"""Elementwise rows of floating-point numbers, each in one kernel of our own, which starts in half of CuPy's time.

Narrow types (float16, bfloat16) are read, computed with in float32 and rounded once. Arrays may be broadcast, and have gaps;
a transposed one is CuPy's business, whose result is transposed too, and so are integers and complex numbers.

torch: ATen/native/cuda/CUDALoops.cuh, Loops.cuh (opmath)
"""

import math
from functools import cache
from typing import NamedTuple

import cupy
import numpy
from cupyx.scipy import special

from ..native import cuda_formulas
from ..native.cuda_formulas import CHUNK, THREADS, has_words
from .cupy_launch import Kernel, room

__all__ = [
    "TOGETHER", "absolute", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "ceil", "converted",
    "converted_together", "cos", "cosh", "equal", "erf", "erfc", "exp", "exp2", "expm1", "filled", "floor", "greater", "greater_equal",
    "hypot", "in_one_kernel", "isnan", "less", "less_equal", "log", "log10", "log1p", "log2", "maximum", "minimum", "multiply",
    "narrow_row", "negative", "not_equal", "put_elsewhere", "reciprocal", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh",
    "true_divide", "trunc", "where",
]  # fmt: skip

MEMORY = {"f": "float", "d": "double", "e": "float16", "E": "bfloat16", "?": "bool"}
"""dtype.char → what lies in memory."""
TRUTHS = frozenset(["eq", "ne", "lt", "le", "gt", "ge", "isnan", "logical_and", "logical_or", "logical_xor", "logical_not"])
"""Rows that give booleans."""
MOST_BLOCKS, MOST_DIMS = 2112, 6
OWN_NUMBERS = frozenset(["pow"])
"""Rows that are spelled otherwise for some numbers: each number has a kernel of its own."""
NUMBERS = (int, float, bool)

PLANS: dict = {}
"""What is known of a row and the shapes and dtypes of its operands: a Plan, or None where it can't be done."""
MOST_PLANS = 4096


class Plan(NamedTuple):
    """shape, dtype: of the result.   words: what the kernel is told of sizes.   own: whether numbers are in the kernel's text."""

    kernel: Kernel
    shape: tuple
    dtype: numpy.dtype
    blocks: int
    words: tuple
    own: bool


def narrow_row(name, arguments):
    """What a row makes of ``arguments``, arrays of a narrow type and numbers; None if that isn't done here."""
    return in_one_kernel(name, arguments)


def in_one_kernel(name, arguments, out=None):
    """What the row makes of ``arguments``, arrays of one floating-point dtype and numbers; None if that isn't done here.

    out: an array for the result, which may be one of them.
    """
    own, key, addresses, numbers = name in OWN_NUMBERS, [name], [], []
    for x in arguments:
        if x.__class__ is room:
            key.append((x.dtype.char, x.shape, None if x._c_contiguous else x.strides))
            addresses.append(x.data.ptr)
        else:
            key.append(x if own else x.__class__)
            numbers.append(x)
    key = tuple(key)
    try:
        plan = PLANS[key]
    except KeyError:
        if len(PLANS) > MOST_PLANS:
            PLANS.clear()
        plan = PLANS[key] = planned(name, arguments, own)
    if plan is None:
        return None
    if out is None:
        out = room(plan.shape, plan.dtype)
    elif not out._c_contiguous or out.shape != plan.shape or out.dtype != plan.dtype:
        return None
    plan.kernel(plan.blocks, THREADS, *addresses, out.data.ptr, *plan.words, *(() if own else numbers))
    return out


def planned(name, arguments, own):
    """The Plan for such arguments, or None."""
    arrays = [x for x in arguments if x.__class__ is room]
    numbers = [x for x in arguments if x.__class__ is not room]
    chars = [x.dtype.char for x in arrays]
    real = {c for c in chars if c != "?"}
    if not has_words(name) or len(real) != 1 or not real.issubset(MEMORY) or any([x.__class__ not in NUMBERS for x in numbers]):
        return None
    places = arranged(arrays)
    if places is None:
        return None
    shape, words = places
    (char,) = real
    kinds = tuple(["x" if x.__class__ is room else float(x) if own else "n" for x in arguments])
    kernel = kernel_of(name, kinds, tuple(chars), (len(words) - 1) // (1 + len(arrays)))
    dtype = numpy.dtype(bool) if name in TRUTHS else next(x.dtype for x in arrays if x.dtype.char == char)
    return Plan(kernel, shape, dtype, min(-(-words[0] // CHUNK), MOST_BLOCKS), words, own)


def arranged(arrays):
    """The shape of the result; and its size, and unless all arrays are of that shape and in order, of each dim its size and the
    arrays' strides. None if they can't be broadcast, are transposed, or have too many dims."""
    try:
        shape = numpy.broadcast_shapes(*[x.shape for x in arrays])
    except ValueError:
        return None
    size = math.prod(shape)
    if not size or all([x.shape == shape and x._c_contiguous for x in arrays]):
        return shape, (size,)
    strides = [strides_of(x, len(shape)) for x in arrays]
    if any([steps is None for steps in strides]):
        return None
    dims: list = []
    for n, *steps in zip(shape, *strides, strict=True):
        if n == 1:
            continue
        if dims and all([before == n * step for before, step in zip(dims[-1][1:], steps)]):
            dims[-1] = [dims[-1][0] * n, *steps]  # the two are one
        else:
            dims.append([n, *steps])
    return None if len(dims) > MOST_DIMS or size >= 1 << 31 else (shape, (size, *[x for dim in dims for x in dim]))


def strides_of(x, ndim):
    """The strides along ``ndim`` dims, in elements, 0 along dims of size 1; None if they don't go down, or not in elements."""
    found = [0 if n == 1 else s for n, s in zip(x.shape, x.strides, strict=True)]
    steps = [s for s in found if s]
    if steps != sorted(steps, reverse=True) or any([s < 0 or s % x.itemsize for s in steps]):
        return None
    return [0] * (ndim - x.ndim) + [s // x.itemsize for s in found]


KERNELS: dict = {}


def kernel_of(name, kinds, chars, dims):
    """The kernel of a row. kinds: of each operand, "x" for an array, "n" for a number, or the number itself; dims: how many
    there are of a broadcast, 0 for arrays of one shape."""
    key = name, kinds, chars, dims
    if key not in KERNELS:
        operands, arrays, numbers = [], 0, 0
        for kind in kinds:
            operands.append(f"a{arrays}" if kind == "x" else f"n{numbers}" if kind == "n" else kind)
            arrays, numbers = arrays + (kind == "x"), numbers + (kind == "n")
        real = next(c for c in chars if c != "?")
        dtypes = *[MEMORY[c] for c in chars], "bool" if name in TRUTHS else MEMORY[real]
        formula = "double" if real == "d" else "float", dtypes, numbers, ((name, tuple(operands)),), ((arrays, "t0"),)
        text = cuda_formulas.broadcast_text(*formula, dims) if dims else cuda_formulas.elementwise_text(*formula)
        KERNELS[key] = Kernel(text, "formula", "Q" * (arrays + 1) + "q" + "q" * dims * (1 + arrays) + "d" * numbers)
    return KERNELS[key]


def converted(x, dtype):
    """A copy of an array of float32, float16 or bfloat16 in another of these dtypes, in one kernel; None if that isn't done here."""
    kernel, size = conversion(x.dtype.char, dtype.char), x.size
    if kernel is None or not x._c_contiguous:
        return None
    out = room(x.shape, dtype)
    kernel(min(-(-size // CHUNK), MOST_BLOCKS), THREADS, x.data.ptr, out.data.ptr, size)
    return out


@cache
def conversion(source, target):
    """The kernel for two of these dtypes, by dtype.char; None for others."""
    if not {"f", "e", "E"}.issuperset((source, target)):
        return None
    text = cuda_formulas.elementwise_text("float", (MEMORY[source], MEMORY[target]), 0, (("copy", ("a0",)),), ((1, "t0"),))
    return Kernel(text, "formula", "QQq")


TOGETHER = 32
"""Arrays that one launch converts at most."""


def converted_together(arrays, dtype):
    """``converted``, for arrays of one dtype, in one launch; None if that isn't done here."""
    char = arrays[0].dtype.char
    kernel = together(char, dtype.char) if len(arrays) <= TOGETHER else None
    if kernel is None or not all([x.dtype.char == char and x._c_contiguous for x in arrays]):
        return None
    out, words, blocks = [room(x.shape, dtype) for x in arrays], [], 0
    for x, made in zip(arrays, out, strict=True):
        words += x.data.ptr, made.data.ptr, x.size, blocks
        blocks += -(-x.size // CHUNK)
    kernel(blocks, THREADS, len(arrays), *words, *[0] * (4 * (TOGETHER - len(arrays))))
    return out


@cache
def together(source, target):
    """The kernel for two dtypes, by dtype.char; None for others than narrow ones and float32."""
    if not {"f", "e", "E"}.issuperset((source, target)):
        return None
    text = cuda_formulas.many_text("float", (MEMORY[source], MEMORY[target]), 0, (("copy", ("a0",)),), ((1, "t0"),), TOGETHER)
    return Kernel(text, "formula", "q" + "QQqq" * TOGETHER, whole=True)


def filled(shape, number, dtype):
    """A new array that is one number everywhere, of float32, float64, float16 or bfloat16."""
    char, out = dtype.char, room(shape, dtype)
    if char not in FILLS:
        kind = "double" if char == "d" else "float"
        text = cuda_formulas.elementwise_text(kind, (MEMORY[char],), 1, (("copy", ("n0",)),), ((0, "t0"),))
        FILLS[char] = Kernel(text, "formula", "Qqd")
    FILLS[char](min(-(-out.size // CHUNK), MOST_BLOCKS), THREADS, out.data.ptr, out.size, number)
    return out


FILLS: dict = {}
"""dtype.char → the kernel."""


# -------------------------------------------------------------------------------------------------------------- the rows


def quick(name, ufunc):
    """The row as a function of arrays and numbers, and of where its result goes; ``ufunc`` is CuPy's, for other arrays."""

    def one(x, out=None):
        found = in_one_kernel(name, (x,), out)
        return ufunc(x, out) if found is None else found

    def two(x, y, out=None):
        found = in_one_kernel(name, (x, y), out)
        return ufunc(x, y, out) if found is None else found

    return one if ufunc.nin == 1 else two


absolute, negative, reciprocal = quick("abs", cupy.absolute), quick("neg", cupy.negative), quick("reciprocal", cupy.reciprocal)
sqrt, square, exp, exp2, expm1 = [quick(name, getattr(cupy, name)) for name in ("sqrt", "square", "exp", "exp2", "expm1")]
log, log2, log10, log1p = [quick(name, getattr(cupy, name)) for name in ("log", "log2", "log10", "log1p")]
sin, cos, tan = quick("sin", cupy.sin), quick("cos", cupy.cos), quick("tan", cupy.tan)
sinh, cosh, tanh = quick("sinh", cupy.sinh), quick("cosh", cupy.cosh), quick("tanh", cupy.tanh)
arcsin, arccos, arctan = quick("asin", cupy.arcsin), quick("acos", cupy.arccos), quick("atan", cupy.arctan)
arcsinh, arccosh, arctanh = quick("asinh", cupy.arcsinh), quick("acosh", cupy.arccosh), quick("atanh", cupy.arctanh)
erf, erfc = quick("erf", special.erf), quick("erfc", special.erfc)
floor, ceil, trunc, isnan = [quick(name, getattr(cupy, name)) for name in ("floor", "ceil", "trunc", "isnan")]
add, subtract, multiply = quick("add", cupy.add), quick("sub", cupy.subtract), quick("mul", cupy.multiply)
true_divide, arctan2, hypot = quick("div", cupy.true_divide), quick("atan2", cupy.arctan2), quick("hypot", cupy.hypot)
maximum, minimum = quick("maximum", cupy.maximum), quick("minimum", cupy.minimum)
equal, not_equal = quick("eq", cupy.equal), quick("ne", cupy.not_equal)
less, less_equal = quick("lt", cupy.less), quick("le", cupy.less_equal)
greater, greater_equal = quick("gt", cupy.greater), quick("ge", cupy.greater_equal)


def where(condition, x, y):
    found = in_one_kernel("where", (x, condition, y))
    return cupy.where(condition, x, y) if found is None else found


def put_elsewhere(x, condition, number):
    """Write a number to ``x`` wherever the condition doesn't hold."""
    cupy.copyto(x, number, where=cupy.logical_not(condition))
