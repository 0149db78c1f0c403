"""Arithmetic, comparisons, functions of one number: element by element, with broadcasting."""

import cmath
import math
import warnings

from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import converted, uint8
from ..errors import not_a_tensor
from ..making import named
from ..tables import complex as complex_rows

__all__ = [
    "abs", "abs_", "acos", "acos_", "acosh", "acosh_", "acosh_slope", "add", "add_", "addcdiv", "addcdiv_", "addcmul",
    "addcmul_", "asin", "asin_", "asinh", "asinh_", "atan", "atan2", "atan2_", "atan_", "atanh", "atanh_", "between",
    "binary", "binary_in_place", "bitwise_and", "bitwise_and_", "bitwise_left_shift", "bitwise_not", "bitwise_not_",
    "bitwise_or", "bitwise_or_", "bitwise_right_shift", "bitwise_xor", "bitwise_xor_", "both_tensors", "ceil",
    "ceil_", "choose", "clamp", "clamp_", "clamp_max", "clamp_max_", "clamp_min", "clamp_min_", "cos", "cos_", "cosh",
    "cosh_", "div", "div_", "eq", "erf", "erf_", "erfc", "erfc_", "exp", "exp2", "exp2_", "exp_", "expm1", "expm1_",
    "fill", "fill_", "floor", "floor_", "floor_divide", "floor_divide_", "fmod", "fmod_", "ge", "gt", "hypot",
    "in_place", "isclose", "isfinite", "isinf", "isnan", "keep", "le", "lerp", "lerp_", "log", "log10", "log10_",
    "log1p", "log1p_", "log2", "log2_", "log_", "logical_and", "logical_and_", "logical_not", "logical_not_",
    "logical_or", "logical_or_", "logical_xor", "logical_xor_", "lt", "masked_fill", "masked_fill_", "maximum",
    "minimum", "mul", "mul_", "nan_to_num", "ne", "neg", "neg_", "of_tensors", "positive", "pow", "pow_",
    "power_slope", "reciprocal", "reciprocal_", "refuse_number", "relu", "relu_", "remainder", "remainder_",
    "round", "round_", "rsqrt", "rsqrt_", "rsub", "rtruediv", "share", "sigmoid",
    "sigmoid_", "sign", "sign_", "signbit", "sin", "sin_", "sinh", "sinh_", "sqrt", "sqrt_", "square", "square_",
    "sub", "sub_", "tan", "tan_", "tanh", "tanh_", "times_log", "trunc", "trunc_", "unary", "where", "zero_",
]  # fmt: skip


def unary(row, formula):
    """The function that applies a row to one tensor."""

    def function(input):
        try:
            apply = input._apply
        except AttributeError:
            raise not_a_tensor(row.name, "input", 1, input) from None
        return apply(row, (input,))

    return named(function, row.name, f"{formula}, element by element.   torch: {row.name}")


def binary(row, formula):
    """The function that applies a row to a tensor and another, or a number."""

    def function(input, other):
        try:
            apply = input._apply
        except AttributeError:
            raise not_a_tensor(row.name, "input", 1, input) from None
        return apply(row, (input, other))

    return named(function, row.name, f"{formula}, element by element, with broadcasting.   torch: {row.name}")


def of_tensors(row, formula):
    """As ``binary``, for a function that takes no numbers."""

    def function(input, other):
        try:
            apply, _ = input._apply, other._apply
        except AttributeError:
            refuse_number(row.name, input, other)
        return apply(row, (input, other))

    return named(function, row.name, f"{formula}, element by element, with broadcasting.   torch: {row.name}")


def refuse_number(name, input, other, second="other"):
    """Raise TypeError if one of the two is no tensor."""
    for position, (argument, x) in enumerate((("input", input), (second, other)), 1):
        if not hasattr(x, "_apply"):
            raise not_a_tensor(name, argument, position, x)


