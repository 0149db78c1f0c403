"""Draws that are accepted or rejected one by one: gamma, Dirichlet, Poisson, binomial, in PyTorch's order.

How many words an element takes isn't known before it is drawn, so these go element by element, in Python, and by index.
The uniform numbers for many elements are drawn ahead from a copy of the stream, which then goes on as far as they were used.
They compute in float64, and the result has the dtype and shape of what came in.

G. Marsaglia & W. W. Tsang 2000, doi:10.1145/358407.358414 (gamma); W. Hörmann 1993, doi:10.1016/0167-6687(93)90997-4 (PTRS,
Poisson) and doi:10.1080/00949659308811496 (BTRS, binomial); C. D. Kemp 1986 (binomial by geometric gaps)

torch: aten/src/ATen/native/Distributions.cpp and Distributions.h
"""

import math
from contextlib import contextmanager
from itertools import chain
from operator import length_hint

import numpy as np

from .normals import TWO_PI

__all__ = ["binomial", "dirichlet", "poisson", "standard_gamma"]

# PyTorch writes these as float32, and so are their bits
THIRD, SQUEEZE = float(np.float32(1.0) / np.float32(3.0)), float(np.float32(0.0331))


AHEAD = 1024
"""How many numbers are drawn at once."""
MANY = 64
"""Elements from which it pays to copy the stream."""


@contextmanager
def _uniforms(stream, elements):
    """A function that draws one float64 in [0, 1)."""
    if elements < MANY:
        yield lambda: stream.uniform64(1).item()
        return
    twin, blocks = stream.copy(), []

    def drawn():
        while True:
            blocks.append(iter(twin.uniform64(AHEAD).tolist()))
            yield blocks[-1]

    try:
        yield chain.from_iterable(drawn()).__next__
    finally:
        used = AHEAD * len(blocks) - (length_hint(blocks[-1]) if blocks else 0)
        stream.raw32(2 * used)


def _like(x, values):
    return np.array(values, np.float64).reshape(x.shape)


def _normal_of(stream, uniform):
    """A function that draws one standard normal: every other time a pair, of which the second is kept in the stream."""

    def normal():
        kept = stream._normal
        if kept is not None:
            stream._normal = None
            return kept
        angle = TWO_PI * uniform()
        radius = math.sqrt(-2.0 * math.log1p(-uniform()))
        stream._normal = radius * math.sin(angle)
        return radius * math.cos(angle)

    return normal


# --------------------------------------------------------------------------------------------------------------- gamma


def standard_gamma(stream, concentration):
    """Gamma with rate 1: density x^(a-1) exp(-x) / Γ(a). Never 0."""
    drawn = _gammas(stream, concentration, concentration.dtype.type).astype(concentration.dtype)
    return np.fmax(drawn, np.finfo(drawn.dtype).smallest_normal)


def _gammas(stream, concentration, kind=np.float64):
    """``kind`` is the type in which each function of the concentration alone is rounded."""
    a, one = concentration.ravel().astype(kind), kind(1)
    with np.errstate(all="ignore"):
        d = np.where(a < 1, a + one, a) - kind(THIRD)
        power = np.where(a < 1, one / a, kind(0))
    triples = zip(a.tolist(), d.tolist(), power.tolist(), strict=True)
    with _uniforms(stream, a.size) as uniform:
        normal = _normal_of(stream, uniform)
        return _like(concentration, [_gamma(*triple, uniform, normal) for triple in triples])


def _gamma(a, d, power, uniform, normal):
    """d (1 + c z)³ with d = a - ⅓ is nearly gamma for a normal z; for a < 1 it is that of a + 1 times u^power, 1/a."""
    if a == 0:
        return 0.0
    scale = _power(1 - uniform(), power) if a < 1 else 1.0
    c = 1 / math.sqrt(9 * d) if d > 0 else math.nan
    while True:
        z = normal()
        root = 1 + c * z
        if root <= 0:
            continue
        v = root * root * root
        u = 1 - uniform()
        square = z * z
        if u < 1 - SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def _power(x, y):
    try:
        return x**y
    except OverflowError:
        return math.inf


