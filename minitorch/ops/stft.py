"""The spectrum of a signal as it changes: transforms of short, overlapping windows; and the signal back from them.

torch: aten/src/ATen/native/SpectralOps.cpp (stft, istft)
"""

import warnings

from ..tables import spectral as rows
from .reduce import one_dim

__all__ = ["istft", "stft"]

NO_WINDOW = (
    "A window was not provided. A rectangular window will be applied{}To suppress this warning and use a rectangular window, "
    "explicitly set `window=torch.ones(n_fft, device=<device>)`."
)


def stft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
    onesided=None, return_complex=None, align_to_window=None,
):  # fmt: skip
    """X[f, t] = Σ_k window[k] x[t hop + k] e^(-2πi f k / n_fft).   x: (L) or (B, L) → (*, F, T), complex.

    F is n_fft // 2 + 1 for real signals, unless ``onesided`` is False. ``center`` pads the signal so that frame t is in
    the middle of its window. hop_length: n_fft // 4 unless said; a window of win_length is put in the middle of n_fft.
    Raises RuntimeError for sizes and dtypes that don't fit.   torch: stft

    >>> torch.stft(torch.ones(8), 4, window=torch.hann_window(4), return_complex=True).shape
    torch.Size([3, 9])
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    complexes = input.is_complex() or (window is not None and window.is_complex())
    if align_to_window is not None and center:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    width = n_fft // 2 if center else (n_fft - length) // 2 if align_to_window else 0
    x = padded(input, width, pad_mode) if width else input
    if window is None:
        warnings.warn(NO_WINDOW.format(
            ",which is known to cause spectral leakage. Other windows such as torch.hann_window or torch.hamming_window are "
            "recommended to reduce spectral leakage."
        ), stacklevel=2)  # fmt: skip
    told = {
        "n_fft": n_fft, "hop_length": hop, "win_length": length, "window": window, "normalized": normalized,
        "onesided": onesided, "return_complex": return_complex, "align_to_window": align_to_window,
    }  # fmt: skip
    return_complex = complex_asked(return_complex, complexes)
    check_stft(x, window, told)
    onesided = not complexes if onesided is None else onesided
    if onesided and complexes:
        raise RuntimeError("Cannot have onesided output if window or input is complex")

    frames = (x if x.ndim == 2 else x.unsqueeze(0)).unfold(-1, n_fft, hop)
    frames = frames if window is None and length == n_fft else frames * middle(window, length, n_fft, x)
    power = 0.5 if normalized else 0
    if onesided:
        spectrum = frames._apply(rows.rfft, (frames,), ((2,), power))
    else:
        frames = frames.to(frames.dtype.to_complex())
        spectrum = frames._apply(rows.fft, (frames,), ((2,), False, power))
    spectrum = spectrum.transpose(1, 2)
    spectrum = spectrum if x.ndim == 2 else spectrum.squeeze(0)
    return spectrum if return_complex else spectrum.view_as_real()


def complex_asked(return_complex, complexes):
    """Whether the result is to be complex. Raises RuntimeError if nobody said so of a real signal."""
    if return_complex is None:
        if not complexes:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further require that "
                "return_complex=True in a future PyTorch release.\nwrite torch.stft(..., return_complex=True)"
            )
        return True
    if not return_complex:
        warnings.warn(
            "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors for "
            "all inputs, and return_complex=False will raise an error.\n"
            "Note: you can still call torch.view_as_real on the complex output to recover the old return format.",
            stacklevel=3,
        )
    return return_complex


def check_stft(x, window, told):
    """Raise RuntimeError unless the sizes and dtypes fit."""
    n_fft, hop, length = told["n_fft"], told["hop_length"], told["win_length"]
    text = called("stft", x, told)
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"{text} : expected a tensor of floating point or complex values")
    if not 0 < x.ndim < 3:
        raise RuntimeError(f"{text} : expected a 1D or 2D tensor")
    if not 0 < n_fft <= x.shape[-1]:
        raise RuntimeError(f"{text} : expected 0 < n_fft < {x.shape[-1]}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{text} : expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{text} : expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and tuple(window.shape) != (length,):
        raise RuntimeError(
            f"{text} : expected a 1D window tensor of size equal to win_length={length}, but got window with size {list(window.shape)}"
        )


def called(name, x, told):
    """The call, as PyTorch's messages have it."""

    def text(value):
        if hasattr(value, "_array"):
            return f"{kind(value)}{{{list(value.shape)}}}"
        return str(int(value)) if isinstance(value, bool) else str(value)

    return f"{name}({kind(x)}{list(x.shape)}, {', '.join(f'{key}={text(value)}' for key, value in told.items())})"


def kind(x):
    return f"CPU{x._type_name()}Type" if x.is_complex() else f"torch.{x._type_name()}Tensor"


def middle(window, length, n_fft, like):
    """The window, or ones, of that length in the middle of ``n_fft`` zeros."""
    if window is None:
        window = like.new_ones(length)
    before = (n_fft - length) // 2
    return window.pad_widths([(before, n_fft - length - before)]) if length < n_fft else window


