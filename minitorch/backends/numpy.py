"""The CPU: NumPy's functions under the names that the table uses, and the kernels that NumPy lacks.

Every function works on plain arrays and never sees a Tensor or a gradient. Kernels of elementwise rows take ``out``.
"""

import math
from importlib import import_module

import numpy
from numpy import (
    absolute, add, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, argwhere, array, asarray, ascontiguousarray, bitwise_and,
    bitwise_or, bitwise_xor, ceil, conjugate, copyto, cos, cosh, empty as room, equal, exp, exp2, expm1, flip, floor, frexp, from_dlpack,
    frombuffer, gcd, greater, greater_equal, hypot, invert, isfinite, isinf, isnan, lcm, left_shift, less, less_equal, log, log10, log1p,
    log2, logical_and, logical_not, logical_or, logical_xor, may_share_memory, multiply, ndarray, negative, nextafter, not_equal,
    reciprocal, right_shift, roll, signbit, sin, sinh, sqrt, square, subtract, tan, tanh, tril, triu, true_divide, trunc, zeros,
)  # fmt: skip
from numpy.lib.stride_tricks import as_strided

from .. import dtypes
from . import linalg
from .accumulation import cumprod, cumsum, logcumsumexp
from .distances import distances, pull
from .complex import complex_of, half_turn, paired, pairs_of, unit
from .convolution import conv, conv_input_grad, conv_weight_grad
from .fourier import fft, irfft, rfft
from .composites import (
    COMPOSED, ENOUGH_FOR_COMPOSITES, ENOUGH_TO_RECORD, NARROWEST, composite_kernel, log_softmax_grad, softmax_grad,
)  # fmt: skip
from .large import ENOUGH, exact_formula, in_machine_code, recurrent_pass
from .ctc import ctc_loss, ctc_loss_grad
from .indexing import (
    bincount_ints, gather, index, index_put, nll, nll_grad, nonzero_rows, scatter, scatter_add, scatter_reduce, searchsorted_rows,
)  # fmt: skip
from .memory import address, bytes_of, device_of, from_cpu, geometry, in_order, laid_over, moved, owner, same_memory, spread, start_of
from .memory import strided_view, to_cpu
from .mt19937 import Stream, default_stream
from .masks import put_elsewhere, where
from .normals import fused32, fused64
from .ordering import argsort, topk_places
from .pooling import avg_pool, avg_pool_grad, max_pool_index, pool_gather, pool_scatter
from .products import matmul, narrow
from .reductions import amax, amin, mean, sum
from .resampling import resample
from .rounding import converted
from .small import QUICK, linear, patience, sequence, squared_error_mean
from .softmax import log_softmax, softmax
from .erf import erf, erfc

__all__ = [
    "ARRAY_DTYPE", "COMPOSED", "DTYPE_OF", "ENOUGH_FOR_COMPOSITES", "ENOUGH_TO_RECORD", "NARROW", "NARROWEST", "NATIVE", "SYNCHRONOUS",
    "Stream", "absolute", "add", "addcdiv", "addcmul", "address", "all", "amax", "amin", "any", "arange", "arccos", "arccosh", "arcsin",
    "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "array", "array_dtype", "array_of", "asarray",
    "ascontiguousarray", "avg_pool", "avg_pool_grad", "bincount_ints", "bitwise_and", "bitwise_or", "bitwise_xor", "bytes_of", "cast",
    "ceil", "clip", "complex_of", "composite_kernel", "concatenate", "conjugate", "conv", "conv_input_grad", "conv_weight_grad", "copyto",
    "cos", "cosh", "ctc_loss", "ctc_loss_grad", "cumprod", "cumsum", "default_stream", "device_of", "diagonal", "distances", "dtype_of",
    "empty", "equal", "erf", "erfc", "exact_formula", "exp", "exp2", "expand", "expm1", "fft", "flip", "floor", "floor_divide", "fmod",
    "fold_windows", "frexp", "from_cpu", "from_dlpack", "frombuffer", "full", "gather", "gcd", "geometry", "greater", "greater_equal",
    "half_turn", "hypot", "index", "index_put", "invert", "irfft", "isfinite", "isinf", "isnan", "keep", "laid_over", "lcm", "left_shift",
    "lerp", "less", "less_equal", "linalg", "linear", "linspace", "log", "log10", "log1p", "log2", "log_softmax", "log_softmax_grad",
    "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "max_pool_index", "maximum", "may_share_memory",
    "mean", "minimum", "moved", "multiply", "narrow_row", "ndarray", "negative", "nextafter", "nll", "nll_grad", "nonzero_rows",
    "not_equal", "owner", "pad", "paired", "pairs_of", "patience", "pool_gather", "pool_scatter", "positive_copy", "power", "prod", "pull",
    "put_elsewhere", "quiet", "reciprocal", "recurrent_pass", "relu", "remainder", "resample", "rfft", "right_shift", "rint", "roll",
    "room", "same_memory", "scatter", "scatter_add", "scatter_reduce", "searchsorted_rows", "sequence", "sigmoid", "sign", "signbit", "sin",
    "sinh", "softmax", "softmax_grad", "spread", "sqrt", "square", "squared_error_mean", "stack", "start_of", "strided_view", "subtract",
    "sum", "tan", "tanh", "to_cpu", "topk_places", "tril", "triu", "true_divide", "trunc", "unfold", "unit", "where", "widen", "zeros",
]  # fmt: skip


