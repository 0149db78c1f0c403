"""The windows that stand in ``torch`` itself. They are periodic unless told otherwise: made for the frames of ``stft``.

torch: aten/src/ATen/native/TensorFactories.cpp (hann_window and those beside it)
"""

import math

from ..creation import arange, empty, ones
from ..dtypes import as_dtype, get_default_dtype
from ..errors import C_NAMES

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def window(name, length, periodic, formula, dtype, layout, device, requires_grad):
    """What ``formula(k, n)`` makes of k = 0 … n - 1; a periodic one is that of a point more, without the last.

    Raises RuntimeError for a negative length and for dtypes that aren't floating point.
    """
    if not isinstance(length, int):
        raise TypeError(f"{name}(): argument 'window_length' (position 1) must be int, not {type(length).__name__}")
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(
            f"{name} expects floating point dtypes, got: TensorOptions(dtype={C_NAMES[dtype.name]}, device=cpu, layout=Strided "
            "(default), requires_grad=false (default), pinned_memory=false, memory_format=(nullopt))"
        )
    if dtype.is_complex:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for 'Complex{dtype.to_real().name.title()[:-2]}'")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if length < 2:
        made = (ones if length else empty)((length,), dtype=dtype, device=device)
    else:
        n = length + 1 if periodic else length
        made = formula(arange(n, dtype=dtype, device=device), n)
        made = made.narrow(0, 0, length) if periodic else made
    return made.requires_grad_(requires_grad)


def hann_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
    """1/2 - 1/2 cos(2πk / n).   torch: hann_window

    >>> torch.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    formula = cosine(0.5, 0.5)
    return window("hann_window", window_length, periodic, formula, dtype, layout, device, requires_grad)


def hamming_window(
    window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None, layout=None, device=None, requires_grad=False
):  # fmt: skip
    """α - β cos(2πk / n).   torch: hamming_window"""
    formula = cosine(alpha, beta)
    return window("hamming_window", window_length, periodic, formula, dtype, layout, device, requires_grad)


def cosine(alpha, beta):
    return lambda k, n: k.mul_(math.pi * 2 / (n - 1)).cos_().mul_(-beta).add_(alpha)


def blackman_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
    """0.42 - 0.5 cos(2πk / n) + 0.08 cos(4πk / n).   torch: blackman_window"""

    def formula(k, n):
        k = k.mul_(math.pi / (n - 1))
        return k.mul(4).cos_().mul_(0.08) - k.mul(2).cos_().mul_(0.5) + 0.42

    return window("blackman_window", window_length, periodic, formula, dtype, layout, device, requires_grad)


def bartlett_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
    """1 - |2k / n - 1|.   torch: bartlett_window"""

    def formula(k, n):
        k = k.mul_(2.0 / (n - 1))
        k[(n - 1) // 2 + 1 :].mul_(-1).add_(2)
        return k

    return window("bartlett_window", window_length, periodic, formula, dtype, layout, device, requires_grad)


def kaiser_window(
    window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, requires_grad=False
):  # fmt: skip
    """I₀(β √(1 - (2k / n - 1)²)) / I₀(β).   torch: kaiser_window"""

    def formula(k, n):
        b = k.new_full((), beta).double()
        x = (k.double() * 2 / (n - 1) - 1).square()
        return ((1 - x).clamp(0).sqrt() * b).i0().div(b.i0()).to(k.dtype)

    return window("kaiser_window", window_length, periodic, formula, dtype, layout, device, requires_grad)