def dirichlet(stream, concentration):
    """Shares of gammas in their sum: (…, categories). Never 0 or 1."""
    gammas = _gammas(stream, concentration)
    shares = (gammas / gammas.sum(axis=-1, keepdims=True)).astype(concentration.dtype)
    info = np.finfo(shares.dtype)
    return np.fmin(np.fmax(shares, info.smallest_normal), 1 - info.epsneg)


# ------------------------------------------------------------------------------------------------------------- Poisson


def poisson(stream, rate):
    """How many events of that rate there are in a unit of time."""
    if not (rate >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative\nnone of them is NaN, either")
    with _uniforms(stream, rate.size) as uniform:
        drawn = [_many(x, uniform) if x >= 10 else _few(x, uniform) for x in rate.ravel().tolist()]
    return _like(rate, drawn).astype(rate.dtype)


def _few(rate, uniform):
    """As many uniforms as can be multiplied before the product falls to exp(-rate)."""
    if rate == 0:
        return 0
    least, product, count = math.exp(-rate), uniform(), 0
    while product > least:
        product *= uniform()
        count += 1
    return count


def _many(rate, uniform):
    """Transformed rejection."""
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha, bound = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform() - 0.5, uniform()
        near = 0.5 - abs(u)
        k = math.floor((2 * a / near + b) * u + rate + 0.43) if near else -1
        if near >= 0.07 and v <= bound:
            return k
        if k < 0 or (near < 0.013 and v > near):
            continue
        height = _log(v) + math.log(inverse_alpha) - math.log(a / (near * near) + b)
        if height <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def _log(x):
    return math.log(x) if x else -math.inf


# ------------------------------------------------------------------------------------------------------------ binomial


def binomial(stream, count, probability):
    """How many of ``count`` trials succeed."""
    count, probability = np.broadcast_arrays(count, probability)
    pairs = zip(count.ravel().tolist(), probability.ravel().tolist(), strict=True)
    with _uniforms(stream, count.size) as uniform:
        return _like(count, [_successes(n, p, uniform) for n, p in pairs]).astype(count.dtype)


def _successes(n, p, uniform):
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return n
    if p != p:
        return math.nan
    if p > 0.5:
        return n - _successes_of_rare(n, 1 - p, uniform)
    return _successes_of_rare(n, p, uniform)


def _successes_of_rare(n, p, uniform):
    return _by_rejection(n, p, uniform) if n * p >= 10 else _by_gaps(n, p, uniform)


def _by_gaps(n, p, uniform):
    """The trials from one success to the next are geometric: count those that fit."""
    scale, done, count = math.log1p(-p), 0.0, 0
    while True:
        u = uniform()
        done += math.ceil(math.log(u) / scale) if u else math.inf
        if not done <= n:
            return count
        count += 1


# ln k! - Stirling's formula, for small k; PyTorch's digits
TAILS = (
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
    0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287,
)  # fmt: skip


def _tail(k):
    if k < len(TAILS):
        return TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _by_rejection(n, p, uniform):
    """Transformed rejection."""
    std = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * std
    a = -0.0873 + 0.0248 * b + 0.01 * p
    middle, bound, odds = n * p + 0.5, 0.92 - 4.2 / b, p / (1 - p)
    alpha, mode = (2.83 + 5.1 / b) * std, math.floor((n + 1) * p)
    while True:
        u, v = uniform() - 0.5, uniform()
        near = 0.5 - abs(u)
        k = math.floor((2 * a / near + b) * u + middle) if near else -1
        if k < 0 or k > n:
            continue
        if near >= 0.07 and v <= bound:
            return k
        log_ratio = (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
        log_ratio += (n + 1) * math.log((n - mode + 1) / (n - k + 1))
        log_ratio += (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
        log_ratio += _tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k)
        if _log(v * alpha / (a / (near * near) + b)) <= log_ratio:
            return k
