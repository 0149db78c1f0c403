"""Fourier transforms, PyTorch beside: values, gradients to second order, sizes, norms, errors."""

import numpy
import pytest
import torch
from oracle import Raised, agree, expression
from samples import integers, reals

import minitorch

REAL, CUBE, WHOLE = reals((2, 6)), reals((2, 3, 4)), integers((2, 5), -3, 4)
SPECTRUM = numpy.asarray(CUBE + 1j * numpy.cos(5 * CUBE))

ONE_DIM = [
    "t.fft.{f}({x})", "t.fft.{f}({x}, 3)", "t.fft.{f}({x}, 9)", "t.fft.{f}({x}, 4, 0)", "t.fft.{f}({x}, dim=-2, norm='ortho')", "t.fft.{f}({x}, norm='forward')",
    "t.fft.{f}({x}, n=1)", "t.fft.{f}({x}.mT, norm='backward')", "t.fft.{f}({x}, dim=1, norm=None)",
]  # fmt: skip
MANY_DIMS = [
    "t.fft.{f}({x})", "t.fft.{f}({x}, (3, 5))", "t.fft.{f}({x}, s=(2, -1), dim=(1, 0), norm='ortho')", "t.fft.{f}({x}, dim=(0, 2), norm='forward')",
    "t.fft.{f}({x}, s=(4,), dim=(0,))",
]  # fmt: skip
OF_REALS = ("rfft", "ihfft", "rfft2", "ihfft2", "rfftn", "ihfftn")
FUNCTIONS = [f"{a}fft{b}" for b in ("", "2", "n") for a in ("", "i", "r", "ir", "h", "ih")]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_transforms(function):
    for text in ONE_DIM if function.endswith("t") else MANY_DIMS:
        for x in ("c",) if function in OF_REALS else ("c", "z"):
            expected = agree(expression(text.format(f=function, x=x), c=CUBE, z=SPECTRUM))
            assert not isinstance(expected, Raised) or "same length" in expected.line, (text, expected)


SINGLE = {name: (2e-5, 2e-5) for name in ("float32", "complex64", "float64")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_dtypes(function):
    for text in ("x.float()", "i", "i > 0", "x.half()", "x.bfloat16()"):
        agree(expression(f"t.fft.{function}({text})", x=REAL, i=WHOLE), SINGLE)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_to_second_order(function):
    x = minitorch.tensor(CUBE[:, :, :3], requires_grad=True)
    if function not in OF_REALS:
        x = minitorch.tensor(SPECTRUM[:, :, :3], requires_grad=True)
    transform = getattr(minitorch.fft, function)
    assert minitorch.autograd.gradcheck(transform, x)
    assert minitorch.autograd.gradgradcheck(transform, x)


ERRORS = [
    "t.fft.fft(t.ones(()))", "t.fft.fft(t.ones(0))", "t.fft.fft(x, 0)", "t.fft.fft(x, -1)", "t.fft.fft(x, 3, 2)", "t.fft.fft(x, norm='x')", "t.fft.rfft(z)",
    "t.fft.ihfft(z)", "t.fft.rfftn(z)", "t.fft.ihfftn(z)", "t.fft.fft2(x[0])", "t.fft.fft2(x, s=(3,))", "t.fft.fft2(x, dim=(0, 0))", "t.fft.fftn(x, dim=(0, -2))",
    "t.fft.fftn(x, s=(2, 2, 2))", "t.fft.fftn(x, s=(2, 2), dim=(0,))", "t.fft.fftn(x, s=(0, 2))", "t.fft.irfft(t.ones(1))", "t.fft.hfftn(z, dim=())",
    "t.fft.rfftn(x, dim=())", "t.fft.irfftn(z, dim=())", "t.fft.ihfftn(x, dim=())", "t.fft.fft(1)", "t.fft.rfftn(1)", "t.fft.fftfreq(-1)", "t.fft.fftfreq(2.5)",
    "t.fft.fftfreq(4, dtype=t.int64)", "t.fft.rfftfreq(4, dtype=t.int32)", "t.fft.fftshift(x, dim=())", "t.fft.ifftshift(x, dim=(3,))",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=REAL, z=SPECTRUM)), Raised)


