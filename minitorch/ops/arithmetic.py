"""Less common arithmetic, element by element: nearly all of it said in a line or two of the functions in ``elementwise.py``."""

import math

from ..dtypes import complex128, float64, get_default_dtype
from ..errors import not_a_tensor
from ..tables import numbers as table
from .elementwise import binary_in_place, of_tensors, refuse_number
from .reduce import logaddexp_complex
from .results import several

__all__ = [
    "copysign", "deg2rad", "float_power", "fmax", "fmin", "frac", "frexp", "gcd", "gcd_", "heaviside", "isneginf",
    "isposinf", "lcm", "lcm_", "ldexp", "logaddexp", "logaddexp2", "nextafter", "nextafter_", "rad2deg",
]  # fmt: skip

frexp_result = several("frexp", "mantissa", "exponent")


def frac(input):
    """x without its integer part.   torch: frac"""
    return input - input.trunc()


def deg2rad(input):
    """x π / 180.   torch: deg2rad"""
    return input * (math.pi / 180)


def rad2deg(input):
    """x 180 / π.   torch: rad2deg"""
    return input * (180 / math.pi)


def copysign(input, other):
    """|x| with the sign of y.   torch: copysign"""
    other = other if hasattr(other, "_apply") else input.new_tensor(other)
    dtype = input._common_dtype((input, other))
    input, other = [x.to(dtype if dtype.is_floating_point else get_default_dtype()) for x in (input, other)]
    size = input.abs()
    return (-size).where(other.signbit(), size)


def heaviside(input, values):
    """0 where x < 0, 1 where x > 0, ``values`` where x is 0.   torch: heaviside"""
    refuse_number("heaviside", input, values, "values")
    return values.where(input == 0, (input > 0).to(input.dtype))


def fmax(input, other):
    """The larger, where one is NaN the other; of equal ones the first, which gets the gradient.   torch: fmax"""
    refuse_number("fmax", input, other)
    return input.where((input >= other).logical_or(other.isnan()), other)


def fmin(input, other):
    """The smaller, where one is NaN the other; of equal ones the first, which gets the gradient.   torch: fmin"""
    refuse_number("fmin", input, other)
    return input.where((input <= other).logical_or(other.isnan()), other)


def isposinf(input):
    """Whether x is +∞.   torch: isposinf"""
    return input == math.inf


def isneginf(input):
    """Whether x is -∞.   torch: isneginf"""
    return input == -math.inf


# ----------------------------------------------------------------------------------------------- powers and logarithms


def float_power(input, exponent):
    """x^y in float64, or complex128.   torch: float_power"""
    if not hasattr(input, "_apply") and not hasattr(exponent, "_apply"):
        raise TypeError(
            f"float_power() received an invalid combination of arguments - got ({type(input).__name__}, {type(exponent).__name__}), "
            "but expected one of:\nfloat_power(Tensor or Number, Tensor), float_power(Tensor, Number)"
        )
    wide = complex128 if any([is_complex(v) for v in (input, exponent)]) else float64
    x = input.to(wide) if hasattr(input, "_apply") else input
    y = exponent.to(wide) if hasattr(exponent, "_apply") else exponent
    return x**y


def is_complex(x):
    """Whether a tensor or a number is complex."""
    return x.is_complex() if hasattr(x, "_apply") else isinstance(x, complex)


def ldexp(input, other):
    """x 2^y.   torch: ldexp"""
    refuse_number("ldexp", input, other)
    return input * 2.0**other


def logaddexp(input, other):
    """ln(e^x + e^y), without overflow.   torch: logaddexp"""
    refuse_number("logaddexp", input, other)
    if input.is_complex():
        return logaddexp_complex(input, other)
    larger = input.maximum(other)
    total = larger + (-(input - other).abs()).exp().log1p()
    return larger.where(larger.isinf(), total)


def logaddexp2(input, other):
    """log2(2^x + 2^y), without overflow.   torch: logaddexp2"""
    refuse_number("logaddexp2", input, other)
    larger = input.maximum(other)
    total = larger + (-(input - other).abs()).exp2().log1p() / math.log(2)
    return larger.where(larger.isinf(), total)


# ---------------------------------------------------------------------------------- numbers as they are divided and stored

gcd, gcd_ = of_tensors(table.gcd, "The greatest common divisor of integers"), binary_in_place(table.gcd)
lcm, lcm_ = of_tensors(table.lcm, "The least common multiple of integers"), binary_in_place(table.lcm)


def frexp(input):
    """x as (mantissa, exponent): x = mantissa 2^exponent, with ½ <= |mantissa| < 1.   torch: frexp

    >>> tuple(torch.frexp(torch.tensor([6.0, -0.25])))
    (tensor([ 0.7500, -0.5000]), tensor([ 3, -1], dtype=torch.int32))
    """
    if not input.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return frexp_result(input._apply(table.mantissa, (input,)), input._apply(table.exponent, (input,)))


def nextafter(input, other):
    """The number of the dtype that comes next after x, on the way to y.   torch: nextafter"""
    if not hasattr(other, "_apply"):
        raise not_a_tensor("nextafter", "other", 2, other)
    dtype = input._common_dtype((input, other))
    return input._apply(table.nextafter, (input.to(dtype), other.to(dtype)))


def nextafter_(input, other):
    """``nextafter`` in place."""
    return input._write(table.nextafter, (input, other.to(input.dtype)))