LATER = {
    "bessel": (
        "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "i0", "i0e", "i1", "i1e", "modified_bessel_i0",
        "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0",
        "scaled_modified_bessel_k1", "spherical_bessel_j0",
    ),
    "gamma": ("digamma", "igamma", "igammac", "lgamma", "polygamma", "zeta"),
    "gaussian": ("entr", "erfcx", "erfinv", "log_ndtr", "ndtri", "xlog1py", "xlogy"),
    "pathwise": ("beta_slope", "gamma_slope"),
    "polynomials": (
        "chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
        "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
        "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
        "shifted_chebyshev_polynomial_w",
    ),
}  # fmt: skip
"""Kernels that few programs call, by the file where they are: loaded with it, when the first is called."""


def __getattr__(name):
    for module, names in LATER.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f".{module}", __package__), name)
            return found
    raise AttributeError(f"no kernel {name}")


def quiet():
    """In this thread, let overflow, 1/0 and NaN pass silently, as PyTorch does. Never per operation: it costs a microsecond."""
    numpy.seterr(all="ignore")


# -------------------------------------------------------------------------------------------------------------- dtypes

SYNCHRONOUS = True
"""Whether a look at the numbers in an array costs nothing but the look."""

NARROW = frozenset(["float16", "bfloat16"])
"""Types that are stored, but computed with in float32 and rounded once."""
NATIVE: frozenset = frozenset()
"""Rows that compute with narrow types as they are."""


class ArrayDtypes(dict):
    """Our dtypes → NumPy's. bfloat16 comes from ml_dtypes, loaded when it is first asked for."""

    def __missing__(self, dtype):
        if dtype is not dtypes.bfloat16:
            raise TypeError(f"expected a torch.dtype, got {dtype!r}")
        import ml_dtypes  # a package that most programs never need

        found = numpy.dtype(ml_dtypes.bfloat16)
        self[dtype], DTYPE_OF[found] = found, dtype
        return found


ARRAY_DTYPE = ArrayDtypes((d, numpy.dtype(d.name)) for d in dtypes.DTYPES if d is not dtypes.bfloat16)
DTYPE_OF = {array_dtype: d for d, array_dtype in ARRAY_DTYPE.items()}
"""NumPy's dtypes → ours."""

ZERO = {a: numpy.zeros((), a) for a in ARRAY_DTYPE.values()}
"""Zeros to compare with: a Python 0 would be made an array at each call."""


def array_dtype(dtype):
    """NumPy's name for one of our dtypes."""
    return ARRAY_DTYPE[dtype]


def dtype_of(x):
    """The dtype of an array, as ours. Raises TypeError for the kinds of array that no tensor can hold."""
    found = DTYPE_OF.get(x.dtype)
    if found is None and x.dtype.name == "bfloat16":
        ARRAY_DTYPE[dtypes.bfloat16]
        found = DTYPE_OF.get(x.dtype)
    if found is None and not x.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is currently not "
            "supported.\nconvert it first: array.astype(array.dtype.newbyteorder('='))"
        )
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{x.dtype.type.__name__}. The only supported types are: float64, float32, "
            "float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool."
        )
    return found


