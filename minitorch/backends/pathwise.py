"""How a gamma or beta draw moves with its parameter: -(∂F/∂a) / f at x, for the distribution function F and density f.

There is no closed form. In each region one approximation is good to about 1e-3 or better: a Taylor series near 0, a saddle
point expansion for large parameters, and between them a rational function that was fitted. PyTorch has the same ones, and
the gradients are its own up to rounding.

M. Jankowiak & F. Obermeyer 2018, Pathwise derivatives beyond the reparameterization trick, arXiv:1806.01851; the saddle
points: S. O. Rice 1973

torch: aten/src/ATen/native/Distributions.h (standard_gamma_grad_one, dirichlet_grad_one)
"""

import numpy as np
from numpy import exp, log, sqrt

from .gamma import digamma

__all__ = ["beta_slope", "gamma_slope"]


def _by_region(regions, *inputs):
    """For each element what the first region that holds it computes; in float64, rounded once."""
    dtype = inputs[0].dtype
    wide = [x.astype(np.float64) for x in np.broadcast_arrays(*inputs)]
    out, left = np.empty(wide[0].shape), np.ones(wide[0].shape, bool)
    with np.errstate(all="ignore"):
        for holds, compute in regions:
            here = left & holds(*wide)
            left &= ~here
            if here.any():
                out[here] = compute(*[x[here] for x in wide])
    return out.astype(dtype)


def _everywhere(x, *_rest):
    return np.ones(x.shape, bool)


# --------------------------------------------------------------------------------------------------------------- gamma


def gamma_slope(concentration, x):
    """dx/da of a draw x from Gamma(a, 1)."""
    regions = (
        (lambda a, x: x < 0.8, _gamma_near_zero),
        (lambda a, x: (a > 8) & (0.9 * a <= x) & (x <= 1.1 * a), _gamma_at_the_mean),
        (lambda a, x: a > 8, _gamma_large),
        (_everywhere, _gamma_between),
    )
    return _by_region(regions, concentration, x)


def _gamma_near_zero(a, x):
    """F = xᵃ Σ (-x)ⁱ / (i! (a + i)) / Γ(a), six terms of it."""
    term, series, squares = 1.0, 1 / a, 1 / (a * a)
    for i in range(1, 6):
        term = term * (-x / i)
        series = series + term / (a + i)
        squares = squares + term / ((a + i) * (a + i))
    slope = (log(x) - digamma(a)) * (x**a * series) - x**a * squares
    return np.nan_to_num(-slope / (x ** (a - 1) * exp(-x)), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _gamma_at_the_mean(a, x):
    first = 1 + 24 * a * (1 + 12 * a)
    second = 1440 * a * a + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)
    return first * second / (1244160 * a**4)


def _gamma_large(a, x):
    width, ratio = sqrt(8 * a), log(x / a)
    distance = (x - a - a * ratio) ** -1.5
    inner = width / (a - x) + np.where(x < a, -distance, distance)
    inner = ratio * inner - sqrt(2 / a) * (a + x) / (a - x) ** 2
    stirling = 1 + 1 / (12 * a) * (1 + 1 / (24 * a))
    return -stirling * x * inner / width


# exp(P/Q), P and Q cubics in log a whose coefficients are quadratic in log(x/a): rows by power of the latter
GAMMA_FIT = (
    (0.16009398, -0.094634809, 0.025146376, -0.0030648343, 1, 0.32668115, 0.10406089, 0.0014179084),
    (0.53487893, 0.1298071, 0.065735949, -0.0015649758, 0.16639465, 0.020070113, -0.0035938915, -0.00058392623),
    (0.040121004, -0.0065914022, -0.0026286047, -0.0013441777, 0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-07),
)  # fmt: skip


def _gamma_between(a, x):
    u, v = log(x / a), log(a)
    c = [c0 + u * (c1 + u * c2) for c0, c1, c2 in zip(*GAMMA_FIT, strict=True)]
    return exp(_cubic(c[:4], v) / _cubic(c[4:], v))


def _cubic(c, x):
    return c[0] + x * (c[1] + x * (c[2] + x * c[3]))


# ---------------------------------------------------------------------------------------------------------------- beta


