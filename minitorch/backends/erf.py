"""The error function, which NumPy lacks. Its inverse and its other forms are in ``gaussian.py``."""

import math

import numpy
from numpy import asarray, exp, trunc, where

from .large import ENOUGH, in_machine_code

__all__ = ["erf", "erfc", "erfcx_positive"]

# W. J. Cody's rational approximations of the error function (Math. Comp. 23, 1969; SPECFUN's CALERF), good to 1e-16
ERF_NEAR = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
ERFC_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
ERFC_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
     6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip


def ratio(coefficients, x):
    """p(x) / q(x), by Horner's rule."""
    numerator, denominator = coefficients
    p, q = numerator[0], denominator[0]
    for a, b in zip(numerator[1:], denominator[1:], strict=True):
        p, q = p * x + a, q * x + b
    return p / q


def erfcx_beyond(x):
    """exp(x²) erfc(x) for 0.46875 < x, in float64."""
    middle = x <= 4
    near, far = x[middle], x[~middle]
    result = numpy.empty_like(x)
    result[middle] = ratio(ERFC_MIDDLE, near)
    t = 1 / (far * far)
    result[~middle] = (1 / math.sqrt(math.pi) - t * ratio(ERFC_FAR, t)) / far
    return result


def erfcx_positive(x):
    """exp(x²) erfc(x) for 0 <= x, in float64 and one dim."""
    near = x <= 0.46875
    small = where(near, x, 0.0)
    square = small * small
    return where(near, exp(square) * (1 - small * ratio(ERF_NEAR, square)), erfcx_beyond(where(near, 1.0, x)))


def erfc_positive(x):
    """erfc for 0.46875 < x, in float64."""
    result = erfcx_beyond(x)
    coarse = trunc(x * 16) / 16  # exp(-x²) in two factors, so that the square's rounding doesn't grow
    result *= exp(-coarse * coarse) * exp(-(x - coarse) * (x + coarse))
    return where(numpy.isinf(x), 0.0, result)


# erf(x) ≈ x p(x²) / q(x²) on [-4, 4], a minimax fit for single precision, here evaluated in double: 1.6 ulp. (The
# coefficients are Eigen's, MathFunctionsImpl.h.)
ERF_SINGLE_P = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
                -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)  # fmt: skip
ERF_SINGLE_Q = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
                -1.42647390514189e-02)  # fmt: skip
BLOCK = 1 << 13
ENOUGH_FOR_ERF = ENOUGH >> 8
"""Elements from which machine code does it."""


def horner(coefficients, x):
    """The polynomial at ``x``, in place of a temporary each step."""
    p = x * coefficients[0]
    for a in coefficients[1:-1]:
        p += a
        p *= x
    p += coefficients[-1]
    return p


def erf_single(x):
    """erf of a flat float32 array, a block that stays in the cache at a time."""
    result = numpy.empty(x.shape, numpy.float32)
    for start in range(0, x.size, BLOCK):
        wide = numpy.clip(x[start : start + BLOCK], -4.0, 4.0, dtype=numpy.float64)
        square = wide * wide
        wide *= horner(ERF_SINGLE_P, square)
        wide /= horner(ERF_SINGLE_Q, square)
        result[start : start + BLOCK] = wide
    return result


def erf(x, out=None):
    """2/√π ∫₀ˣ exp(-t²) dt."""
    if x.dtype == numpy.float32:
        if x.size >= ENOUGH_FOR_ERF:
            done = in_machine_code("erf", x, out=out)
            if done is not None:
                return done
        result = erf_single(x.reshape(-1)).reshape(x.shape)
        return result if out is None else copied(result, out)
    wide = asarray(x, numpy.float64)
    size = numpy.abs(wide)
    result = asarray(wide * ratio(ERF_NEAR, wide * wide))
    far = asarray(size > 0.46875)
    result[far] = numpy.copysign(1 - erfc_positive(size[far]), wide[far])
    return asarray(result, x.dtype) if out is None else copied(result.astype(x.dtype), out)


def erfc(x, out=None):
    """1 - erf(x), without cancellation."""
    wide = asarray(x, numpy.float64)
    size = numpy.abs(wide)
    result = asarray(1 - wide * ratio(ERF_NEAR, wide * wide))
    far = asarray(size > 0.46875)
    tail = erfc_positive(size[far])
    result[far] = where(wide[far] < 0, 2 - tail, tail)
    return asarray(result, x.dtype) if out is None else copied(result.astype(x.dtype), out)


def copied(x, out):
    """``out``, with the elements of ``x``."""
    numpy.copyto(out, x)
    return out
