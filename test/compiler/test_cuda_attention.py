"""Attention on a GPU, run on the CPU (cuda_shim.h): which one becomes a single step, and that its numbers are those of the formula."""

import numpy
import ptx
import pytest
from cuda_shim import COMPILER, Shim
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build_on
from minitorch.compiler.graph import run
from minitorch.nn import functional as F

if COMPILER is None:
    pytest.skip("g++ compiles the kernels for the CPU, and isn't installed", allow_module_level=True)


def plain(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def grouped(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


def scaled_after(q, k, v):
    return (q @ k.mT / 3).softmax(-1) @ v


def layer(x):
    """q, k and v are parts of one product, and the heads come together again."""
    q, k, v = [part.view(*part.shape[:2], 2, -1).transpose(1, 2) for part in x.split(x.shape[-1] // 3, 2)]
    return causal(q, k, v).transpose(1, 2).reshape(*x.shape[:2], -1)


def hidden(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril(3))


def watched(q, k, v):
    weights = (q @ k.mT).softmax(-1)
    return weights @ v + weights.amax(-1, keepdim=True)


SQUARE = [(2, 3, 20, 8)] * 3
ONE = {  # name: function, shapes, dtype
    "a layer": (layer, [(2, 70, 96)], "bfloat16"),
    "odd sizes": (scaled_after, [(2, 2, 20, 19), (2, 2, 37, 19), (2, 2, 37, 5)], "float16"),
    "more queries, grouped heads": (grouped, [(2, 90, 24), (1, 17, 24), (1, 17, 24)], "float16"),
    "more keys": (causal, [(17, 16), (130, 16), (130, 40)], "bfloat16"),
    "wide": (plain, [(40, 128), (70, 128), (70, 100)], "bfloat16"),
}
NONE = {
    "float64": (causal, SQUARE, "float64"), "few queries": (causal, [(2, 3, 8, 8)] * 3, "bfloat16"),
    "too wide": (plain, [(20, 136)] * 3, "bfloat16"), "another mask": (hidden, SQUARE, "bfloat16"),
    "weights that others read": (watched, SQUARE, "bfloat16"),
}  # fmt: skip
STEP = 2.0**-8
"""Of bfloat16: how far a number may be from the one that it is rounded to."""


def recorded(function, shapes, dtype):
    """A recording of attention with its gradients."""

    def make():
        inputs = [torch.randn(*shape).bfloat16().to(getattr(torch, dtype)).requires_grad_() for shape in shapes]

        def step(*inputs):
            out = function(*inputs)
            gradients = torch.autograd.grad((out.float() ** 2).sum(), inputs)
            return out.detach(), *gradients

        return step, inputs

    return Recorded(make)


def program_of(recording):
    return build_on(Shim(), recording.graph, recording.strides, recording.places)


@pytest.mark.parametrize("name", ONE)
def test_attention_is_one_step_and_the_numbers_are_those_of_float64(name):
    function, shapes, dtype = ONE[name]
    recording, exact = recorded(function, shapes, dtype), recorded(function, shapes, "float64")
    program, fresh = program_of(recording), recording.fresh()
    kernels = program.source.split('extern "C"')[1:]
    assert [sum([f"{word}<" in text for text in kernels]) for word in ("attend", "attend_back", "attend_across")] == [1, 1, 1]
    program.call(list(recording.arrays), fresh)
    for expected, got in zip(run(exact.graph, exact.arrays), fresh, strict=True):
        assert numpy.abs(got.astype("float64") - expected).max() <= 3 * STEP * numpy.abs(expected).max()


def test_without_gradients_no_totals_are_kept():
    recording = Recorded(lambda: (causal, [torch.randn(2, 3, 20, 8).bfloat16() for _ in range(3)]))
    program, fresh = program_of(recording), recording.fresh()
    program.call(list(recording.arrays), fresh)
    (expected,) = run(recording.graph, recording.arrays)
    assert [len(kernel.buffers) for kernel in program.kernels] == [4]
    numpy.testing.assert_allclose(fresh[0].astype("float64"), expected.astype("float64"), atol=4 * STEP)


@pytest.mark.parametrize("name", NONE)
def test_what_there_is_no_kernel_for_stays_as_it_is(name):
    assert "attend" not in program_of(recorded(*NONE[name])).source


def test_what_is_not_a_number_fills_its_row():
    recording = recorded(causal, [(40, 16)] * 3, "bfloat16")
    program, fresh, arrays = program_of(recording), recording.fresh(), [x.copy() for x in recording.arrays]
    arrays[0][33, 3] = numpy.nan
    program.call(arrays, fresh)
    strange = numpy.isnan(fresh[0].astype("float32")).all(1)
    assert strange.tolist() == [row == 33 for row in range(40)] and not numpy.isnan(fresh[0][:33].astype("float32")).any()


@pytest.mark.skipif(not ptx.AVAILABLE, reason="neither NVRTC (nvidia-cuda-nvrtc-cu12) nor nvcc is installed")
@pytest.mark.parametrize(("name", "architecture"), [("odd sizes", "compute_80"), ("a layer", "compute_90")])
def test_attention_compiles_for_gpus(name, architecture):
    ptx.ptx(program_of(recorded(*ONE[name])).source, architecture)
