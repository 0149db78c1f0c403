"""NVIDIA's GPUs: CuPy's functions under the names that the table uses, and the kernels that CuPy lacks.

It is loaded when a tensor is first made on a GPU. What ``numpy.py`` has is here too, function for function, but none waits
for the GPU without need: no check looks at the numbers in an array. Places out of range are taken modulo the size, as CuPy
does, where the CPU raises an exception. See docs/design/gpu.md.
"""

import math
from importlib import import_module

import cupy
import cupyx
import numpy
from cupy import (
    argwhere, array, asarray, ascontiguousarray, bitwise_and, bitwise_or, bitwise_xor, conjugate, copyto, flip, floor_divide, fmod,
    frexp, from_dlpack, gcd, invert, isfinite, isinf, lcm, left_shift, ndarray, nextafter, remainder, right_shift, roll, signbit,
    zeros,
)  # fmt: skip
from cupyx.scipy.special import expit

from .. import dtypes
from ..device import device
from . import cupy_linalg as linalg
from . import numpy as on_cpu
from .complex import complex_of, half_turn, paired, pairs_of, unit
from .cupy_alignment import ctc_loss, ctc_loss_grad
from .cupy_attention import attention, attention_back
from .cupy_draws import Stream, default_stream
from .cupy_elementwise import (
    TOGETHER, absolute, add, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, ceil, converted, converted_together, cos, cosh,
    equal, erf, erfc, exp, exp2, expm1, filled, floor, greater, greater_equal, hypot, in_one_kernel, isnan, less, less_equal, log,
    log10, log1p, log2, maximum, minimum, multiply, narrow_row, negative, not_equal, put_elsewhere, reciprocal, sin, sinh, sqrt, square,
    subtract, tan, tanh, true_divide, trunc, where,
)  # fmt: skip
from .cupy_formulas import (
    COMPOSED, ENOUGH_FOR_COMPOSITES, ENOUGH_TO_RECORD, NARROWEST, composite_kernel, exact_formula, log_softmax, log_softmax_grad,
    patience, sequence, softmax, softmax_grad,
)  # fmt: skip
from .cupy_indexing import (
    argsort, bincount_ints, gather, index, index_put, nll, nll_grad, nonzero_rows, scatter, scatter_add, scatter_reduce,
    searchsorted_rows, topk_places,
)  # fmt: skip
from .cupy_joining import concatenate, stack
from .cupy_memory import address, bytes_of, geometry, is_pinned, laid_over, owner, pinned, same_memory, spread, strided, strided_view
from .cupy_memory import address as start_of
from .cupy_products import linear, matmul
from .cupy_rare import logcumsumexp
from .cupy_recurrent import recurrent_pass
from .cupy_resampling import resample
from .cupy_sums import mean, squared_error_mean, sum
from .cupy_windows import (
    avg_pool, avg_pool_grad, conv, conv_input_grad, conv_weight_grad, max_pool_index, pool_gather, pool_scatter,
)  # fmt: skip
from .distances import distances, pull
from .fourier import fft, irfft, rfft
from .numpy import ARRAY_DTYPE, DTYPE_OF, NARROW, array_dtype, dtype_of

__all__ = [
    "COMPOSED", "DTYPE_OF", "ENOUGH_FOR_COMPOSITES", "ENOUGH_TO_RECORD",
    "NARROW", "NARROWEST", "NATIVE", "SYNCHRONOUS", "Stream", "absolute", "add", "addcdiv",
    "addcmul", "address", "all", "amax", "amin", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "argmax", "argmin", "argsort", "argwhere", "array", "array_dtype", "array_of", "asarray", "ascontiguousarray", "attention",
    "attention_back", "avg_pool", "avg_pool_grad", "bincount_ints", "bitwise_and", "bitwise_or", "bitwise_xor", "bytes_of", "cast", "casts",
    "ceil", "clip", "complex_of", "composite_kernel", "concatenate", "conjugate", "conv", "conv_input_grad", "conv_weight_grad", "copyto",
    "cos", "cosh", "ctc_loss", "ctc_loss_grad", "cumprod", "cumsum", "current_device", "default_stream", "device_of", "diagonal",
    "distances", "driver", "dtype_of", "empty", "equal", "erf", "erfc", "exact_formula", "exp", "exp2", "expand", "expm1", "fft", "flip",
    "floor", "floor_divide", "fmod", "fold_windows", "frexp", "from_cpu", "from_dlpack", "frombuffer", "full", "gather", "gcd", "geometry",
    "greater", "greater_equal", "half_turn", "hypot", "index", "index_put", "invert", "irfft", "is_pinned", "isfinite", "isinf", "isnan",
    "keep", "laid_over", "lcm", "left_shift", "lerp", "less", "less_equal", "linalg", "linear", "linspace", "log", "log10", "log1p", "log2",
    "log_softmax", "log_softmax_grad", "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "matmul",
    "max_pool_index", "maximum", "may_share_memory", "mean", "minimum", "moved", "multiply", "narrow_row", "ndarray", "negative",
    "nextafter", "nll", "nll_grad", "nonzero_rows", "not_equal", "owner", "pad", "paired", "pairs_of", "patience", "pinned", "pool_gather",
    "pool_scatter", "positive_copy", "power", "prod", "pull", "put_elsewhere", "quiet", "reciprocal", "recurrent_pass", "relu", "remainder",
    "resample", "rfft", "right_shift", "rint", "roll", "room", "same_memory", "scatter", "scatter_add", "scatter_reduce",
    "searchsorted_rows", "sequence", "sigmoid", "sign", "signbit", "sin", "sinh", "softmax", "softmax_grad", "spread", "sqrt", "square",
    "squared_error_mean", "stack", "start_of", "strided_view", "subtract", "sum", "tan", "tanh", "to_cpu", "topk_places", "tril", "triu",
    "true_divide", "trunc", "unfold", "unit", "where", "widen", "zeros",
]  # fmt: skip