def test_frequencies_and_shifts():
    agree(lambda t: [f(n, d) for f in (t.fft.fftfreq, t.fft.rfftfreq) for n in (1, 4, 5) for d in (1.0, 0.25)])
    agree(lambda t: [t.fft.fftfreq(0), t.fft.fftfreq(5, dtype=t.float64), t.fft.rfftfreq(4, requires_grad=True)])
    agree(expression("t.fft.fftshift(x), t.fft.ifftshift(x), t.fft.fftshift(x, 1), t.fft.ifftshift(z, (0, 2)), t.fft.fftn(x, dim=()), t.fft.fftn(t.ones(()))", x=REAL, z=SPECTRUM))  # fmt: skip


def test_out():
    out = minitorch.empty(2, 4, dtype=minitorch.complex128)
    x = minitorch.tensor(REAL)
    assert minitorch.fft.rfft(x, out=out) is out and minitorch.equal(out, minitorch.fft.rfft(x))


def test_every_name_is_there():
    assert set(torch.fft.__all__) - {"Tensor"} <= set(minitorch.fft.__all__) and all(hasattr(torch.fft, name) for name in minitorch.fft.__all__)


# --------------------------------------------------------------------------------------------------------------- stft

SIGNAL, WINDOW = reals((2, 20)), reals((6,), 0.2, 1.0)
SHORT_TIME = [
    "t.stft(y, 4, return_complex=True)", "t.stft(y[0], 8, 2, return_complex=True)", "t.stft(y, 8, 3, 6, w, return_complex=True)",
    "t.stft(y, 6, window=w, center=False, return_complex=True)", "t.stft(y, 6, window=w, normalized=True, onesided=False, return_complex=True)",
    "t.stft(y + 0j, 6, 2, window=w)", "y.stft(6, 2, window=w * 1j)", "t.stft(y, 8, win_length=6, center=False, align_to_window=True, return_complex=True)",
    "[t.stft(y, 6, pad_mode=mode, return_complex=True) for mode in ('constant', 'replicate', 'circular')]",
    "t.istft(t.stft(y, 6, 2, window=w, return_complex=True), 6, 2, window=w)", "t.istft(t.stft(y, 8, 2, 6, w, return_complex=True), 8, 2, 6, w, length=15)",
    "t.istft(t.stft(y[0], 6, normalized=True, return_complex=True), 6, normalized=True)", "t.istft(t.stft(y, 6, 3, center=False, return_complex=True), 6, 3, center=False)",
    "t.istft(t.stft(y + 0j, 6, 2), 6, 2, return_complex=True)", "t.stft(y, 6, onesided=False, return_complex=True).istft(6)", "t.stft(y, 4, return_complex=False)",
    "t.istft(t.stft(y, 6, 2, return_complex=True), 6, 2, length=40)",
]  # fmt: skip


@pytest.fixture
def warned_always():
    """PyTorch warns at each call, not once."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("warned_always")
@pytest.mark.parametrize("text", SHORT_TIME)
def test_short_time_transforms(text):
    assert not isinstance(agree(expression(text, y=SIGNAL, w=WINDOW)), Raised)


SHORT_TIME_ERRORS = [
    "y.stft(4)", "t.stft(y.long(), 4, return_complex=True)", "t.stft(y[None], 4, return_complex=True)", "t.stft(y, 40, return_complex=True)",
    "t.stft(y, 50, center=False, return_complex=True)", "t.stft(y, 4, 0, return_complex=True)", "t.stft(y, 4, win_length=5, return_complex=True)",
    "t.stft(y, 4, window=w, return_complex=True)", "t.stft(y + 0j, 4, onesided=True, return_complex=True)", "t.stft(y, 4, align_to_window=True, return_complex=True)",
    "t.stft(y, 0, return_complex=True)", "t.istft(y, 4)", "t.istft(t.ones(3, 4) + 0j, 4, window=t.zeros(4))", "t.istft(t.ones(3, 4) + 0j, 4, hop_length=5)",
    "t.istft(t.ones(3, 4) + 0j, 4, win_length=5)", "t.istft(t.ones(3, 4) + 0j, 4, window=t.ones(3))", "t.istft(t.ones(3, 0) + 0j, 4)", "t.istft(t.ones(3) + 0j, 4)",
    "t.istft(t.ones(1, 1, 3, 4) + 0j, 4)", "t.istft(t.ones(3, 4) + 0j, 4, onesided=False)", "t.istft(t.ones(3, 4) + 0j, 4, return_complex=True)",
    "t.istft(t.ones(3, 4) + 0j, 4, window=t.ones(4) + 0j)",
]  # fmt: skip


@pytest.mark.usefixtures("warned_always")
@pytest.mark.parametrize("text", SHORT_TIME_ERRORS)
def test_short_time_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, y=SIGNAL, w=WINDOW)), Raised)