def both_tensors(name, input, other):
    """Two tensors, of which one may be given as a number. Raises TypeError for two numbers."""
    tensor = input if hasattr(input, "_apply") else other
    if not hasattr(tensor, "_apply"):
        kinds = f"({type(input).__name__}, {type(other).__name__})"
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got {kinds}\none of the two must be a tensor"
        )
    dtype = tensor._common_dtype((input, other))
    return tuple([x if hasattr(x, "_apply") else tensor.new_full((), x, dtype=dtype) for x in (input, other)])


def in_place(row):
    """``x.exp_()``: the row's result written into ``x``, which is returned."""
    return named(lambda input: input._write(row, (input,)), f"{row.name}_", f"``{row.name}`` in place.")


def binary_in_place(row):
    """``x.mul_(y)``: the row's result written into ``x``, which is returned."""
    return named(lambda input, other: input._write(row, (input, other)), f"{row.name}_", f"``{row.name}`` in place.")


# ---------------------------------------------------------------------------------------------------------- one tensor

neg, neg_ = unary(rows.neg, "-x"), in_place(rows.neg)
sign, sign_ = unary(rows.sign, "-1, 0 or 1"), in_place(rows.sign)
floor, floor_ = unary(rows.floor, "The largest integer <= x"), in_place(rows.floor)
ceil, ceil_ = unary(rows.ceil, "The smallest integer >= x"), in_place(rows.ceil)
trunc, trunc_ = unary(rows.trunc, "x without its fraction"), in_place(rows.trunc)
exp, exp_ = unary(rows.exp, "e^x"), in_place(rows.exp)
exp2, exp2_ = unary(rows.exp2, "2^x"), in_place(rows.exp2)
expm1, expm1_ = unary(rows.expm1, "e^x - 1, exact near 0"), in_place(rows.expm1)
log, log_ = unary(rows.log, "ln x"), in_place(rows.log)
log2, log2_ = unary(rows.log2, "The logarithm to base 2"), in_place(rows.log2)
log10, log10_ = unary(rows.log10, "The logarithm to base 10"), in_place(rows.log10)
log1p, log1p_ = unary(rows.log1p, "ln(1 + x), exact near 0"), in_place(rows.log1p)
sqrt, sqrt_ = unary(rows.sqrt, "√x"), in_place(rows.sqrt)
rsqrt, rsqrt_ = unary(rows.rsqrt, "1 / √x"), in_place(rows.rsqrt)
reciprocal, reciprocal_ = unary(rows.reciprocal, "1 / x"), in_place(rows.reciprocal)
square_ = in_place(rows.square)
sin, sin_ = unary(rows.sin, "sin x"), in_place(rows.sin)
cos, cos_ = unary(rows.cos, "cos x"), in_place(rows.cos)
tan, tan_ = unary(rows.tan, "tan x"), in_place(rows.tan)
asin, asin_ = unary(rows.asin, "The inverse of sin"), in_place(rows.asin)
acos, acos_ = unary(rows.acos, "The inverse of cos"), in_place(rows.acos)
atan, atan_ = unary(rows.atan, "The inverse of tan"), in_place(rows.atan)
sinh, sinh_ = unary(rows.sinh, "sinh x"), in_place(rows.sinh)
cosh, cosh_ = unary(rows.cosh, "cosh x"), in_place(rows.cosh)
asinh, asinh_ = unary(rows.asinh, "The inverse of sinh"), in_place(rows.asinh)
acosh, acosh_ = unary(rows.acosh, "The inverse of cosh"), in_place(rows.acosh)
atanh, atanh_ = unary(rows.atanh, "The inverse of tanh"), in_place(rows.atanh)
tanh, tanh_ = unary(rows.tanh, "tanh x"), in_place(rows.tanh)
sigmoid, sigmoid_ = unary(rows.sigmoid, "1 / (1 + e^-x)"), in_place(rows.sigmoid)
relu, relu_ = unary(rows.relu, "max(x, 0)"), in_place(rows.relu)
erf, erf_ = unary(rows.erf, "2/√π ∫₀ˣ exp(-t²) dt"), in_place(rows.erf)
erfc, erfc_ = unary(rows.erfc, "1 - erf(x)"), in_place(rows.erfc)
logical_not, logical_not_ = unary(rows.logical_not, "Whether x is 0"), in_place(rows.logical_not)
bitwise_not, bitwise_not_ = unary(rows.bitwise_not, "x with its bits flipped"), in_place(rows.bitwise_not)
isnan = unary(rows.isnan, "Whether x is NaN")
isinf = unary(rows.isinf, "Whether x is ±∞")
isfinite = unary(rows.isfinite, "Whether x is neither ±∞ nor NaN")
signbit = unary(rows.signbit, "Whether x is negative, -0.0 too")


