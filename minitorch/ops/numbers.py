"""Numbers as they are divided and stored: common divisors, mantissas, neighbours."""

from collections import namedtuple

from ..tables import numbers as table
from .elementwise import binary_in_place, not_a_tensor
from .transcendental import of_tensors

__all__ = ["frexp", "gcd", "gcd_", "lcm", "lcm_", "nextafter", "nextafter_"]

frexp_result = namedtuple("frexp", ["mantissa", "exponent"])

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