def cast(x, dtype):
    """A copy of ``x`` in our ``dtype``. Complex to real drops the imaginary part.

    Floats out of range are what PyTorch's are on x86: of what 64 bits hold the lowest ones are a uint8 (of 300 it is 44), of what
    32 bits hold those of a shorter int; beyond that, and of NaN, the least number of as many bits.
    """
    target = ARRAY_DTYPE[dtype]
    if x.dtype.kind == "c" and not dtype.is_complex:
        x = x.real
    if target.kind in "iu" and target.itemsize < 8 and x.dtype.kind == "f":
        return x.astype(numpy.int64 if target.kind == "u" else numpy.int32).astype(target, copy=False)
    done = converted(x, target)
    if done is not None:
        return done
    x = x.astype(numpy.float32) if target.char + x.dtype.char == "ed" else x  # PyTorch rounds twice; to bfloat16 so does NumPy
    return x.astype(target, order="C" if 0 in x.strides else "K")  # NumPy would put an expanded dim innermost


def widen(x):
    """``x`` in float32: how narrow types are computed with."""
    done = converted(x, ARRAY_DTYPE[dtypes.float32])
    return x.astype(numpy.float32) if done is None else done


def narrow_row(name, arguments):
    """What a row makes of narrow types as they are: products, if they are large. None where they are widened first."""
    return narrow(name, *arguments) if name in ("matmul", "linear") else None


def array_of(data, dtype=None, default=dtypes.float32):
    """A new array of numbers, nested lists, arrays or tensors. ``dtype`` is ours; None lets the data decide, Python's floats
    being ``default``. Raises an exception in PyTorch's words for what is no array of numbers."""
    data = plain(data)
    made = numpy.array(data)
    if isinstance(data, (ndarray, numpy.generic)):
        dtype_of(made)
        return made if dtype is None else cast(made, dtype)
    if made.dtype.kind not in "biufcV" or (made.dtype.char == "Q" and dtype is not dtypes.uint64):
        raise unfit(data, made)
    if dtype is None:
        dtype = dtype_of_elements(data, made, default)
    elif dtype.category == 1 and dtype is not dtypes.int64 and made.size:
        check_range(made, dtype)
    return made if ARRAY_DTYPE[dtype] is made.dtype else cast(made, dtype)


def plain(data):
    """``data`` with the tensors in it replaced by their arrays, and other sequences (deque, range, array) by lists."""
    if hasattr(data, "_array"):
        return data._array if data._array.__class__ is ndarray else data._array.get()
    if is_sequence(data):
        data = list(data)
    if isinstance(data, (list, tuple)) and data and not isinstance(data[0], (int, float)):
        return [plain(x) for x in data]
    return data


def is_sequence(data):
    """Whether ``data`` is a sequence of elements, but no list or tuple, array, dictionary or text."""
    cls = data.__class__
    if cls is list or cls is tuple or not hasattr(cls, "__getitem__") or not hasattr(cls, "__len__"):
        return False
    return not issubclass(cls, (list, tuple, str, bytes, dict, ndarray, numpy.generic))


def dtype_of_elements(data, made, default):
    """Our dtype for nested lists: Python's numbers count as ``default``, int64 or bool, others by their own type."""
    kinds = kinds_of(data)
    if not made.size:
        return default
    if kinds <= {float, int, bool}:
        return {"f": default, "b": dtypes.bool}.get(made.dtype.kind, dtypes.int64)
    found = None
    for kind in kinds:
        if isinstance(kind, numpy.dtype) or issubclass(kind, numpy.generic):
            own = DTYPE_OF[numpy.dtype(kind)]
        else:
            own = dtypes.number_dtype(kind(0)) if kind is not complex else default.to_complex()
        found = own if found is None else dtypes.promote_types(found, own)
    return found