def abs(input):
    """|x|, element by element; real, of complex numbers too.   torch: abs"""
    try:
        row = rows.abs if input._array.dtype.kind != "c" else complex_rows.magnitude
    except AttributeError:
        raise not_a_tensor("abs", "input", 1, input) from None
    return input._apply(row, (input,))


def abs_(input):
    """``abs`` in place. Raises RuntimeError for complex numbers: the result is real."""
    if input.is_complex():
        raise RuntimeError("In-place abs is not supported for complex tensors.\nwrite x = x.abs()")
    return input._write(rows.abs, (input,))


def square(input):
    """x², element by element.   torch: square"""
    return input._apply(rows.square, (input if input.dtype is not bool_dtype else input.long(),))


def positive(input):
    """The tensor itself. Raises RuntimeError for booleans.   torch: positive"""
    if input.dtype is bool_dtype:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.\nconvert it first: x.int()")
    return input


def round(input, *, decimals=0):
    """The nearest integer, halves to the even one; with ``decimals``, the nearest multiple of 10^-decimals.   torch: round

    >>> torch.tensor([0.5, 1.5, 2.5]).round()
    tensor([0., 2., 2.])
    """
    if decimals == 0:
        return input._apply(rows.round, (input,))
    scale = 10.0**decimals
    return (input * scale).round() / scale if decimals > 0 else (input / 10.0**-decimals).round() * 10.0**-decimals


def round_(input, *, decimals=0):
    """``round`` in place."""
    return input.copy_(input.round(decimals=decimals)) if decimals else input._write(rows.round, (input,))


# --------------------------------------------------------------------------------------------------------- two tensors

mul, mul_ = binary(rows.mul, "x y"), binary_in_place(rows.mul)
floor_divide, floor_divide_ = binary(rows.floor_divide, "⌊x / y⌋"), binary_in_place(rows.floor_divide)
remainder_ = binary_in_place(rows.remainder)
fmod, fmod_ = binary(rows.fmod, "x - y trunc(x / y), with the sign of x"), binary_in_place(rows.fmod)
maximum = of_tensors(rows.maximum, "The larger; NaN if one is")
minimum = of_tensors(rows.minimum, "The smaller; NaN if one is")
atan2, atan2_ = of_tensors(rows.atan2, "The angle of the point (y, x)"), binary_in_place(rows.atan2)
eq, ne = binary(rows.eq, "x == y"), binary(rows.ne, "x != y")
hypot = of_tensors(rows.hypot, "√(x² + y²)")
lt, le = binary(rows.lt, "x < y"), binary(rows.le, "x <= y")
gt, ge = binary(rows.gt, "x > y"), binary(rows.ge, "x >= y")
logical_and, logical_and_ = of_tensors(rows.logical_and, "Whether both are nonzero"), binary_in_place(rows.logical_and)
logical_or, logical_or_ = of_tensors(rows.logical_or, "Whether one is nonzero"), binary_in_place(rows.logical_or)
logical_xor, logical_xor_ = of_tensors(rows.logical_xor, "Whether just one is nonzero"), binary_in_place(rows.logical_xor)
bitwise_and, bitwise_and_ = binary(rows.bitwise_and, "x & y"), binary_in_place(rows.bitwise_and)
bitwise_or, bitwise_or_ = binary(rows.bitwise_or, "x | y"), binary_in_place(rows.bitwise_or)
bitwise_xor, bitwise_xor_ = binary(rows.bitwise_xor, "x ^ y"), binary_in_place(rows.bitwise_xor)
bitwise_left_shift = binary(rows.left_shift, "x << y")
bitwise_right_shift = binary(rows.right_shift, "x >> y")


