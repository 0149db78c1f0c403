"""Every row of the table on a GPU is what it is on the CPU, its first and second derivatives too; and no number travels."""

import importlib
import sys

import numpy
import pytest
from oracle import TOLERANCE, assert_same, make, plain
from samples import INTEGERS_TOO, SAMPLES
from test_primitives import DTYPES, NOT_BOOL, NOT_NARROW, NOT_WHOLE, derived, whole

import minitorch as t
from minitorch.primitives import TABLE

ROWS = [row for row in TABLE.values() if row.name in SAMPLES and row.kind not in ("creation", "random") and row.name != "move"]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)

BY_CPU = {
    "airy_ai", "beta_slope", "chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w",
    "gamma_slope", "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l",
    "legendre_polynomial_p", "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w", "spherical_bessel_j0",
}  # fmt: skip
"""Rows that the CPU computes for the GPU."""
WAITING = {"bincount", "nonzero", "ctc_loss", "ctc_loss_grad"}
"""Rows whose result's shape depends on the numbers, or that look at lengths."""
CONSTANTS = {"avg_pool", "avg_pool_grad", "max_pool_index", "resample"}
"""Rows that send a few numbers of their own to the GPU, the first time."""


def test_both_backends_have_the_same_names(device):
    cpu, gpu = [importlib.import_module(f"minitorch.backends.{name}") for name in ("numpy", "cupy")]
    later = [name for names in cpu.LATER.values() for name in names]
    assert [name for name in (*cpu.__all__, *later) if not hasattr(gpu, name)] == []


def on(device, inputs, dtype=None, wants=0):
    """``inputs`` as tensors there, laid out in memory as they are; reals of another dtype, if given."""
    made = []
    for i, x in enumerate(inputs):
        if isinstance(x, numpy.ndarray):
            tensor = make(t, x, dtype if x.dtype.kind == "f" else None)
            count = tensor.untyped_storage().nbytes() // tensor.element_size()
            flat = tensor.as_strided((count,), (1,), 0) if x.size else tensor
            there = flat.to(device)
            tensor = there.as_strided(x.shape, tensor.stride(), tensor.storage_offset()) if x.size else there
            x = tensor.detach().requires_grad_(bool(x.dtype.kind in "fc" and wants >> i & 1))
        made.append(x)
    return made


def travelled():
    """How often numbers were sent or waited for since the last call; nothing on a real GPU, which doesn't count."""
    stand_in = sys.modules.get("stand_in")
    found = dict(stand_in.COUNTS) if stand_in else {}
    if stand_in:
        stand_in.COUNTS.clear()
    return found


def allowed(row, found):
    name = row.name
    if name in WAITING:
        found.pop("waited", None)
    if name in CONSTANTS or name in BY_CPU:
        found.pop("to the GPU", None)
    if name in BY_CPU:
        found.pop("to the CPU", None)
    return found


def left_open(row, inputs, params):
    """Whether PyTorch leaves it open, on a GPU, which of several numbers a place gets."""
    return row.name == "index_put" and not params[-1] and any([x.dtype.kind == "i" and len(set(x.ravel())) < x.size for x in inputs[2:]])


@each_row
def test_values(row, device, request):
    for inputs, params in SAMPLES[row.name]:
        if request.node.callspec.params["device"] == "gpu" and left_open(row, inputs, params):
            continue
        expected = plain(t.Tensor._apply(row, on("cpu", inputs), params))
        there = on(device, inputs)
        travelled()
        result = t.Tensor._apply(row, there, params)
        found = allowed(row, travelled())
        assert not found, f"{row.name} of {inputs}, {params}: {found}"
        assert result.is_cuda
        assert_same(expected, plain(result), where=f"{row.name} of {inputs}, {params}")


@each_row
def test_other_dtypes(row, device):
    for dtype in DTYPES:
        real = "float" in dtype
        if dtype == "bool" and row.name in NOT_BOOL or not real and (row.name in (*NOT_WHOLE, *FLOATS_ONLY) or row.kind == "indexing"):
            continue
        if dtype in ("float16", "bfloat16") and row.name in NOT_NARROW:
            continue
        for inputs, params in SAMPLES[row.name][:2] if real else INTEGERS_TOO.get(row.name, SAMPLES[row.name][:2]):
            inputs = inputs if real else whole(inputs, dtype)
            kind = dtype if real else None
            try:
                expected = plain(t.Tensor._apply(row, on("cpu", inputs, kind), params))
            except (RuntimeError, NotImplementedError, TypeError):
                continue
            with t.backends.cudnn.flags(allow_tf32=False):
                got = plain(t.Tensor._apply(row, on(device, inputs, kind), params))
            assert_same(expected, got, TOLERANCE | NARROW, f"{row.name} of {inputs}, {params}, as {dtype}")


FLOATS_ONLY = ("conv_weight_grad", "ctc_loss", "ctc_loss_grad")
@each_row
def test_complex_numbers(row, device):
    for inputs, params in SAMPLES[row.name][:4]:
        if row.name in REALS_ONLY or not any(isinstance(x, numpy.ndarray) and x.dtype.kind == "f" for x in inputs):
            continue
        inputs = [numpy.asarray(x + 1j * numpy.cos(5 * x + 1)) if isinstance(x, numpy.ndarray) and x.dtype.kind == "f" else x for x in inputs]
        try:
            expected = plain(t.Tensor._apply(row, on("cpu", inputs), params))
        except (RuntimeError, NotImplementedError, TypeError):
            continue
        assert_same(expected, plain(t.Tensor._apply(row, on(device, inputs), params)), where=f"{row.name} of {inputs}, {params}")


REALS_ONLY = ("beta_slope", "gamma_slope", "pool_scatter", "scatter_reduce")
NARROW = {"float16": (4e-3, 4e-3), "bfloat16": (3e-2, 3e-2)}


@pytest.mark.parametrize("row", [row for row in ROWS if derived(row)], ids=lambda row: row.name)
def test_derivatives(row, device):
    for inputs, params in SAMPLES[row.name][:5]:
        expected = gradients(row, on("cpu", inputs, None, derived(row)), params)
        there = on(device, inputs, None, derived(row))
        travelled()
        got = gradients(row, there, params)
        found = travelled()
        assert not (row.name not in BY_CPU and "to the CPU" in found), f"{row.name} of {inputs}, {params}: {found}"
        assert_same(plain(expected), plain(got), where=f"the gradients of {row.name} of {inputs}, {params}")


def gradients(row, inputs, params):
    """The gradients of all inputs, and those of the sum of these."""
    wanting = [x for x in inputs if hasattr(x, "requires_grad") and x.requires_grad]
    out = t.Tensor._apply(row, inputs, params)
    if not out.requires_grad:
        return []
    try:
        first = t.autograd.grad(out, wanting, t.ones_like(out), create_graph=True, allow_unused=True)
        again = [g for g in first if g is not None and g.requires_grad]
        second = t.autograd.grad(again, wanting, [t.ones_like(g) for g in again], allow_unused=True) if again else []
    except (RuntimeError, NotImplementedError) as error:
        return str(error).partition("\n")[0]
    return [*first, *second]
