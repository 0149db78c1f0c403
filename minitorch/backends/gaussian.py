"""The integrals of the bell curve beside ``erf`` and ``erfc``: scaled, in logarithms, and their inverses.

Inverses are found by Newton's method from a rough guess. In the tails it runs on the logarithm, which is nearly a
parabola there, so that any guess will do. And products with a logarithm, such as the entropy.
"""

import math

import numpy
from numpy import absolute, exp, isnan, log, log1p, nan, sqrt, where

from .gamma import in_double
from .erf import erf, erfc, erfcx_positive

__all__ = ["entr", "erfcx", "erfinv", "log_ndtr", "ndtri", "xlog1py", "xlogy"]

ROOT_PI = math.sqrt(math.pi)


def scaled_erfc(x):
    """e^(x²) erfc(x), in float64."""
    size = absolute(x)
    tail = erfcx_positive(size.reshape(-1)).reshape(size.shape)
    return where(x < 0, 2 * exp(size * size) - tail, tail)


@in_double
def erfcx(x):
    """e^(x²) erfc(x)."""
    return scaled_erfc(x)


@in_double
def log_ndtr(x):
    """ln of the normal distribution function."""
    t = x / math.sqrt(2)
    far = log(scaled_erfc(where(x < -1, -t, 1.0)) / 2) - t * t
    near = log1p(-erfc(where(x < -1, 0.0, t)) / 2)
    return where(x < -1, far, near)


def erfc_inverse(p):
    """The x with erfc(x) = p, for 0 < p <= ½."""
    x = sqrt(log(1 / p))
    for _ in range(8):
        scaled = scaled_erfc(x)
        x = x + (log(scaled / p) - x * x) * scaled * (ROOT_PI / 2)
    return x


def erf_inverse(y):
    """The x with erf(x) = y, for |y| <= ½."""
    x = y * (ROOT_PI / 2)
    for _ in range(5):
        x = x - (erf(x) - y) * exp(x * x) * (ROOT_PI / 2)
    return x


@in_double
def erfinv(y):
    """The inverse of erf: ±∞ at ±1, NaN beyond."""
    size = absolute(y)
    central = size <= 0.5
    tail = numpy.copysign(erfc_inverse(where(central | (size >= 1), 0.5, 1 - size)), y)
    value = where(central, erf_inverse(where(central, y, 0.0)), tail)
    return where(size < 1, value, where(size == 1, y * math.inf, nan))


@in_double
def ndtri(p):
    """The inverse of the normal distribution function: ∓∞ at 0 and 1, NaN beyond."""
    low = numpy.minimum(p, 1 - p)
    central = low > 0.25
    tail = erfc_inverse(2 * where(central | ~(low > 0), 0.25, low))
    value = where(central, erf_inverse(where(central, 2 * p - 1, 0.0)), where(p < 0.5, -tail, tail)) * math.sqrt(2)
    value = where((p < 0) | (p > 1) | isnan(p), nan, value)
    return where(p == 0, -math.inf, where(p == 1, math.inf, value))


@in_double
def entr(x):
    """-x ln x; 0 at 0, -∞ below."""
    positive = where(x > 0, x, 1.0)
    value = where(x > 0, -positive * log(positive), where(x == 0, 0.0, -math.inf))
    return where(isnan(x), x, value)


def xlogy(x, y, out=None):
    """x ln y, and 0 where x is 0."""
    return _product(x, y, log(y), out)


def xlog1py(x, y, out=None):
    """x ln(1 + y), and 0 where x is 0."""
    return _product(x, y, log1p(y), out)


def _product(x, y, logarithm, out):
    zero = (x == 0) & ~isnan(y)  # now: out may be x or y
    product = numpy.asarray(numpy.multiply(x, logarithm, out=out))
    numpy.copyto(product, 0, where=zero)
    return product