def older_form(name, factor, number, *tensors):
    """The arguments of ``x.add_(2, y)``, a form of old programs: the factor, and what ``x.add_(y, alpha=2)`` takes first.

    Raises TypeError unless they are a number and as many tensors as there should be.
    """
    takes = "1 positional argument" if factor == "alpha" else "2 positional arguments"
    if hasattr(number, "_array") or len(tensors) != int(takes[0]):
        raise TypeError(f"{name}() takes {takes} but {1 + len(tensors)} were given\nthe factor is given by name: {factor}=")
    warnings.warn(f"This overload of {name} is deprecated:\n{factor} stands first: give it last, as {factor}=", UserWarning, stacklevel=3)
    return number, *tensors


def add(input, other, *older, alpha=1):
    """x + alpha y.   torch: add

    >>> torch.tensor([1.0, 2.0]).add(torch.tensor([[10.0], [20.0]]))
    tensor([[11., 12.],
            [21., 22.]])
    """
    if older:
        alpha, other = older_form("add", "alpha", other, *older)
    if hasattr(alpha, "_array"):
        return input._apply(rows.add_scaled, (input, other, alpha))
    if alpha == 1:
        return input._apply(rows.add, (input, other))
    return input._apply(rows.add_scaled, (input, other), (checked_alpha(input, other, alpha),))


def checked_alpha(input, other, alpha):
    """``alpha`` as Python's number. Raises RuntimeError if it is a float beside integers. Beside booleans it is one."""
    alpha = alpha.item() if hasattr(alpha, "item") else alpha
    if input.dtype is bool_dtype and getattr(other, "dtype", None) is bool_dtype and isinstance(alpha, int):
        return bool(alpha)
    if not isinstance(alpha, int) and input.dtype.category < 2 and getattr(other, "dtype", bool_dtype).category < 2:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    return alpha


def add_(input, other, *older, alpha=1):
    """``add`` in place."""
    if older:
        alpha, other = older_form("add_", "alpha", other, *older)
    if hasattr(alpha, "_array"):
        return input._write(rows.add_scaled, (input, other, alpha))
    if alpha == 1:
        return input._write(rows.add, (input, other))
    return input._write(rows.add_scaled, (input, other), (checked_alpha(input, other, alpha),))


def sub(input, other, *older, alpha=1):
    """x - alpha y.   torch: sub"""
    if older:
        alpha, other = older_form("sub", "alpha", other, *older)
    plain = not hasattr(alpha, "_array") and alpha == 1
    return input._apply(rows.sub, (input, other)) if plain else input.add(other, alpha=-alpha)


def sub_(input, other, *older, alpha=1):
    """``sub`` in place."""
    if older:
        alpha, other = older_form("sub_", "alpha", other, *older)
    plain = not hasattr(alpha, "_array") and alpha == 1
    return input._write(rows.sub, (input, other)) if plain else input.add_(other, alpha=-alpha)


def rsub(input, other, *, alpha=1):
    """y - alpha x.   torch: rsub"""
    if not hasattr(input, "_apply"):
        raise not_a_tensor("rsub", "input", 1, input)
    return input._apply(rows.sub, (other, input if alpha == 1 else input * alpha))


