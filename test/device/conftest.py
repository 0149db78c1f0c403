"""The device that the tests here run on: a stand-in without a GPU, and the GPU itself where there is one."""

import importlib.util
import sys
from pathlib import Path

import pytest

import minitorch

sys.path.append(str(Path(__file__).parent))


def has_gpu():
    return importlib.util.find_spec("cupy") is not None and minitorch.cuda.is_available()


@pytest.fixture(params=["stand-in", "gpu"])
def device(request):
    """ "cuda": of the stand-in, which then counts what goes to the CPU; or a real one."""
    if request.param == "gpu":
        if not has_gpu():
            pytest.skip("there is no GPU here")
        yield "cuda"
        return
    pytest.importorskip("scipy", reason="the stand-in has its special functions from SciPy")
    stand_in = importlib.import_module("stand_in")
    with stand_in.installed():
        if "test_kernels" not in request.node.nodeid:  # else a C++ compiler would be asked for each row and dtype
            without_kernels(importlib.import_module("minitorch.backends.cupy_elementwise"), request.getfixturevalue("monkeypatch"))
        stand_in.COUNTS.clear()
        yield "cuda"


def without_kernels(elementwise, monkeypatch):
    """Leave elementwise rows to CuPy's functions."""
    monkeypatch.setattr(elementwise, "PLANS", {})
    monkeypatch.setattr(elementwise, "planned", lambda name, arguments, own: None)