SYNCHRONOUS = False
"""Whether a look at the numbers in an array costs nothing but the look: here it waits for all work that was begun."""

NATIVE = frozenset(["linear", "matmul", "mean", "squared_error_mean", "sum"])
"""Rows that take narrow types as they are, and compute on tensor cores or in float32. All others are widened, and rounded once."""


def driver():
    """What runs compiled programs here."""
    return import_module(".cupy_driver", __package__).Driver()


def __getattr__(name):
    """The kernels that few programs call: loaded with the first of them."""
    special = import_module(".cupy_special", __package__)
    if name not in special.__all__:
        raise AttributeError(f"no kernel {name}")
    found = globals()[name] = getattr(special, name)
    return found


def quiet():
    """In this thread, let linear algebra raise an exception where there is no result, as NumPy does. A GPU lets overflow, 1/0
    and NaN pass silently anyway. And let memory be counted from now on."""
    cupyx.seterr(linalg="raise")
    import_module(".cupy_device", __package__)


# -------------------------------------------------------------------------------------------------- places and dtypes

DEVICES: dict = {}


def current_device():
    """The number of the GPU that is computed on."""
    return cupy.cuda.runtime.getDevice()


def device_of(x):
    """Where an array lives."""
    number = x.device.id
    if number not in DEVICES:
        DEVICES[number] = device("cuda", number)
    return DEVICES[number]


def to_cpu(x):
    """A copy of the array in the CPU's memory, NumPy's."""
    return x.get()


def from_cpu(x):
    """A copy of NumPy's array on the GPU."""
    return asarray(x)


def moved(x, device):
    """A copy of the array in another device's memory."""
    if device.type == "cpu":
        return x.get()
    return x.copy("K") if x.__class__ is ndarray else asarray(x)


def cast(x, dtype):
    """A copy of ``x`` in our ``dtype``. Complex to real drops the imaginary part; out-of-range floats wrap as in C."""
    target = ARRAY_DTYPE[dtype]
    found = converted(x, target)
    if found is not None:
        return found
    if x.dtype.kind == "c" and not dtype.is_complex:
        x = x.real
    if target.kind in "iu" and target.itemsize < 8 and x.dtype.kind == "f":
        return x.astype(numpy.int64).astype(target)
    return x.astype(target, order="C" if 0 in x.strides else "K")


def casts(arrays, dtype):
    """A copy of each of the arrays in our ``dtype``, by as few kernels as there can be."""
    found, target = [], ARRAY_DTYPE[dtype]
    for start in range(0, len(arrays), TOGETHER):
        some = arrays[start : start + TOGETHER]
        made = converted_together(some, target)
        found += [cast(x, dtype) for x in some] if made is None else made
    return found


def widen(x):
    """``x`` in float32: how narrow types are computed with."""
    found = converted(x, numpy.dtype("f"))
    return x.astype(numpy.float32) if found is None else found


def array_of(data, dtype=None, default=dtypes.float32):
    """A new array of numbers, nested lists, arrays or tensors: put together on the CPU, unless it is on the GPU already."""
    data = getattr(data, "_array", data)
    if data.__class__ is ndarray:
        return data.copy() if dtype is None else cast(data, dtype)
    return asarray(on_cpu.array_of(data, dtype, default))


