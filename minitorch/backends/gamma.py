"""The gamma function and its kin, which NumPy lacks, in float64 whatever comes in.

Methods: recurrence to where an asymptotic series is exact, reflection for negative numbers, Euler and Maclaurin's formula
for zeta, and for the incomplete gamma function a series and a continued fraction, whichever converges sooner.

Abramowitz & Stegun 1964, chapter 6; Moshier's Cephes (gamma.c, psi.c, zeta.c, igam.c) for which method where
"""

import math
from functools import wraps

import numpy
from numpy import asarray, exp, isinf, isnan, log, log1p, nan, where

from .chebyshev import chebyshev
from .erf import erfc
from .library import library_of

__all__ = ["digamma", "igamma", "igammac", "in_double", "lgamma", "polygamma", "trigamma", "zeta"]


def in_double(function):
    """``function`` of arrays and numbers, run in float64 and rounded once; into ``out``, if given."""

    @wraps(function)
    def rounded(*inputs, out=None):
        arrays = [x for x in inputs if x.__class__ is numpy.ndarray]
        wide = [asarray(x, numpy.float64) if x.__class__ is numpy.ndarray else x for x in inputs]
        result = asarray(function(*wide))
        if out is None:
            return result.astype(arrays[0].dtype, copy=False)
        numpy.copyto(out, result)
        return out

    return rounded


# lgamma(x) / ((x - 1)(x - 2)) on [1, 2]
LGAMMA = (
    0.491415393029387127, -0.076114161670435843, 0.00843232496593277796, -0.00107949372632860815, 0.000149007480036929645,
    -0.0000215123998885567854, 3.19793298608621864e-6, -4.85169301213992619e-7, 7.47148782116315976e-8,
    -1.16382967001705186e-8, 1.82940043711866796e-9, -2.89691806071296064e-10, 4.6157014062090901e-11,
    -7.39281023049798246e-12, 1.18942800083330856e-12, -1.92120686765228045e-13, 3.113975526387164e-14,
    -5.06284329844861127e-15, 8.25415028163114428e-16, -1.34905789875748432e-16, 2.20987611678262285e-17,
    -3.62741295492397693e-18
)  # fmt: skip
# Bernoulli's numbers B₂, B₄, …
BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330, 854513 / 138,
    -236364091 / 2730,
)  # fmt: skip


def near_one(x):
    """ln Γ(1 + x) for x in [0, 1], exact near both ends."""
    return x * (x - 1) * chebyshev(LGAMMA, x, 0.0, 1.0)


def stirling(x):
    """ln Γ(x) - ((x - ½) ln x - x + ½ ln 2π), for x >= 12."""
    inverse = 1 / x
    square = inverse * inverse
    series = 0.0
    for k in range(8, 0, -1):
        series = series * square + BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return series * inverse


def lgamma_positive(x):
    """ln Γ(x) for x > 0."""
    large = x >= 12
    big = where(large, x, 12.0)
    far = (big - 0.5) * log(big) - big + 0.5 * math.log(2 * math.pi) + stirling(big)
    far = where(isinf(x), x, far)
    small = where(large | isnan(x), 1.0, x)
    product, y = numpy.ones_like(small), small.copy()
    for _ in range(10):  # down to [1, 2]
        above = y > 2
        y = where(above, y - 1, y)
        product = where(above, product * y, product)
    below = y < 1
    near = near_one(where(below, y, y - 1)) + where(below, -log(y), log(product))
    return where(isnan(x), x, where(large, far, near))


def sin_pi(x):
    """sin πx, exactly 0 for integers."""
    nearest = numpy.rint(x)
    sine = numpy.sin(math.pi * (x - nearest))
    return where(numpy.remainder(nearest, 2) == 1, -sine, sine)


@in_double
def lgamma(x):
    """ln |Γ(x)|."""
    negative = x <= 0
    if not negative.any():
        return lgamma_positive(x)
    reflected = math.log(math.pi) - log(numpy.abs(sin_pi(where(isinf(x), 0.0, x))))
    value = lgamma_positive(where(negative, 1 - x, x))
    return where(negative, where(isinf(x), math.inf, reflected - value), value)


