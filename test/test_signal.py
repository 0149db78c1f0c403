"""Windows, PyTorch beside."""

import pytest
import torch
from oracle import Raised, agree, expression

import minitorch
from minitorch.signal import windows

CLOSE = {"float32": (2e-5, 1e-6), "float64": (1e-9, 1e-12), "float16": (8e-3, 2e-3), "bfloat16": (1.6e-2, 1e-2)}
OPTIONS = {"general_cosine": "a=[0.5, 0.3, 0.2], ", "exponential": "tau=1.5, ", "gaussian": "std=0.7, ", "kaiser": "beta=5.0, ", "general_hamming": "alpha=0.6, "}
LENGTHS = (0, 1, 2, 5, 6, 16)


@pytest.mark.parametrize("name", windows.__all__)
def test_windows(name):
    for sym in (True, False):
        for dtype in ("float32", "float64"):
            text = f"[t.signal.windows.{name}(n, {OPTIONS.get(name, '')}sym={sym}, dtype=t.{dtype}) for n in {LENGTHS}]"
            assert not isinstance(agree(expression(text), CLOSE), Raised)


@pytest.mark.parametrize("name", ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"])
def test_windows_in_torch_itself(name):
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        text = f"[t.{name}(n, periodic, dtype=t.{dtype}) for n in {LENGTHS} for periodic in (True, False)]"
        assert not isinstance(agree(expression(text), CLOSE), Raised)


OTHERS = [
    "t.hamming_window(5, True, 0.4, 0.6)", "t.kaiser_window(5, False, 5.0)", "t.hann_window(5, periodic=False, dtype=t.float64, requires_grad=True)",
    "t.signal.windows.exponential(5, center=2, sym=False)", "t.signal.windows.hann(5, requires_grad=True)",
]  # fmt: skip
ERRORS = [
    "t.signal.windows.hann(-1)", "t.signal.windows.hann(5, dtype=t.int64)", "t.signal.windows.hann(5, dtype=t.bfloat16)", "t.signal.windows.gaussian(5, std=0)",
    "t.signal.windows.exponential(5, center=2)", "t.signal.windows.exponential(5, tau=-1)", "t.signal.windows.kaiser(5, beta=-1)",
    "t.signal.windows.general_cosine(5, a=[])", "t.signal.windows.general_cosine(5, a=1)", "t.hann_window(-1)", "t.hann_window(5, dtype=t.int64)",
    "t.hann_window(5, dtype=t.complex64)", "t.hann_window(4.0)",
]  # fmt: skip


@pytest.mark.parametrize("text", [*OTHERS, *ERRORS])
def test_options_and_errors(text):
    assert isinstance(agree(expression(text), CLOSE), Raised) == (text in ERRORS)


def test_every_name_is_there():
    assert sorted(minitorch.signal.windows.__all__) == sorted(torch.signal.windows.__all__)
