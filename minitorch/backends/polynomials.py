"""Orthogonal polynomials, by their recurrences; Chebyshev's inside (-1, 1), for higher degrees, as the cosines they are.

The degree may differ from element to element. All is computed in the input's own dtype, the multiplication and the
addition of a step rounded once, as PyTorch's machine code does: where a polynomial is nearly 0, one sees it.

Abramowitz & Stegun 1964, chapter 22
"""

import numpy
from numpy import absolute, arccos, cos, isnan, nan, ndarray, sin, where

from .normals import fused32

__all__ = [
    "chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
    "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
]  # fmt: skip


def broadcast(x, n):
    """Both as arrays of one shape and dtype, and the degrees as integers."""
    dtype = next(a.dtype for a in (x, n) if a.__class__ is ndarray)
    x, n = numpy.broadcast_arrays(numpy.asarray(x, dtype), numpy.asarray(n, dtype))
    return x, n.astype(numpy.int64)


def fused(a, b, c):
    """a b + c."""
    return fused32(a, b, c) if a.dtype == numpy.float32 else a * b + c


def by_recurrence(x, degree, first, step):
    """p₀ = 1, p₁ = ``first``, pₖ₊₁ = step(k, pₖ, pₖ₋₁), up to each element's degree; 0 for a negative one."""
    before, last = numpy.ones_like(x), numpy.asarray(first, x.dtype)
    k = 1
    while (going := (k < degree) & ~isnan(last)).any():
        before, last = where(going, last, before), where(going, step(k, last, before), last)
        k += 1
    return where(degree < 0, x.dtype.type(0), where(degree == 0, x.dtype.type(1), last)).astype(x.dtype)


def chebyshev_kind(first, waves, at_right, at_left, shifted=False, least=8):
    """A Chebyshev polynomial: ``first`` is p₁; ``waves(n, θ)`` its value at cos θ for n > ``least``; at ±1 it is known."""

    def polynomial(x, n, out=None):
        x, degree = broadcast(x, n)
        two = x.dtype.type(2)
        y = two * x - 1 if shifted else x
        inside = absolute(y) < 1
        count = degree.astype(x.dtype)
        wave = waves(count, arccos(where(inside, y, x.dtype.type(0.5))))
        high = inside & (degree > least)
        known = high | (absolute(y) == 1)
        steps = where(known, numpy.minimum(degree, 1), degree)
        plain = by_recurrence(y, steps, first(y), lambda k, p, q: fused(two * y, p, -q))
        even = where(degree % 2 == 0, x.dtype.type(1), x.dtype.type(-1))
        ends = where(y > 0, at_right(count), even * at_left(count))
        value = where(high, wave, where((absolute(y) == 1) & (degree >= 0), ends, plain)).astype(x.dtype)
        return value if out is None else copied(value, out)

    return polynomial


def copied(value, out):
    numpy.copyto(out, value)
    return out


def cosine(n, angle):
    return cos(n * angle)


def sine_ratio(n, angle):
    return sin((n + 1) * angle) / sin(angle)


def half_cosine(n, angle):
    return cos((n + 0.5).astype(n.dtype) * angle) / cos(angle / 2)


def half_sine(n, angle):
    return sin((n + 0.5).astype(n.dtype) * angle) / sin(angle / 2)


def one(n):
    return numpy.ones_like(n)


def odd(n):
    return n + n + 1


def successor(n):
    return n + 1


chebyshev_polynomial_t = chebyshev_kind(lambda x: x, cosine, one, one, least=6)
chebyshev_polynomial_u = chebyshev_kind(lambda x: x + x, sine_ratio, successor, successor)
chebyshev_polynomial_v = chebyshev_kind(lambda x: x + x - 1, half_cosine, one, odd)
chebyshev_polynomial_w = chebyshev_kind(lambda x: x + x + 1, half_sine, odd, one)
shifted_chebyshev_polynomial_t = chebyshev_kind(lambda x: x, cosine, one, one, True, 6)
shifted_chebyshev_polynomial_u = chebyshev_kind(lambda x: x + x, sine_ratio, successor, successor, True, 6)
shifted_chebyshev_polynomial_v = chebyshev_kind(lambda x: x + x - 1, half_cosine, one, odd, True, 6)
shifted_chebyshev_polynomial_w = chebyshev_kind(lambda x: x + x + 1, half_sine, odd, one, True, 4)


def polynomial(first, step, limited=False):
    """The polynomial with p₁ = first(x) and pₖ₊₁ = (a pₖ - b pₖ₋₁) / c, where step(x, k) = a, b, c.

    ``limited``: NaN for degrees that no float can hold.
    """

    def value(x, n, out=None):
        x, degree = broadcast(x, n)
        kind = x.dtype.type
        beyond = (degree > (512 if x.dtype.itemsize == 8 else 128)) & limited

        def next_one(k, p, q):
            a, b, c = step(x, kind(k))
            return fused(a, p, -(b * q)) / c

        found = by_recurrence(x, where(beyond, 0, degree), first(x), next_one)
        found = where(beyond, kind(nan), found)
        return found if out is None else copied(found, out)

    return value


hermite_polynomial_h = polynomial(lambda x: x + x, lambda x, k: (x + x, k + k, 1), True)
hermite_polynomial_he = polynomial(lambda x: x, lambda x, k: (x, k, 1), True)
laguerre_polynomial_l = polynomial(lambda x: 1 - x, lambda x, k: (k + k + 1 - x, k, k + 1))
legendre_polynomial_p = polynomial(lambda x: x, lambda x, k: ((k + k + 1) * x, k, k + 1))