def kinds_of(data):
    """The types of the numbers in nested lists, or the dtypes of the arrays."""
    if not isinstance(data, (list, tuple)):
        return {data.dtype if isinstance(data, ndarray) else type(data)}
    kinds = set(map(type, data))
    if kinds.isdisjoint((list, tuple, ndarray)):
        return kinds
    return set().union(*map(kinds_of, data))


def check_range(made, dtype):
    """Raise RuntimeError for numbers too large for an integer dtype. Negative ones may wrap, as in PyTorch."""
    if dtype is dtypes.uint64 and made.dtype.kind == "i" and made.min() < 0:
        raise OverflowError("can't convert negative int to unsigned")
    top = 2 ** (8 * dtype.itemsize - dtype.is_signed) - 1
    if made.max() > top or made.min() < -top - 1:
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow\nit holds at most {top}")


def unfit(data, made):
    """The exception for data that isn't numbers."""
    if made.dtype.char == "Q":
        return ValueError("Overflow when unpacking long long\nan integer is at most 2**63 - 1")
    depth, first = 0, data
    while isinstance(first, (list, tuple)):
        depth, first = depth + 1, next((x for x in first if not isinstance(x, (int, float))), first[0])
    if isinstance(first, bytes):
        return TypeError("new(): invalid data type 'bytes'\na tensor holds numbers only; torch.frombuffer reads bytes")
    if not isinstance(first, str):
        return RuntimeError(f"Could not infer dtype of {type(first).__name__}\na tensor holds numbers only")
    if depth and first is data[0]:
        return ValueError("too many dimensions 'str'\na tensor holds numbers only")
    return TypeError("new(): invalid data type 'str'\na tensor holds numbers only")


# --------------------------------------------------------------------------------------------------------- elementwise


def positive_copy(x, out=None):
    if out is None:
        return x.copy("C" if 0 in x.strides else "K")  # the dims in their order in memory; repeated ones have none
    copyto(out, x)
    return out


def maximum(x, y, out=None):
    return numpy.maximum(x, y, out=out)


def rint(x, out=None):
    return numpy.rint(x, out) if x.dtype.kind not in "biu" else positive_copy(x, out)


def sign(x, out=None):
    """NaN has the sign 0, and so has -0.0."""
    if x.dtype.kind != "f":
        return positive_copy(x, out) if x.dtype == bool else numpy.sign(x, out)
    return subtract(greater(x, 0), less(x, 0), out, dtype=x.dtype)


def relu(x, out=None):
    if x.size >= ENOUGH:
        done = in_machine_code("relu", x, out=out)
        if done is not None:
            return done
    elif QUICK.relu is not None and out is None:
        done = QUICK.relu(x, numpy.empty(x.shape, x.dtype))
        if done is not None:
            return done
    return numpy.maximum(x, ZERO[x.dtype], out=out)


def minimum(x, y, out=None):
    return numpy.minimum(x, y, out=out)


def clip(x, low, high, out=None):
    """Both bounds are numbers or None; where they cross, ``high`` wins."""
    if low is not None:
        x = numpy.maximum(x, low, out=out)
    return x if high is None else numpy.minimum(x, high, out=out)


def power(x, y, out=None):
    if x.__class__ is ndarray and y.__class__ is not ndarray:
        if y == 2:
            return square(x, out)
        if y == 3:
            return multiply(x * x, x, out)
        if x.dtype.kind in "iu" and y >= 0:
            return numpy.power(x, y, out)
    kind = x.dtype.kind if x.__class__ is ndarray else y.dtype.kind
    if kind == "b":
        return numpy.logical_or(x, numpy.logical_not(y), out)
    return integer_power(x, y, out) if kind in "iu" else numpy.power(x, y, out)


def integer_power(x, y, out=None):
    """x^y over the integers, wrapping; a negative exponent leaves 1 for 1, ±1 for -1 and 0 for others."""
    inverse = numpy.where(numpy.equal(x, 1), 1, numpy.where(numpy.equal(x, -1), 1 - 2 * (numpy.asarray(y) % 2), 0))
    result = numpy.where(numpy.less(y, 0), inverse, numpy.power(x, numpy.maximum(y, 0)))
    return result.astype((x if x.__class__ is ndarray else y).dtype) if out is None else positive_copy(result, out)


