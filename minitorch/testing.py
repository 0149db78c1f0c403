"""Comparing what was computed with what was expected.   torch: torch/testing/_comparison.py"""

import cmath
import math
import warnings
from collections.abc import Mapping, Sequence

from . import dtypes
from .absent import absent
from .backends import ARRAY_TYPES
from .creation import as_tensor, tensor
from .dtypes import float32, float64
from .engine import Tensor, no_grad
from .random import rand, randint

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

__getattr__ = absent(__name__)

TOLERANCE = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}  # fmt: skip
OLD_TOLERANCE = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
"""By dtype, the relative and the absolute difference that is allowed unless others are given. Other dtypes must be equal."""


def assert_close(
    actual, expected, *, allow_subclasses=True, rtol=None, atol=None, equal_nan=False, check_device=True, check_dtype=True,
    check_layout=True, check_stride=False, msg=None,
):  # fmt: skip
    """Raise AssertionError unless |actual - expected| ≤ atol + rtol · |expected|, everywhere.

    Tensors, numbers, arrays, and sequences and mappings of them. The tolerances go by the dtype unless both are given.
    msg: what to say instead, or a function of what would be said.   torch: testing.assert_close

    >>> torch.testing.assert_close(torch.ones(2), torch.ones(2) + 1e-7)
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    checks = {"dtype": check_dtype, "device": check_device, "layout": check_layout, "stride": check_stride}
    with no_grad():
        problem = difference(actual, expected, (), rtol, atol, equal_nan, checks)
    if problem is not None:
        text, path = problem
        where = "" if not path else f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in path)}"
        text = f"{text}{where}"
        raise AssertionError(text if msg is None else msg if isinstance(msg, str) else msg(text))


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """``assert_close`` by its old name.   torch: testing.assert_allclose"""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please use "
        "`torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    actual = actual if isinstance(actual, Tensor) else tensor(actual)
    expected = expected if isinstance(expected, Tensor) else tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        pairs = [OLD_TOLERANCE.get(x.dtype.name, (0, 0)) for x in (actual, expected)]
        rtol, atol = max(p[0] for p in pairs), max(p[1] for p in pairs)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False, check_stride=False,
        msg=msg or None,
    )  # fmt: skip


def difference(actual, expected, path, rtol, atol, equal_nan, checks):
    """What differs first, and the way to it; None if nothing does."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return mapping_difference(actual, expected, path, rtol, atol, equal_nan, checks)
    if is_sequence(actual) and is_sequence(expected):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path
        pairs = [((*path, i), a, b) for i, (a, b) in enumerate(zip(actual, expected))]
        return first_difference(pairs, rtol, atol, equal_nan, checks)
    if actual is None or expected is None:
        return None if actual is expected else (f"None mismatch: {actual} is not {expected}", path)
    if isinstance(actual, bool) and isinstance(expected, bool):
        return None if actual is expected else (f"Booleans mismatch: {actual} is not {expected}", path)
    if is_number(actual) and is_number(expected):
        return number_difference(actual, expected, path, rtol, atol, equal_nan, checks)
    both = [isinstance(x, Tensor) for x in (actual, expected)]
    if not all(both):
        if any(both) or not all(type(x) in ARRAY_TYPES for x in (actual, expected)):
            raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.")
        actual, expected = as_tensor(actual), as_tensor(expected)
    found = tensor_difference(actual, expected, rtol, atol, equal_nan, checks)
    return None if found is None else (found, path)


def is_sequence(x):
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def is_number(x):
    return isinstance(x, (int, float, complex)) and not hasattr(x, "dtype")


def first_difference(pairs, *options):
    for path, a, b in pairs:
        found = difference(a, b, path, *options)
        if found is not None:
            return found
    return None


def mapping_difference(actual, expected, path, *options):
    if set(actual) != set(expected):
        missing, additional = [key for key in expected if key not in actual], [key for key in actual if key not in expected]
        return (
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {sorted(missing)}\n"
            f"Additional keys in the actual mapping: {sorted(additional)}"
        ), path
    return first_difference([((*path, key), actual[key], expected[key]) for key in actual], *options)


