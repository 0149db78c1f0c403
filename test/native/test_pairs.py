"""Products of 16-bit numbers: any shape and strides, on every machine that this one can be, against NumPy in float64."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import RUNNABLE, Kernel, guarded, preamble, spread, view

from minitorch.native.gemm import Ending, Gemm, gemm_text
from minitorch.native.link import assembly, host
from minitorch.native.target import Target

TYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16), "float16": np.dtype(np.float16)}


def computed(gemm, a, b, target=None, bias=None):
    """C, of flat buffers for A and B that end where memory ends."""
    c = np.full(spread((gemm.batch, gemm.m, gemm.n), gemm.c), np.nan, TYPES[gemm.narrow] if gemm.ending.rounds else np.float32)
    kernel = Kernel("gemm", gemm_text("gemm", gemm, target or host(), preamble("A", "B", "C", "BIAS")), target)
    kernel(guarded(a.view(np.uint16)), guarded(b.view(np.uint16)), c, c if bias is None else guarded(bias))
    return view(c, (gemm.batch, gemm.m, gemm.n), gemm.c)


def operands(gemm, seed=0):
    """A and B in float64, and the buffers that they lie in; what lies between their elements is NaN."""
    drawn, found = np.random.default_rng(seed), []
    for shape, strides in (((gemm.batch, gemm.m, gemm.k), gemm.a), ((gemm.batch, gemm.k, gemm.n), gemm.b)):
        buffer = np.full(spread(shape, strides), np.nan, TYPES[gemm.narrow])
        view(buffer, shape, strides)[...] = drawn.standard_normal(shape)
        found.append((view(buffer, shape, strides).astype(np.float64), buffer))
    return zip(*found)


def check(gemm, target=None):
    (x, y), (a, b) = operands(gemm)
    bias = np.random.default_rng(1).standard_normal(gemm.n).astype(np.float32) if gemm.ending.bias else None
    wanted = x @ y + (0 if bias is None else bias)
    wanted = np.maximum(wanted, 0) if gemm.ending.relu else wanted
    tolerance = 1e-5 * gemm.k**0.5
    rounded = {"bfloat16": 2.0**-8, "float16": 2.0**-11}[gemm.narrow] * gemm.ending.rounds
    found = computed(gemm, a, b, target, bias).astype(np.float64)
    np.testing.assert_allclose(found, wanted, rtol=tolerance + rounded, atol=tolerance)


SIZES = st.one_of(st.integers(1, 20), st.sampled_from([32, 33, 64, 65, 100, 129]))
LENGTHS = st.one_of(st.integers(1, 40), st.sampled_from([64, 65, 255, 256, 513, 1025]))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    m=SIZES, n=SIZES, k=LENGTHS, batch=st.sampled_from([1, 1, 3]), transpose_a=st.booleans(), transpose_b=st.booleans(),
    narrow=st.sampled_from(["bfloat16", "bfloat16", "float16"]), machine=st.sampled_from([None, *RUNNABLE]),
    ending=st.sampled_from([Ending(), Ending((0, 0, 1), True), Ending(rounds=True), Ending((0, 0, 1), True, True)]),
)  # fmt: skip
def test_any_shape(m, n, k, batch, transpose_a, transpose_b, narrow, machine, ending):
    check(Gemm.of(m, n, k, transpose_a, transpose_b, batch, narrow=narrow, ending=ending), machine)


ROW, COLUMN = (0, 70, 1), (0, 1, 70)
STRIDED = {
    "rows apart": Gemm(20, 30, 40, ROW, ROW, ROW), "rows an odd number apart": Gemm(20, 30, 40, (0, 71, 1), (0, 71, 1), ROW),
    "C's columns contiguous": Gemm(20, 30, 40, ROW, ROW, COLUMN), "all by columns": Gemm(20, 30, 40, COLUMN, COLUMN, COLUMN),
    "nothing contiguous": Gemm(20, 19, 41, (0, 200, 3), (0, 100, 2), (0, 120, 4)),
    "few rows along k": Gemm(3, 30, 65, ROW, COLUMN, ROW), "an odd length, rows apart": Gemm(20, 30, 65, ROW, COLUMN, ROW),
}  # fmt: skip


@pytest.mark.parametrize("name", STRIDED)
@pytest.mark.parametrize("narrow", TYPES)
def test_any_strides(name, narrow):
    check(replace(STRIDED[name], narrow=narrow))


@pytest.mark.parametrize("target", [None, *RUNNABLE], ids=lambda target: str(target and target.width))
@pytest.mark.parametrize("narrow", TYPES)
def test_what_is_strange_stays_so(narrow, target):
    """Infinity, NaN, what is small, and 0 times infinity, in panels and along k."""
    for gemm in (Gemm.of(20, 40, 35, transpose_b=True, narrow=narrow), Gemm.of(3, 40, 70, transpose_b=True, narrow=narrow)):
        (x, y), (a, b) = operands(gemm)
        left, right = view(a, x.shape, gemm.a)[0], view(b, y.shape, gemm.b)[0]
        left[1, 7], right[7, 5], right[2, 39], left[2], right[:, 3] = np.inf, 0, np.nan, 0, 0
        left[2, 0], right[0, 3] = 2.0**-14, 2.0**-10
        out = computed(gemm, a, b, target)[0]
        assert np.isnan(out[:, 39]).all() and np.isnan(out[1, 5])
        assert np.isinf(out[1, [0, 4, 6, 38]]).all() and out[2, 3] == 2.0**-24
        assert np.isfinite(np.delete(out[:, :39], 1, axis=0)).all()


def test_a_processor_that_can_adds_two_products_at_once():
    able = Target.of("x86_64-unknown-linux-gnu", "cooperlake", Target.avx512().features + ",+avx512bf16")
    gemm = Gemm.of(64, 64, 64, transpose_b=True, narrow="bfloat16")
    for target, expected in ((able, True), (Target.avx512(), False), (Target.aarch64(), False)):
        text = gemm_text("gemm", gemm, target, preamble("A", "B", "C")).text
        assert ("vdpbf16ps" in assembly(text, target, "vectors")) is expected