def check_divisor(x, y):
    kind = x.dtype.kind if x.__class__ is ndarray else y.dtype.kind
    if kind in "iub" and numpy.equal(y, 0).any():
        raise RuntimeError("ZeroDivisionError")


def floor_divide(x, y, out=None):
    check_divisor(x, y)
    return numpy.floor_divide(x, y, out)


def fmod(x, y, out=None):
    check_divisor(x, y)
    return numpy.fmod(x, y, out)


def remainder(x, y, out=None):
    check_divisor(x, y)
    return numpy.remainder(x, y, out)


def sigmoid(x, out=None):
    """1 / (1 + exp(-x)); where exp overflows, the limit 0."""
    if x.size >= ENOUGH and x.dtype.char == "f":
        done = in_machine_code("sigmoid", x, out=out)
        if done is not None:
            return done
    y = negative(x)
    if y.__class__ is not ndarray:
        return true_divide(1, 1 + exp(y), out)
    exp(y, y)
    add(y, 1, y)
    return reciprocal(y, out if out is not None else y)


SMALL = 4096
"""Elements up to which selecting with ``where`` beats a bit mask."""


def keep(x, y, out=None):
    """0 where y <= 0, else x: so also where y is NaN."""
    if x.size >= ENOUGH:
        done = in_machine_code("keep", x, y, out=out)
        if done is not None:
            return done
    mask = less_equal(y, ZERO[y.dtype]) if y.dtype in ZERO else less_equal(y, 0)
    if x.size <= SMALL or x.dtype != numpy.float32 or not x.flags.forc or x.strides != y.strides:
        result = numpy.where(mask, ZERO[x.dtype] if x.dtype in ZERO else 0, x)
    else:
        bits = subtract(mask.view(numpy.int8), 1, dtype=numpy.int32)  # all ones where kept
        result = bitwise_and(x.view(numpy.int32), bits, bits).view(numpy.float32)
    return result if out is None else positive_copy(result, out)


def lerp(x, y, weight, out=None):
    """x + w (y - x) for |w| < 1/2, else y - (y - x)(1 - w): exact at both ends."""
    difference = subtract(y, x)
    if weight.__class__ is ndarray:
        near = numpy.less(numpy.abs(weight), 0.5)
        result = numpy.where(near, x + weight * difference, y - difference * (1 - weight))
        return result if out is None else positive_copy(result, out)
    if -0.5 < weight < 0.5 if weight.__class__ is not complex else abs(weight) < 0.5:
        return add(x, multiply(difference, weight, difference if difference.__class__ is ndarray else None), out)
    return subtract(y, difference * (1 - weight), out)


def addcmul(x, y, z, value, out=None):
    product = multiply(y, z)
    if value != 1:
        product = product * value if product.__class__ is not ndarray else multiply(product, value, product)
    return add(x, product, out)


def addcdiv(x, y, z, value, out=None):
    quotient = true_divide(y, z)
    if value != 1:
        quotient = quotient * value if quotient.__class__ is not ndarray else multiply(quotient, value, quotient)
    return add(x, quotient, out)


# ---------------------------------------------------------------------------------------------------------- reductions


def prod(x, dim, keepdim):
    return in_order(numpy.multiply.reduce(x, dim, numpy.int64 if x.dtype.kind in "biu" else None, None, keepdim))


def argmax(x, dim, keepdim):
    return numpy.argmax(x, dim, keepdims=keepdim)


def argmin(x, dim, keepdim):
    return numpy.argmin(x, dim, keepdims=keepdim)


def any(x, dims, keepdim):
    return in_order(numpy.logical_or.reduce(x, dims, None, None, keepdim))


def all(x, dims, keepdim):
    return in_order(numpy.logical_and.reduce(x, dims, None, None, keepdim))


# ------------------------------------------------------------------------------------------------------------ movement