def number_difference(a, b, path, rtol, atol, equal_nan, checks):
    if checks["dtype"] and type(a) is not type(b):
        return f"The (d)types do not match: {type(a)} != {type(b)}.", path
    kind = float64 if isinstance(a, float) or isinstance(b, float) else dtypes.complex128
    exact = isinstance(a, int) and isinstance(b, int)
    rtol, atol = (0, 0) if rtol is None and exact else TOLERANCE[kind.name] if rtol is None else (rtol, atol)
    close = a == b or (equal_nan and cmath.isnan(a) and cmath.isnan(b))
    if close or (cmath.isfinite(b) and abs(a - b) <= atol + rtol * abs(b)):
        return None
    return scalar_text(a, b, rtol, atol), path


def scalar_text(a, b, rtol, atol):
    word = "equal" if rtol == atol == 0 else "close"
    off, relative = abs(a - b), math.inf if b == 0 else abs((a - b) / b)
    allowed = [f" (up to {t} allowed)" if word == "close" else "" for t in (atol, rtol)]
    return (
        f"Scalars are not {word}!\n\nExpected {b} but got {a}.\nAbsolute difference: {off}{allowed[0]}\n"
        f"Relative difference: {relative}{allowed[1]}"
    )


def tensor_difference(a, b, rtol, atol, equal_nan, checks):
    if a.shape != b.shape:
        return f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}."
    for name in ("layout", "device", "dtype"):
        if checks[name] and getattr(a, name) != getattr(b, name):
            return f"The values for attribute '{name}' do not match: {getattr(a, name)} != {getattr(b, name)}."
    if checks["stride"] and a.stride() != b.stride():
        return f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}."
    if rtol is None:
        both = [TOLERANCE.get(x.dtype.name, (0, 0)) for x in (a, b)]
        rtol, atol = max(t[0] for t in both), max(t[1] for t in both)
    if a.dtype is not b.dtype:
        kind = dtypes.promote_types(a.dtype, b.dtype)
        a, b = a.to(kind), b.to(kind)
    close = a.isclose(b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if close.all():
        return None
    if not a.ndim:
        return scalar_text(a.item(), b.item(), rtol, atol)
    return tensor_text(a, b, close, rtol, atol)


def tensor_text(a, b, close, rtol, atol):
    word = "equal" if rtol == atol == 0 else "close"
    exact = not (a.is_floating_point() or a.is_complex())
    a, b = (a.to(dtypes.int64), b.to(dtypes.int64)) if exact else (a, b)
    off = (a - b).abs()
    off = off.where(close.logical_not(), 0)
    relative = (off / b.abs()).where(close.logical_not(), 0)
    wrong = int(close.logical_not().sum())
    lines = [f"Mismatched elements: {wrong} / {a.numel()} ({wrong / a.numel():.1%})"]
    for name, x, allowed in (("absolute", off, atol), ("relative", relative, rtol)):
        flat = int(x.argmax())
        place = []
        for n in reversed(x.shape):
            flat, i = divmod(flat, n)
            place.insert(0, i)
        up_to = f" (up to {allowed} allowed)" if word == "close" else ""
        lines.append(f"Greatest {name} difference: {x[tuple(place)].item()} at index {tuple(place)}{up_to}")
    return f"Tensor-likes are not {word}!\n\n" + "\n".join(lines)


def make_tensor(*shape, dtype, device=None, low=None, high=None, requires_grad=False, noncontiguous=False, exclude_zero=False):
    """Random numbers of any dtype: between -9 and 9 unless ``low`` and ``high`` say otherwise. Not PyTorch's draws.

    torch: testing.make_tensor
    """
    shape = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    wide = (*shape[:-1], 2 * shape[-1]) if noncontiguous and shape else shape
    if dtype is dtypes.bool:
        made = randint(0, 2, wide, device=device).to(dtype)
    elif dtype.is_floating_point or dtype.is_complex:
        low, high = -9 if low is None else low, 9 if high is None else high
        made = (rand(wide, dtype=float32 if dtype.itemsize < 8 else float64, device=device) * (high - low) + low).to(dtype)
    else:
        low = (-9 if dtype.is_signed else 0) if low is None else low
        made = randint(low, 10 if high is None else high, wide, device=device).to(dtype)
    made = made[..., ::2] if wide != shape else made
    if exclude_zero:
        made = made.where(made != 0, 1).to(dtype)
    return made.requires_grad_(requires_grad)