def beta_slope(concentration, x, total):
    """dx/da / (1 - x) of a draw x from Beta(a, total - a), which makes a Dirichlet's gradient a sum."""
    regions = (
        (lambda a, x, total: (x <= 0.5) & (total * x * (1 - x) < 2.5), _beta_near_zero),
        (lambda a, x, total: (x >= 0.5) & (total * x * (1 - x) < 0.75), _beta_near_one),
        (lambda a, x, total: (a > 6) & (total - a > 6), _beta_large),
        (_everywhere, _beta_between),
    )
    return _by_region(regions, concentration, x, total)


def _beta_near_zero(a, x, total):
    b = total - a
    factor = digamma(a) - digamma(total) - log(x)
    term, series = 1.0, (factor + 1 / a) / a
    for i in range(1, 11):
        term = term * ((i - b) * x / i)
        series = series + term / (a + i) * (factor + 1 / (a + i))
    return _finite(x * (1 - x) ** -b * series)


def _beta_near_one(a, x, total):
    """1 - x is a draw near 0 from Beta(b, a), and a its second parameter."""
    b, y = total - a, 1 - x
    factor = digamma(total) - digamma(a)
    term, product, slope, series = 1.0, 1.0, 0.0, factor / b
    for i in range(1, 9):
        term = term * (-y / i)
        slope = slope * (a - i) + product
        product = product * (a - i)
        series = series + term / (b + i) * (slope + factor * product)
    return _finite(x ** (1 - a) * series)


def _finite(x):
    return np.where(np.isnan(x), 0.0, x)


def _beta_large(a, x, total):
    b, mean = total - a, a / total
    std = sqrt(a * b / (total + 1)) / total
    middle = (mean - 0.1 * std <= x) & (x <= mean + 0.1 * std)
    return np.where(middle, _beta_at_the_mean(a, b, x, total), _beta_off_the_mean(a, b, x, total))


def _beta_at_the_mean(a, b, x, total):
    poly = 8 * (1 - x) * (135 * b - 11)
    poly = (453 + 1620 * b * (1 - x) - 455 * x) * b + a * poly
    poly = 3 * (59 + 180 * b - 90 * x) * b**2 + a * poly
    poly = (43 + 20 * (16 + 27 * b) * x) * b**3 + a * poly
    poly = 47 * x * b**4 + a * poly
    stirling = (1 + 12 * a) * (1 + 12 * b) / total**2
    return stirling / (1 - x) * poly / (12960 * a**3 * b**2 * (1 + 12 * total))


def _beta_off_the_mean(a, b, x, total):
    across = a * (x - 1) + b * x
    inner = (2 * a * a * (x - 1) + a * b * (x - 1) - x * b * b) / (sqrt(2 * a / b) * total**1.5 * across**2)
    distance = (b * log(b / (total * (1 - x))) + a * log(a / (total * x))) ** -1.5
    other = sqrt(8 * a * b / total) / across + np.where(x < a / total, distance, -distance)
    inner = inner + 0.5 * log(a / (total * x)) * other
    return _stirling(a) * _stirling(b) / _stirling(total) * (-x / sqrt(2 * a * b / total)) * inner


def _stirling(a):
    return 1 + 1 / (12 * a) + 1 / (288 * a * a)


# P/Q: by power of u = log x, then of v = log(a/x), cubics in log(total) - v
BETA_FIT = (
    (
        ((1.003668233, -0.01061107488, -0.0657888334, 0.01201642863),
         (0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033),
         (-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013)),
        ((0.221950385, -0.3187676331, 0.01799915743, 0.01074823814),
         (-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057),
         (0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05)),
        ((-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565),
         (0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181),
         (0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05)),
    ),
    (
        ((1, -0.02924021934, -0.04438342661, 0.007285809825),
         (0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521),
         (-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149)),
        ((0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273),
         (0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956),
         (-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05)),
        ((0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05),
         (0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05),
         (-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06)),
    ),
)  # fmt: skip


def _beta_between(a, x, total):
    u = log(x)
    v = log(a) - u
    w = log(total) - v
    p, q = [sum(u**i * v**j * _cubic(fit[i][j], w) for i in range(3) for j in range(3)) for fit in BETA_FIT]
    return p / q * x * (digamma(total) - digamma(a)) / (total - a)