def strided(x, shape, strides):
    """``x`` seen with another shape and other strides. Its ``base`` is the owner of x's memory, as for NumPy's own views: by
    that the engine knows a view."""
    if x.flags.c_contiguous and x.size and x.dtype.kind != "V":
        return ndarray(shape, x.dtype, x, 0, strides)
    whole = x if x.base is None else x.base
    if whole.__class__ is not ndarray or not x.size:
        return as_strided(x, shape, strides)
    start = 0 if whole is x else start_of(x) - start_of(whole)
    if not whole.flags.c_contiguous:  # what came of permuted arrays
        whole = whole.transpose(sorted(range(whole.ndim), key=lambda d: -whole.strides[d]))
        if not whole.flags.c_contiguous:
            return as_strided(x, shape, strides)
    if whole.dtype.kind == "V":  # bfloat16: a stranger to NumPy's buffers
        whole = whole.view(numpy.uint16)
    return ndarray(shape, x.dtype, whole, start, strides)


def expand(x, shape):
    """``x`` seen with a larger shape: repeated dims have stride 0. Writable where x is, unlike NumPy's."""
    lead = len(shape) - x.ndim
    strides = [s if n == m else 0 for n, m, s in zip(x.shape, shape[lead:], x.strides, strict=True)]
    return strided(x, shape, [0] * lead + strides)


def diagonal(x, offset, dim1, dim2):
    """A view, writable as PyTorch's is."""
    view = x.diagonal(offset, dim1, dim2)
    view.flags.writeable = x.flags.writeable
    return view


def unfold(x, dim, size, step):
    shape, strides = list(x.shape), list(x.strides)
    shape[dim], strides[dim] = (shape[dim] - size) // step + 1, strides[dim] * step
    return strided(x, (*shape, size), (*strides, x.strides[dim]))


def fold_windows(x, shape, dim, size, step):
    order = sorted(range(len(shape)), key=lambda d: -x.strides[d])  # as x lies, or each addition would go across it
    out = numpy.zeros([shape[d] for d in order], x.dtype).transpose([order.index(d) for d in range(len(shape))])
    count = x.shape[dim]
    before = (slice(None),) * dim
    for k in range(size):
        out[(*before, slice(k, k + step * (count - 1) + 1, step))] += x[..., k]
    return out


def pad(x, widths, value):
    shape = [before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)]
    out = numpy.full(shape, value, x.dtype) if value else numpy.zeros(shape, x.dtype)
    out[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))] = x
    return out


# ------------------------------------------------------------------------------------------------------------ creation


def full(shape, value, dtype):
    if not value and not isinstance(value, float):
        return numpy.zeros(shape, ARRAY_DTYPE[dtype])
    if value.__class__ is complex or not 0 < value < 128:
        value = dtypes.converted(value, dtype)
    elif not shape:
        return numpy.array(value, ARRAY_DTYPE[dtype])  # the seed of every backward pass
    if dtype is dtypes.float16 and value.__class__ is float:
        value = numpy.float32(value)  # rounded twice, see ``cast``
    return numpy.full(shape, value, ARRAY_DTYPE[dtype])


def empty(shape, dtype):
    return numpy.empty(shape, ARRAY_DTYPE[dtype])


def arange(start, step, count, dtype):
    """start + i step: integers exactly, floats in float64 and rounded once."""
    exact = numpy.int64 if isinstance(start, int) and isinstance(step, int) else numpy.float64
    return (start + numpy.arange(count, dtype=exact) * step).astype(ARRAY_DTYPE[dtype])


def linspace(start, end, steps, dtype):
    """Counted from the nearer end in the dtype itself, each product and sum rounded once, as PyTorch's machine code does."""
    if not dtype.is_floating_point:
        start, end = int(start), int(end)
    real, fused = (numpy.float64, fused64) if dtype.itemsize == 8 else (numpy.float32, fused32)
    if steps < 2:
        return numpy.full(steps, start).astype(ARRAY_DTYPE[dtype])
    first, last = real(start), real(end)
    step = real((last - first) / real(steps - 1))
    i = numpy.arange(steps).astype(real)
    half = steps // 2
    made = numpy.concatenate([fused(i[:half], step, first), fused(i[half:] - real(steps - 1), step, last)])
    return made.astype(ARRAY_DTYPE[dtype])


# ------------------------------------------------------------------------------------------------------------- joining


def concatenate(arrays, dim):
    """In row-major order, whatever order the parts have."""
    return ascontiguousarray(numpy.concatenate(arrays, dim))


def stack(arrays, dim):
    return ascontiguousarray(numpy.stack(arrays, dim))