def remainder(input, other):
    """x - y ⌊x / y⌋, with the sign of y; either may be a number.   torch: remainder"""
    tensor = input if hasattr(input, "_apply") else other
    return tensor._apply(rows.remainder, (input, other))


def div(input, other, *, rounding_mode=None):
    """x / y: floating point, also of integers; ``rounding_mode`` "trunc" or "floor" keeps integers.   torch: div

    >>> torch.tensor([7, -7]).div(2, rounding_mode="trunc")
    tensor([ 3, -3])
    """
    if rounding_mode is None:
        return input._apply(rows.div, (input, other))
    if rounding_mode == "floor":
        return input._apply(rows.div_floor, (input, other))
    if rounding_mode != "trunc":
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    if input.is_floating_point() or getattr(other, "is_floating_point", lambda: isinstance(other, float))():
        return (input / other).trunc()
    return (input - input.fmod(other)).floor_divide(other)


def div_(input, other, *, rounding_mode=None):
    """``div`` in place."""
    if rounding_mode is None:
        return input._write(rows.div, (input, other))
    return input.copy_(input.div(other, rounding_mode=rounding_mode))


def rtruediv(input, other):
    """y / x, as y · (1 / x): PyTorch rounds twice, and so do we."""
    inverse = input.reciprocal()
    return inverse if other.__class__ is int and other == 1 else inverse * other


def pow(input, exponent):
    """x^y.   torch: pow

    Raises RuntimeError for integers to negative integers.
    """
    if not hasattr(input, "_apply"):
        return exponent._apply(rows.pow, (input, exponent))
    if exponent.__class__ is int and exponent < 0 and not input.is_floating_point() and not input.is_complex():
        raise RuntimeError("Integers to negative integer powers are not allowed.\nuse x.float() ** y")
    return input._apply(rows.pow, (input, exponent))


def pow_(input, exponent):
    """``pow`` in place."""
    return input._write(rows.pow, (input, exponent))


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """|x - y| <= atol + rtol |y|, or equal.   torch: isclose"""
    refuse_number("isclose", input, other)
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input._type_name()} did not match {other._type_name()}\ncast one of them: x.to(y.dtype)")
    if input.dtype is bool_dtype:
        return input == other
    close = (input == other) | (((input - other).abs() <= atol + rtol * other.abs()) & other.isfinite())
    return close | (input.isnan() & other.isnan()) if equal_nan else close


# ------------------------------------------------------------------------------------------------------- three tensors


def where(input, condition, other):
    """Where ``condition`` holds the input, elsewhere ``other``.   torch: Tensor.where

    >>> x = torch.tensor([1.0, -2.0])
    >>> x.where(x > 0, 0)
    tensor([1., 0.])
    """
    tensor = next(x for x in (input, condition, other) if hasattr(x, "_apply"))
    if condition.dtype is uint8:
        warnings.warn(
            "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future version of PyTorch. "
            "Use a boolean condition instead.",
            stacklevel=2,
        )
        condition = condition.bool()
    if condition.dtype is not bool_dtype:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition._type_name()}"
        )
    return tensor._apply(rows.where, (input, condition, other))


def choose(condition, input=None, other=None):
    """Where ``condition`` holds ``input``, elsewhere ``other``; alone, the positions where it holds.   torch: where

    >>> torch.where(torch.tensor([True, False]), 1.0, 2.0)
    tensor([1., 2.])
    """
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if hasattr(input, "_apply"):
        return input.where(condition, other)
    if hasattr(other, "_apply"):
        return where(input, condition, other)
    return where(condition.new_full((), input, dtype=condition._common_dtype((input, other))), condition, other)


def masked_fill(input, mask, value):
    """``value`` where ``mask`` holds, elsewhere x.   torch: masked_fill"""
    return input._apply(rows.where, (filling(input, mask, value), mask, input))


def masked_fill_(input, mask, value):
    """``masked_fill`` in place."""
    return input._write(rows.where, (filling(input, mask, value), mask, input))