# --------------------------------------------------------------------------------------------------------- elementwise


def positive_copy(x, out=None):
    if x.__class__ is ndarray and (x._c_contiguous or out is not None):
        found = in_one_kernel("copy", (x,), out)
        if found is not None:
            return found
    if out is None:
        return x.copy("C" if 0 in x.strides else "K")
    copyto(out, x)
    return out


def stored(result, out):
    """What was computed; in ``out``, if there is one."""
    if out is None:
        return result
    copyto(out, result)
    return out


def rint(x, out=None):
    if x.dtype.kind in "biu":
        return positive_copy(x, out)
    found = in_one_kernel("round", (x,), out)
    return cupy.rint(x, out) if found is None else found


def sign(x, out=None):
    """NaN has the sign 0, and so has -0.0."""
    if x.dtype.kind == "b":
        return positive_copy(x, out)
    if x.dtype.kind != "f":
        return cupy.sign(x, out)
    found = in_one_kernel("sign", (x,), out)
    return stored(greater(x, 0).astype(x.dtype) - less(x, 0), out) if found is None else found


def relu(x, out=None):
    found = in_one_kernel("relu", (x,), out)
    return maximum(x, x.dtype.type(0), out) if found is None else found


def clip(x, low, high, out=None):
    """Both bounds are numbers or None; where they cross, ``high`` wins."""
    if low is not None:
        x = maximum(x, low, out)
    return x if high is None else minimum(x, high, out)


def truths(x):
    """What ``x`` is to logic: CuPy's functions take no complex numbers."""
    return not_equal(x, 0) if x.__class__ is ndarray and x.dtype.kind == "c" else bool(x) if x.__class__ is complex else x


def logical_not(x, out=None):
    return cupy.logical_not(truths(x), out)


def logical_and(x, y, out=None):
    return cupy.logical_and(truths(x), truths(y), out)


def logical_or(x, y, out=None):
    return cupy.logical_or(truths(x), truths(y), out)


def logical_xor(x, y, out=None):
    return cupy.logical_xor(truths(x), truths(y), out)


def power(x, y, out=None):
    if x.__class__ is ndarray and y.__class__ is not ndarray:
        if y == 2:
            return square(x, out)
        if y == 3:
            return multiply(square(x), x, out)
        if x.dtype.kind in "iu" and y >= 0:
            return cupy.power(x, y, out)
    kind = x.dtype.kind if x.__class__ is ndarray else y.dtype.kind
    if kind == "b":
        return logical_or(x, logical_not(y), out)
    return integer_power(x, y, out) if kind in "iu" else cupy.power(x, y, out)


def integer_power(x, y, out=None):
    """x^y over the integers, wrapping; a negative exponent leaves 1 for 1, ±1 for -1 and 0 for others."""
    dtype = (x if x.__class__ is ndarray else y).dtype
    x, y = asarray(x, dtype), asarray(y, dtype)
    inverse = where(equal(x, 1), 1, where(equal(x, -1), 1 - 2 * (y % 2), 0))
    return stored(where(less(y, 0), inverse, cupy.power(x, maximum(y, 0))).astype(dtype), out)


def sigmoid(x, out=None):
    """1 / (1 + exp(-x)); where exp overflows, the limit 0."""
    if x.dtype.kind != "f":
        return reciprocal(exp(negative(x)) + 1, out)
    found = in_one_kernel("sigmoid", (x,), out)
    return expit(x, out) if found is None else found


def keep(x, y, out=None):
    """0 where y <= 0, else x: so also where y is NaN."""
    found = in_one_kernel("keep", (x, y), out)
    if found is not None:
        return found
    if x.__class__ is not ndarray:
        x = asarray(x, y.dtype)
    return stored(where(asarray(less_equal(y, 0)), x.dtype.type(0), x), out)


def lerp(x, y, weight, out=None):
    """x + w (y - x) for |w| < 1/2, else y - (y - x)(1 - w): exact at both ends."""
    found = in_one_kernel("lerp", (x, y, weight), out) if weight.__class__ is not ndarray else None
    if found is not None:
        return found
    difference = subtract(y, x)
    if weight.__class__ is ndarray:
        near = less(absolute(weight), 0.5)
        return stored(where(near, x + weight * difference, y - difference * (1 - weight)), out)
    if abs(weight) < 0.5:
        return add(x, multiply(difference, weight, difference), out)
    return subtract(y, difference * (1 - weight), out)