@in_double
def digamma(x):
    """Γ'(x) / Γ(x). At the negative integers NaN; at 0 ∓∞, as x comes from the right or the left."""
    negative = x < 0
    y = where(negative, 1 - x, x)
    y = where(y == 0, 1.0, y)
    shift = numpy.zeros_like(y)
    for _ in range(10):
        small = y < 10
        shift = where(small, shift + 1 / y, shift)
        y = where(small, y + 1, y)
    square = 1 / (y * y)
    series = 0.0
    for k in range(8, 0, -1):
        series = (series + BERNOULLI[k - 1] / (2 * k)) * square
    value = log(y) - 0.5 / y - series - shift
    fraction = x - numpy.trunc(x)
    reflected = value - math.pi / numpy.tan(math.pi * where(isnan(fraction), 0.0, fraction))
    value = where(negative, where(fraction == 0, nan, reflected), value)
    value = where(x == -math.inf, nan, value)
    return where(x == 0, numpy.copysign(math.inf, -x), value)


@in_double
def zeta(x, q):
    """Σ (k + q)^-x over k >= 0, Hurwitz's zeta function.   Cephes, zeta.c: Euler and Maclaurin's formula"""
    x, q = numpy.broadcast_arrays(asarray(x, numpy.float64), asarray(q, numpy.float64))
    pole = (q <= 0) & (q == numpy.floor(q))
    impossible = (x < 1) | ((q <= 0) & (x != numpy.floor(x))) | isnan(x) | isnan(q)
    impossible |= q == math.inf
    plain = ~(pole | impossible | (x == 1))
    value = where(impossible, nan, zeta_sum(where(plain, x, 2.0), where(plain, q, 1.0)))
    return where(x == 1, math.inf, where(x < 1, nan, where(pole, math.inf, value)))


def zeta_sum(x, q):
    total = q**-x
    a, term, done = q.copy(), numpy.zeros_like(q), numpy.zeros(q.shape, bool)
    k = 0
    while k < 9 or ((a <= 9) & ~done).any():
        busy = ~done & ((a <= 9) | (k < 9))
        a = where(busy, a + 1, a)
        term = where(busy, a**-x, term)
        total = where(busy, total + term, total)
        done |= busy & (numpy.abs(term) < 1e-16 * numpy.abs(total))
        k += 1
    tail = term * a / (x - 1) - 0.5 * term
    factor, power = numpy.ones_like(x), term.copy()
    for i in range(12):
        factor = factor * (x + 2 * i)
        power = power / a
        tail = tail + factor * power * (BERNOULLI[i] / math.factorial(2 * i + 2))
        factor = factor * (x + 2 * i + 1)
        power = power / a
    return where(done, total, total + tail)


def polygamma(x, n, out=None):
    """The n-th derivative of digamma."""
    if n == 0:
        return digamma(x, out=out)
    return trigamma(x, out=out) if n == 1 else higher_polygamma(x, n, out=out)


def trigamma(x, out=None):
    """The derivative of digamma, in x's own dtype: near the poles one sees the rounding of πx, as in PyTorch. On a GPU too."""
    kind, library = x.dtype.type, library_of(x)
    low = x < 0.5
    sine = library.sin(library.where(low, x, kind(0.5)) * kind(math.pi))
    y = library.where(low, 1 - x, x)
    total = library.where(low, library.divide(kind(-(math.pi**2)), sine * sine), kind(0))
    for _ in range(6):
        total = total + 1 / (y * y)
        y = y + 1
    square = 1 / (y * y)
    series = square * kind(BERNOULLI[10])
    for k in range(10, 0, -1):
        series = (series + kind(BERNOULLI[k - 1])) * square
    total = total + (1 + 1 / (2 * y) + series) / y
    return library.multiply(library.where(low, kind(-1), kind(1)), total, out)


@in_double
def higher_polygamma(x, n):
    factorial = math.exp(math.lgamma(n + 1)) if n > 20 else float(math.factorial(n))
    return zeta(asarray(n + 1.0), x) * (factorial if n % 2 else -factorial)


# ------------------------------------------------------------------------------------------------- incomplete functions


@in_double
def igamma(a, x):
    """∫₀ˣ t^(a-1) e^-t dt / Γ(a): from 0 to 1 as x goes from 0 to ∞."""
    return incomplete(a, x, False)


@in_double
def igammac(a, x):
    """1 - igamma(a, x), without cancellation."""
    return incomplete(a, x, True)


def incomplete(a, x, upper):
    a, x = numpy.broadcast_arrays(asarray(a, numpy.float64), asarray(x, numpy.float64))
    at_zero, at_infinity = (1.0, 0.0) if upper else (0.0, 1.0)
    result = numpy.full(x.shape, nan)
    result[isinf(x)] = at_infinity
    result[isinf(a)] = where(isinf(x), nan, at_zero)[isinf(a)]
    result[x == 0] = at_zero
    result[a == 0] = where(x > 0, at_infinity, nan)[a == 0]
    result[(x < 0) | (a < 0)] = nan
    plain = (x > 0) & (a > 0) & ~isinf(a) & ~isinf(x)
    if plain.any():
        result[plain] = between(a[plain], x[plain], upper)
    return result