def padded(x, n, mode):
    """The signal, with n more at both ends of the last dim: zeros, or what it holds, mirrored, repeated or from the other end.

    Raises RuntimeError if it holds too little for that.
    """
    size = x.shape[-1]
    if mode == "constant":
        return x.pad_widths([(0, 0)] * (x.ndim - 1) + [(n, n)])
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}\nuse 'constant', 'reflect', 'replicate' or 'circular'")
    if mode == "reflect" and n >= size:
        shape = [1] * (3 - x.ndim) + list(x.shape)
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: "
            f"padding ({n}, {n}) at dimension 2 of input {shape}"
        )
    if mode == "circular" and n > size:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    if mode == "replicate":
        ends = [x.narrow(-1, at, 1).expand(*x.shape[:-1], n) for at in (0, size - 1)]
    elif mode == "circular":
        ends = [x.narrow(-1, size - n, n), x.narrow(-1, 0, n)]
    else:
        ends = [x.narrow(-1, at, n).flip(-1) for at in (1, size - 1 - n)]
    return x._cat([ends[0], x, ends[1]], -1)


def istft(
    input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None, length=None,
    return_complex=False,
):  # fmt: skip
    """The signal whose ``stft`` this is: the windows put together again, divided by Σ window².   (*, F, T) → (*, L)

    Raises RuntimeError for sizes and dtypes that don't fit, and where the windows leave gaps.   torch: istft

    >>> x, w = torch.arange(8.0), torch.hann_window(4)
    >>> torch.istft(torch.stft(x, 4, window=w, return_complex=True), 4, window=w)
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    if window is None:
        text = ".Please provide the same window used by stft to make the inversion lossless."
        warnings.warn(NO_WINDOW.format(text), stacklevel=2)
    hop = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    told = {
        "n_fft": n_fft, "hop_length": hop, "win_length": win_length, "window": window, "center": center,
        "normalized": normalized, "onesided": onesided, "length": length, "return_complex": return_complex,
    }  # fmt: skip
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    text = called("istft", input, told)
    onesided = input.shape[one_dim(-3, input.ndim + 1)] != n_fft if onesided is None else onesided
    check_istft(input, told, onesided, text)

    spectrum = (input if input.ndim == 3 else input.unsqueeze(0)).transpose(1, 2)
    power = 0.5 if normalized else 1
    if return_complex:
        frames = spectrum._apply(rows.fft, (spectrum,), ((2,), True, power))
    else:
        spectrum = spectrum if onesided else spectrum.narrow(2, 0, n_fft // 2 + 1)
        frames = spectrum._apply(rows.irfft, (spectrum,), ((2,), n_fft, power))
    window = middle(window, win_length, n_fft, spectrum.real)
    signal = overlapped(frames * window, window, n_fft // 2 if center else 0, hop, length, text)
    return signal if input.ndim == 3 else signal.squeeze(0)


def check_istft(x, told, onesided, text):
    """Raise RuntimeError unless the sizes and dtypes fit."""
    n_fft, hop, length, window = told["n_fft"], told["hop_length"], told["win_length"], told["window"]
    if not x.numel():
        raise RuntimeError(f"{text} : input tensor cannot be empty.")
    if x.ndim not in (2, 3):
        raise RuntimeError(f"{text} : expected a tensor with 3 or 4 dimensions, but got {x.ndim + 1}")
    expected, found = n_fft // 2 + 1 if onesided else n_fft, x.shape[-2]
    if found != expected:
        which = "n_fft / 2 + 1" if onesided else "n_fft"
        raise RuntimeError(
            f"{text} : expected the frequency dimension (3rd to the last) of the input tensor to match {which} when "
            f"onesided={onesided}, but got {found}"
        )
    if not 0 < hop <= length:
        raise RuntimeError(f"{text} : expected 0 < hop_length <= win_length")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{text} : expected 0 < win_length <= n_fft")
    if window is not None and tuple(window.shape) != (length,):
        raise RuntimeError(
            f"{text} : Invalid window shape. window has to be 1D and length of `win_length`"
        )
    if told["return_complex"] and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not told["return_complex"] and window is not None and window.is_complex():
        raise RuntimeError("Complex windows are incompatible with return_complex=False")


def overlapped(frames, window, start, hop, length, text):
    """The frames (B, T, n) added up where they lie, ``hop`` apart, by the sum of the squared windows; from ``start`` on."""
    count, n = frames.shape[1:]
    total = n + hop * (count - 1)
    signal = frames.fold_windows((frames.shape[0], total), 1, n, hop)
    weights = (window * window).expand(1, count, n).fold_windows((1, total), 1, n, hop)
    end = total if length is None and not start else total - start if length is None else min(start + length, total)
    signal, weights = signal.narrow(1, start, end - start), weights.narrow(1, start, end - start)
    if bool((weights.abs().detach() < 1e-11).any()):
        raise RuntimeError(f"{text} window overlap add min: 1\nthe windows leave a gap: take a smaller hop_length")
    signal = signal / weights
    if length is not None and length > end - start:
        warnings.warn(
            "The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. Please "
            "check your center and hop_length settings.",
            stacklevel=3,
        )
        signal = signal.pad_widths([(0, 0), (0, length - (end - start))])
    return signal
