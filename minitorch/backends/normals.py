"""Pairs of uniform numbers to pairs of normal ones, rounded as PyTorch's vector code rounds.

PyTorch's arithmetic here is fused: a · b + c is rounded once. NumPy has no such operation, so ``fused32`` and
``fused64`` make it out of exact parts.

torch: aten/src/ATen/native/cpu/DistributionTemplates.h (normal_fill), avx_mathfun.h
Box & Muller 1958, doi:10.1214/aoms/1177706645
"""

import numpy as np

__all__ = ["TWO_PI", "box_muller32", "box_muller64", "fused32", "fused64"]

TWO_PI = 6.283185307179586


def fused32(a, b, c):
    """a · b + c rounded once to float32. The float64 product is exact; its sum rounds far below float32's last bit."""
    out = a * np.float64(b)
    out += np.float64(c)
    return out.astype(np.float32)


def fused64(a, b, c):
    """a · b + c rounded once to float64; b and c numbers.

    The error of the product (Dekker 1971, by Veltkamp's splitting) and that of the sum (Knuth's TwoSum) are exact
    numbers, and are added at last.
    """
    product = a * b
    if c == 0 or b == 1 or not 2.0**-900 < abs(b) < 2.0**900:  # a single rounding, or too large to split
        return product + c

    a_high, a_low = _split(a)
    b_high, b_low = _split(float(b))
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low

    out = product + c
    shadow = out - product
    error += (product - (out - shadow)) + (c - shadow)
    fused = out + error
    return np.where(np.isfinite(fused), fused, out)


def _split(x):
    """x as a sum of two numbers of at most 26 bits each."""
    scaled = x * 134217729.0  # 2²⁷ + 1
    high = scaled - (scaled - x)
    return high, x - high


# ---- Box & Muller: (blocks, 16) uniforms to (blocks, 16) normals


def box_muller64(u, mean, std):
    radius = np.sqrt(-2.0 * np.log(1.0 - u[:, :8]))
    angle = TWO_PI * u[:, 8:]
    u[:, :8] = radius * np.cos(angle)
    u[:, 8:] = radius * np.sin(angle)
    return fused64(u, std, mean)


def box_muller32(u, mean, std):
    log = _log32(ONE - u[:, :8])
    log *= np.float32(-2)
    radius = np.sqrt(log, log)
    sin, cos = _sin_cos32(np.float32(TWO_PI) * u[:, 8:])
    u[:, :8] = radius * cos
    u[:, 8:] = radius * sin
    return fused32(u, std, mean)


# The float32 logarithm, sine and cosine are polynomials from Cephes (Stephen L. Moshier), as carried to vector units
# by avx_mathfun (Giovanni Garberoglio, after Julien Pommier's sse_mathfun). PyTorch's float32 normals are these, with
# fused multiply-adds; so every step below rounds where a vector unit rounds.


def _float32(*numbers):
    return [float(np.float32(number)) for number in numbers]


LOG = _float32(
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
LOG_2_LOW, LOG_2_HIGH = np.float32(-2.12194440e-4), np.float32(0.693359375)
SIN = _float32(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS = _float32(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
OCTANTS = np.float32(1.27323954473516)  # 4/π
ONE, HALF, SQRT_HALF = np.float32(1), np.float32(0.5), np.float32(0.70710677)
QUARTER_PI = _float32(-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)  # -π/4, in three parts


def _polynomial(coefficients, x):
    """Horner's rule with fused steps; x: float64 holding float32 values."""
    out = np.empty(x.shape, np.float32)
    wide = x * coefficients[0]
    wide += coefficients[1]
    for coefficient in coefficients[2:]:
        out[...] = wide  # rounds
        wide[...] = out
        wide *= x
        wide += coefficient
    out[...] = wide
    return out


def _fused_arrays(a, b, c):
    """a · b + c rounded once to float32, for arrays; b already float64."""
    wide = a.astype(np.float64)
    wide *= b
    wide += c
    return wide.astype(np.float32)


def _log32(x):
    """log x for 0 < x: x = m · 2ᵉ with m around 1, then log m by a polynomial in m - 1."""
    m, e = np.frexp(x)
    small = m < SQRT_HALF
    e = e.astype(np.float32) - small
    m += m * small
    m -= ONE

    z = m * m
    y = _polynomial(LOG, m.astype(np.float64))
    y *= m
    y = _fused_arrays(y, z, e * LOG_2_LOW)
    y -= HALF * z
    m += y
    return _fused_arrays(e, LOG_2_HIGH, m)


def _sin_cos32(x):
    """sin x and cos x for 0 ≤ x: the octant, what is left after it, then one polynomial for each."""
    octant = (x * OCTANTS).astype(np.int32)
    octant += 1
    octant &= ~1
    j = octant.astype(np.float64)
    for part in QUARTER_PI:
        x = (j * part + x).astype(np.float32)

    z = x * x
    wide = z.astype(np.float64)
    cos = _polynomial(COS, wide)
    cos *= z
    cos = _fused_arrays(cos, wide, -HALF * z)
    cos += ONE
    sin = _polynomial(SIN, wide)
    sin *= z
    sin = _fused_arrays(sin, x, x)

    swapped = (octant & 2).astype(bool)
    sin, cos = np.where(swapped, cos, sin), np.where(swapped, sin, cos)
    np.negative(sin, where=(octant & 4).astype(bool), out=sin)
    np.negative(cos, where=(octant - 2 & 4) == 0, out=cos)
    return sin, cos