def between(a, x, upper):
    """``incomplete`` for positive finite a and x, in one dim."""
    result = numpy.empty_like(x)
    large = a > 1e6
    lower_series = ~large & where(x <= 1.1, x * 1.1 < a, x < a)  # where the lower part is the small one
    fraction = ~large & ~lower_series & (x > 1.1)
    upper_series = ~(large | lower_series | fraction)
    for chosen, method, gives_upper in (
        (lower_series, lower_by_series, False), (fraction, upper_by_fraction, True), (upper_series, upper_by_series, True),
        (large & (x < a), lower_by_erfc, False), (large & ~(x < a), upper_by_erfc, True),
    ):  # fmt: skip
        if chosen.any():
            value = method(a[chosen], x[chosen])
            result[chosen] = value if gives_upper == upper else 1 - value
    return result


def density(a, x):
    """x^a e^-x / Γ(a)."""
    large = a >= 12
    big = where(large, a, 12.0)
    off = where(large, (x - big) / big, 0.0)
    far = exp(big * (log1p(off) - off) - stirling(big)) * numpy.sqrt(big / (2 * math.pi))
    small = where(large, 1.0, a)
    near = exp(small * log(x) - x - lgamma_positive(small))
    return where(large, far, near)


def lower_by_series(a, x):
    """e^-x x^a / Γ(a + 1) · (1 + x/(a+1) + x²/((a+1)(a+2)) + …)."""
    term = total = numpy.ones_like(x)
    bottom = a
    while (term > 1e-17 * total).any():
        bottom = bottom + 1
        term = term * (x / bottom)
        total = total + term
    return density(a, x) / a * total


def upper_by_series(a, x):
    """For small x: 1 - x^a / Γ(1 + a) · (1 + a Σ (-x)ⁿ / ((a + n) n!)), with the 1 taken out first."""
    factor, total = numpy.ones_like(x), numpy.zeros_like(x)
    for n in range(1, 40):
        factor = factor * (-x / n)
        total = total + factor / (a + n)
    power = a * log(x) - where(a <= 1, near_one(numpy.minimum(a, 1.0)), lgamma_positive(a + 1))
    return -numpy.expm1(power) - exp(power) * a * total


def upper_by_fraction(a, x):
    """Legendre's continued fraction, by Lentz's method.   Press et al., Numerical Recipes, 6.2"""
    b = x + 1 - a
    c, d = numpy.full_like(x, 1e300), 1 / where(b == 0, 1e-300, b)
    h = d.copy()
    change, i = numpy.zeros_like(x), 0
    while (numpy.abs(change - 1) > 4e-16).any() and i < 20000:
        i += 1
        numerator = i * (a - i)
        b = b + 2
        d = numerator * d + b
        d = 1 / where(d == 0, 1e-300, d)
        c = b + numerator / c
        c = where(c == 0, 1e-300, c)
        change = where(numpy.abs(change - 1) > 4e-16, c * d, change)
        h = h * where(numpy.abs(change - 1) > 4e-16, change, 1.0)
    return density(a, x) * h


def upper_by_erfc(a, x, sign=1.0):
    """For large a: nearly a normal distribution.   Temme 1979, doi:10.1137/0510071, with all that matters beyond a = 10⁶"""
    off = (x - a) / a
    half = where(numpy.abs(off) < 0.01, series_of_log(off), off - log1p(off))  # η²/2
    eta = numpy.copysign(numpy.sqrt(2 * half), off)
    small = numpy.clip(eta, -1.0, 1.0)  # beyond, all is 0
    correction = -1 / 3 + small / 12 - small * small * (2 / 135) - 1 / (540 * a)
    rest = exp(-a * half) / numpy.sqrt(2 * math.pi * a) * correction
    return erfc(sign * eta * numpy.sqrt(a / 2)) / 2 + sign * rest


def lower_by_erfc(a, x):
    """1 - upper_by_erfc."""
    return upper_by_erfc(a, x, -1.0)


def series_of_log(x):
    """x - ln(1 + x) for small x."""
    total = 0.0
    for k in range(10, 1, -1):
        total = (total + 1 / k) * -x
    return -total * x
