"""torch.fft: Fourier transforms, and the frequencies that go with them.

torch: torch/fft/__init__.py
"""

from .absent import absent
from .creation import arange
from .dtypes import get_default_dtype
from .ops.spectral import (
    fft,
    fft2,
    fftn,
    fftshift,
    hfft,
    hfft2,
    hfftn,
    ifft,
    ifft2,
    ifftn,
    ifftshift,
    ihfft,
    ihfft2,
    ihfftn,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftn,
)  # fmt: skip
from .out import FFT, accepting_out

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft",
    "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

__getattr__ = absent(__name__)

globals().update(accepting_out(globals(), FFT))


def fftfreq(n, d=1.0, *, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies that ``fft`` of n points, ``d`` apart, speaks of: 0, 1, … and then the negative ones, by n d.

    Raises RuntimeError for integer dtypes.   torch: fft.fftfreq

    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    whole = counted("fftfreq", n, n, dtype, device)
    whole[(n + 1) // 2 :] -= n
    return whole.mul_(1.0 / (n * d) if n else 0.0).requires_grad_(requires_grad)


def rfftfreq(n, d=1.0, *, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies that ``rfft`` of n points speaks of: those that aren't negative.   torch: fft.rfftfreq"""
    return counted("rfftfreq", n, n // 2 + 1, dtype, device).mul_(1.0 / (n * d)).requires_grad_(requires_grad)


def counted(name, n, count, dtype, device):
    """0, 1, … as floating-point numbers."""
    if not isinstance(n, int):
        raise TypeError(f"fft_{name}(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    dtype = get_default_dtype() if dtype is None else dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    if count < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {count}: [{count}]")
    return arange(count, dtype=dtype, device=device)
