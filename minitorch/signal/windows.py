"""Windows: weights that fade a stretch of a signal in and out.

``sym`` windows are their own mirror image; without it they are one period of something that repeats, as the frames of
``stft`` want it: a window of M + 1 points without the last.

torch: torch/signal/windows/windows.py.   Formulas as in Harris 1978, "On the use of windows for harmonic analysis"
"""

import math

from ..creation import arange, empty, linspace, ones, tensor
from ..dtypes import float32, float64, get_default_dtype
from ..making import named

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann", "kaiser",
    "nuttall",
]  # fmt: skip


def window(name, M, formula, dtype, layout, device, requires_grad):  # noqa: N803
    """What ``formula(dtype, made)`` gives, where ``made`` are the arguments of the tensor it starts from; ones for one point.

    Raises ValueError for a negative length, and for dtypes and layouts that don't fit.
    """
    dtype = get_default_dtype() if dtype is None else dtype
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout not in (None, "torch.strided"):
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    made = {"dtype": dtype, "device": device, "requires_grad": requires_grad}
    if M == 0:
        return empty((0,), **made)
    return ones((1,), **made) if M == 1 else formula(made)


def spread(M, sym):  # noqa: N803
    """The points of the window, or of its period."""
    return M - 1 if sym else M


def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """e^(-|k - center| / tau).   torch: signal.windows.exponential"""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = spread(M, sym) / 2.0 if center is None else center

    def formula(made):
        return (-linspace(-middle / tau, (-middle + (M - 1)) / tau, M, **made).abs()).exp()

    return window("exponential", M, formula, dtype, layout, device, requires_grad)


def cosine(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """sin(π (k + 1/2) / M).   torch: signal.windows.cosine"""

    def formula(made):
        step = math.pi / (spread(M, sym) + 1)
        return linspace(0.5 * step, (0.5 + (M - 1)) * step, M, **made).sin()

    return window("cosine", M, formula, dtype, layout, device, requires_grad)


def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """e^(-(k - center)² / 2 std²).   torch: signal.windows.gaussian"""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")

    def formula(made):
        start, scale = -spread(M, sym) / 2.0, 1 / (std * math.sqrt(2))
        return (-(linspace(start * scale, (start + (M - 1)) * scale, M, **made) ** 2)).exp()

    return window("gaussian", M, formula, dtype, layout, device, requires_grad)


def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """I₀(√(β² - k²)) / I₀(β), for k from -β to β.   torch: signal.windows.kaiser"""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def formula(made):
        b = tensor(beta, dtype=made["dtype"], device=made["device"])
        step = 2.0 * b / spread(M, sym)
        k = linspace(-b, b.minimum(-b + (M - 1) * step), M, **made)
        return (b * b - k.pow(2)).sqrt().i0() / b.i0()

    return window("kaiser", M, formula, dtype, layout, device, requires_grad)


def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """Σ (-1)^i aᵢ cos(i k), for k from 0 to 2π.   torch: signal.windows.general_cosine"""

    def formula(made):
        if not isinstance(a, (list, tuple)):
            raise TypeError("Coefficients must be a list/tuple")
        if not a:
            raise ValueError("Coefficients cannot be empty")
        k = linspace(0, (M - 1) * (2 * math.pi / spread(M, sym)), M, **made)
        signed = tensor([(-1) ** i * w for i, w in enumerate(a)], dtype=made["dtype"], device=made["device"])
        i = arange(len(a), dtype=made["dtype"], device=made["device"])
        return (signed.unsqueeze(-1) * (i.unsqueeze(-1) * k).cos()).sum(0)

    return window("general_cosine", M, formula, dtype, layout, device, requires_grad)


def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """α - (1 - α) cos k.   torch: signal.windows.general_hamming"""
    return general_cosine(
        M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def of_cosines(name, coefficients, formula):
    def function(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
        return general_cosine(
            M, a=coefficients, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
        )

    return named(function, name, f"{formula}.   torch: signal.windows.{name}")


hamming = of_cosines("hamming", [0.54, 1.0 - 0.54], "0.54 - 0.46 cos k")
hann = of_cosines("hann", [0.5, 0.5], "1/2 - 1/2 cos k")
blackman = of_cosines("blackman", [0.42, 0.5, 0.08], "0.42 - 0.5 cos k + 0.08 cos 2k")
nuttall = of_cosines("nuttall", [0.3635819, 0.4891775, 0.1365995, 0.0106411], "Nuttall's four cosines, the narrowest foot")


def bartlett(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):  # noqa: N803
    """1 - |k|, for k from -1 to 1.   torch: signal.windows.bartlett"""

    def formula(made):
        return 1 - linspace(-1, -1 + (M - 1) * (2 / spread(M, sym)), M, **made).abs()

    return window("bartlett", M, formula, dtype, layout, device, requires_grad)