def filling(input, mask, value):
    """``value`` as a 0-d tensor of the input's dtype. Raises RuntimeError for what ``masked_fill`` doesn't take."""
    if mask.dtype is not bool_dtype:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask._type_name('c')}\ncompare, as in x > 0"
        )
    if not hasattr(value, "_apply"):
        return input.new_full((), value)
    if value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).\n"
            "for a value for each element there is torch.where(mask, values, x)"
        )
    if value.is_complex() and not input.is_complex():
        converted(value.item(), input.dtype)
    return value.to(input.dtype)


def clamp(input, min=None, max=None):
    """min(max(x, low), high); the bounds are numbers or tensors, or None. The gradient passes at a bound.   torch: clamp

    Raises RuntimeError if both bounds are None.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if not hasattr(min, "_apply") and not hasattr(max, "_apply"):
        min, max = [x.item() if hasattr(x, "item") else x for x in (min, max)]
        if isinstance(min, float) or isinstance(max, float):
            input = input if input.is_floating_point() else input.to(input._common_dtype((input, 1.0)))
        return input._apply(rows.clamp, (input,), (min, max))
    if min is not None:
        input = input.where((input >= min) | (input != input), min)
    return input if max is None else input.where((input <= max) | (input != input), max)


def clamp_(input, min=None, max=None):
    """``clamp`` in place."""
    if hasattr(min, "_apply") or hasattr(max, "_apply"):
        return input.copy_(input.clamp(min, max))
    return input._write(rows.clamp, (input,), (min, max))


def clamp_min(input, min):
    """max(x, min).   torch: clamp_min"""
    return input.clamp(min=min)


def clamp_max(input, max):
    """min(x, max).   torch: clamp_max"""
    return input.clamp(max=max)


def clamp_min_(input, min):
    """``clamp_min`` in place."""
    return input.clamp_(min=min)


def clamp_max_(input, max):
    """``clamp_max`` in place."""
    return input.clamp_(max=max)


def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """x with NaN and infinities replaced: by ``nan``, and by the largest and smallest finite numbers.   torch: nan_to_num"""
    if not input.is_floating_point():
        return input.clone()
    top = (2.0 - 2.0**-input.dtype.mantissa_bits) * 2.0 ** (2 ** (input.dtype.exponent_bits - 1) - 1)
    result = input.masked_fill(input.isnan(), nan)
    result = result.masked_fill(input == math.inf, top if posinf is None else posinf)
    return result.masked_fill(input == -math.inf, -top if neginf is None else neginf)


def lerp(input, end, weight):
    """x + weight (end - x).   torch: lerp"""
    return input._apply(rows.lerp, (input, end, weight))


def lerp_(input, end, weight):
    """``lerp`` in place."""
    return input._write(rows.lerp, (input, end, weight))


def addcmul(input, tensor1, tensor2, *older, value=1):
    """x + value y z.   torch: addcmul"""
    if older:
        value, tensor1, tensor2 = older_form("addcmul", "value", tensor1, tensor2, *older)
    if hasattr(value, "_array"):
        return input._apply(rows.addcmul, (input, tensor1, tensor2, value))
    value = int(value) if input.dtype.category < 2 and tensor1.dtype.category < 2 else value
    return input._apply(rows.addcmul, (input, tensor1, tensor2), (value,))


def addcmul_(input, tensor1, tensor2, *older, value=1):
    """``addcmul`` in place."""
    if older:
        value, tensor1, tensor2 = older_form("addcmul_", "value", tensor1, tensor2, *older)
    if hasattr(value, "_array"):
        return input._write(rows.addcmul, (input, tensor1, tensor2, value))
    return input._write(rows.addcmul, (input, tensor1, tensor2), (value,))


def addcdiv(input, tensor1, tensor2, *older, value=1):
    """x + value y / z.   torch: addcdiv"""
    if older:
        value, tensor1, tensor2 = older_form("addcdiv", "value", tensor1, tensor2, *older)
    if hasattr(value, "_array"):
        return input._apply(rows.addcdiv, (input, tensor1, tensor2, value))
    return input._apply(rows.addcdiv, (input, tensor1, tensor2), (value,))


def addcdiv_(input, tensor1, tensor2, *older, value=1):
    """``addcdiv`` in place."""
    if older:
        value, tensor1, tensor2 = older_form("addcdiv_", "value", tensor1, tensor2, *older)
    if hasattr(value, "_array"):
        return input._write(rows.addcdiv, (input, tensor1, tensor2, value))
    return input._write(rows.addcdiv, (input, tensor1, tensor2), (value,))


def fill_(input, value):
    """Every element becomes ``value``, a number or a 0-d tensor.   torch: Tensor.fill_"""
    if hasattr(value, "_apply"):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return input.copy_(value)
    everywhere(input)._write(rows.assign, (input, converted(value, input.dtype)))
    return input


def everywhere(input):
    """A view of every place in the memory of a tensor, each once: dims that repeat one element are narrowed to it.

    Not where that would be recorded: PyTorch has no gradient of it.
    """
    strides = input._array.strides
    if 0 in strides and not (input._mode.grad and input.requires_grad):
        for d, (n, stride) in enumerate(zip(input._array.shape, strides, strict=True)):
            input = input.narrow(d, 0, 1) if stride == 0 and n > 1 else input
    return input


def fill(input, value):
    """``fill_`` on a copy.   torch: fill"""
    return input.clone().fill_(value)


def zero_(input):
    """Every element becomes 0.   torch: Tensor.zero_"""
    everywhere(input)._write(rows.assign, (input, 0 if input._array.dtype.kind != "b" else False))
    return input


# ------------------------------------------------------------------------------------- what the table's vjps are made of


def keep(input, other):
    """0 where y <= 0, else x."""
    return input._apply(rows.keep, (input, other))


def between(input, low, high):
    """Whether low <= x <= high, either of which may be None."""
    if low is None:
        return input <= high
    return input >= low if high is None else (input >= low) & (input <= high)


def share(input, larger, smaller):
    """The gradient of a maximum for its argument ``larger``: x, half of it where the two are equal, 0 where it is smaller."""
    equal = larger == smaller if hasattr(larger, "_apply") else smaller == larger
    return (input * 0.5).where(equal, input).masked_fill(larger < smaller, 0)


def acosh_slope(input):
    """1 / √(x² - 1), of complex numbers on the branch that acosh takes."""
    if input.is_complex():
        return (input - 1).rsqrt() * (input + 1).rsqrt()
    return (input * input - 1).rsqrt()


def power_slope(input, exponent):
    """y x^(y-1), and 0 where y is 0."""
    if hasattr(exponent, "_apply"):
        return (exponent * input ** (exponent - 1)).masked_fill(exponent == 0, 0)
    if exponent == 0:
        return input.zeros_like()
    return input * 2 if exponent == 2 else input ** (exponent - 1) * exponent


def times_log(input, base, exponent):
    """x ln(base), the derivative of x = base^exponent by its exponent; 0 where base is 0 and exponent >= 0."""
    if hasattr(base, "_apply"):
        return (input * base.log()).masked_fill((base == 0) & not_negative(exponent), 0)
    if base == 0:
        return input.zeros_like().masked_fill(not_negative(exponent).logical_not(), -math.inf)
    if input.is_complex():
        return input * cmath.log(base)
    return input * (math.log(base) if base > 0 else math.nan)


def not_negative(x):
    """Whether x >= 0, and real."""
    if not hasattr(x, "_apply"):
        return x.imag == 0 and x.real >= 0
    return (x.real >= 0) & (x.imag == 0) if x.is_complex() else x >= 0