def addcmul(x, y, z, value, out=None):
    found = in_one_kernel("addcmul", (x, y, z, value), out)
    if found is not None:
        return found
    product = multiply(y, z)
    return add(x, product if value == 1 else multiply(product, value, product), out)


def addcdiv(x, y, z, value, out=None):
    found = in_one_kernel("addcdiv", (x, y, z, value), out)
    if found is not None:
        return found
    quotient = true_divide(y, z)
    return add(x, quotient if value == 1 else multiply(quotient, value, quotient), out)


# ---------------------------------------------------------------------------------------------------------- reductions


def wide(x):
    """The dtype that integers add up in, None for others."""
    return numpy.int64 if x.dtype.kind in "biu" else None


def prod(x, dim, keepdim):
    return x.prod(dim, wide(x), None, keepdim)


def cumsum(x, dim):
    return accumulated(cupy.cumsum, x, dim)


def cumprod(x, dim):
    return accumulated(cupy.cumprod, x, dim)


def accumulated(function, x, dim):
    """Integers in int64, single precision in double and rounded at the end."""
    if not x.ndim:
        return x.astype(wide(x) or x.dtype)
    if x.dtype.char == "f":
        return function(x, dim, numpy.float64).astype(x.dtype)
    return function(x, dim, wide(x))


def amax(x, dims, keepdim):
    return x.max(dims, None, keepdim) if dims else x.copy()


def amin(x, dims, keepdim):
    return x.min(dims, None, keepdim) if dims else x.copy()


def argmax(x, dim, keepdim):
    return cupy.argmax(x, dim, keepdims=keepdim)


def argmin(x, dim, keepdim):
    return cupy.argmin(x, dim, keepdims=keepdim)


def any(x, dims, keepdim):
    return cupy.any(x, dims, None, keepdim) if dims else not_equal(x, 0)


def all(x, dims, keepdim):
    return cupy.all(x, dims, None, keepdim) if dims else not_equal(x, 0)


# ------------------------------------------------------------------------------------------------------------ movement


def may_share_memory(x, y):
    """Whether two arrays may have memory in common, of which one may be NumPy's."""
    return x.__class__ is y.__class__ and cupy.may_share_memory(x, y)


def expand(x, shape):
    """``x`` seen with a larger shape: repeated dims have stride 0."""
    return cupy.broadcast_to(x, shape)


def diagonal(x, offset, dim1, dim2):
    return x.diagonal(offset, dim1, dim2)


def unfold(x, dim, size, step):
    shape, strides = list(x.shape), list(x.strides)
    shape[dim], strides[dim] = (shape[dim] - size) // step + 1, strides[dim] * step
    return strided(x, (*shape, size), (*strides, x.strides[dim]))


def triangle(function, x, k):
    """CuPy's ``tril`` or ``triu``, which doesn't know bfloat16: the bits of that are looked at as whole numbers."""
    return function(x.view(numpy.uint16), k).view(x.dtype) if x.dtype.char == "E" else function(x, k)


def tril(x, k=0):
    return triangle(cupy.tril, x, k)


def triu(x, k=0):
    return triangle(cupy.triu, x, k)


def fold_windows(x, shape, dim, size, step):
    out = zeros(shape, x.dtype)
    count = x.shape[dim]
    before = (slice(None),) * dim
    for k in range(size):
        out[(*before, slice(k, k + step * (count - 1) + 1, step))] += x[..., k]
    return out


def pad(x, widths, value):
    shape = [before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)]
    out = cupy.full(shape, value, x.dtype)
    out[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))] = x
    return out


# ------------------------------------------------------------------------------------------------------------ creation


def full(shape, value, dtype):
    value, kind = dtypes.converted(value, dtype), ARRAY_DTYPE[dtype]
    if dtype.is_floating_point and value.__class__ in (int, float, bool):
        return filled(shape, value, kind)
    return cupy.full(shape, value, kind)


def empty(shape, dtype):
    return cupy.empty(shape, ARRAY_DTYPE[dtype])


room = cupy.empty  # of an array's dtype


def frombuffer(buffer, dtype, count, offset):
    """A copy of the bytes, on the GPU."""
    return asarray(numpy.frombuffer(buffer, dtype, count, offset))


def arange(start, step, count, dtype):
    """start + i step: integers exactly, floats in float64 and rounded once."""
    exact = numpy.int64 if isinstance(start, int) and isinstance(step, int) else numpy.float64
    return (start + cupy.arange(count, dtype=exact) * step).astype(ARRAY_DTYPE[dtype])


def linspace(start, end, steps, dtype):
    """Counted on the CPU."""
    return asarray(on_cpu.linspace(start, end, steps, dtype))
