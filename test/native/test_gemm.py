"""Products of any shape and strides, on every machine that this one can be, against NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import RUNNABLE, Kernel, guarded, preamble, spread, view

from minitorch.native.gemm import Ending, Gemm, gemm_text, tiling
from minitorch.native.link import assembly, host
from minitorch.native.target import Target

TYPES = {"float": np.float32, "double": np.float64, "i32": np.int32, "i64": np.int64}
MARGIN = 64


def arrays_of(gemm, seed=0):
    """Flat buffers for A, B and C with a margin of NaN on both sides: what is read or written there shows."""
    generator, buffers = np.random.default_rng(seed), []
    for shape, strides in zip(shapes_of(gemm), (gemm.a, gemm.b, gemm.c)):
        buffer = np.full(spread(shape, strides) + 2 * MARGIN, np.nan, TYPES[gemm.kind])
        buffer[MARGIN:-MARGIN] = generator.standard_normal(buffer.size - 2 * MARGIN)
        buffers.append(buffer)
    return buffers


def shapes_of(gemm):
    return (gemm.batch, gemm.m, gemm.k), (gemm.batch, gemm.k, gemm.n), (gemm.batch, gemm.m, gemm.n)


def expected_of(gemm, a, b, c):
    """What the buffer of C holds afterwards."""
    left, right = (
        view(buffer[MARGIN:], shape, strides).astype(np.float64)
        for buffer, shape, strides in zip((a, b), shapes_of(gemm), (gemm.a, gemm.b))
    )
    result = c.copy()
    out = view(result[MARGIN:], shapes_of(gemm)[2], gemm.c)
    out[...] = left @ right + (out if gemm.accumulate else 0)
    return result


def check(gemm, target=None):
    code = gemm_text("gemm", gemm, target or host(), preamble("A", "B", "C", "BIAS"))
    a, b, c = arrays_of(gemm)
    expected, bias = expected_of(gemm, a, b, c), np.zeros(1, a.dtype)
    out = view(expected[MARGIN:], shapes_of(gemm)[2], gemm.c)
    if gemm.ending.bias is not None:
        bias = np.random.default_rng(1).standard_normal(spread(shapes_of(gemm)[2], gemm.ending.bias)).astype(a.dtype)
        out += view(bias, shapes_of(gemm)[2], gemm.ending.bias)
    if gemm.ending.relu:
        out[...] = np.maximum(out, 0)
    Kernel("gemm", code, target)(guarded(a[MARGIN:-MARGIN]), guarded(b[MARGIN:-MARGIN]), c[MARGIN:], guarded(bias))
    tolerance = (2e-6 if gemm.kind == "float" else 1e-14) * max(1, gemm.k) ** 0.5 * 4
    np.testing.assert_allclose(c, expected, rtol=tolerance, atol=tolerance)
    return code


SIZES = st.one_of(st.integers(1, 20), st.sampled_from([31, 32, 33, 63, 64, 65, 100, 129]))
LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from([64, 100, 255, 256, 257, 300, 700]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    m=SIZES, n=SIZES, k=LENGTHS, batch=st.sampled_from([1, 1, 3]), transpose_a=st.booleans(), transpose_b=st.booleans(),
    kind=st.sampled_from(["float", "double"]), accumulate=st.booleans(), machine=st.sampled_from([None, *RUNNABLE]),
)  # fmt: skip
def test_any_shape(m, n, k, batch, transpose_a, transpose_b, kind, accumulate, machine):
    check(Gemm.of(m, n, k, transpose_a, transpose_b, batch, kind=kind, accumulate=accumulate), machine)


ROW, COLUMN = (0, 50, 1), (0, 1, 50)
STRIDED = {
    "rows apart": Gemm(20, 30, 40, ROW, ROW, ROW),
    "C's columns contiguous": Gemm(20, 30, 40, ROW, ROW, COLUMN),
    "all by columns": Gemm(20, 30, 40, COLUMN, COLUMN, COLUMN, accumulate=True),
    "nothing contiguous": Gemm(20, 19, 40, (0, 200, 3), (0, 100, 2), (0, 120, 4)),
    "nothing contiguous, long": Gemm(9, 19, 400, (0, 1200, 3), (0, 100, 2), (0, 120, 4)),
    "A the same for all": Gemm(20, 30, 40, ROW, (1500, 30, 1), (600, 30, 1), batch=4),
    "B the same for all": Gemm(20, 30, 40, (800, 40, 1), (0, 1, 40), (600, 30, 1), batch=4),
    "heads side by side": Gemm(9, 9, 8, (8, 32, 1), (8, 1, 32), (81, 9, 1), batch=4),
    "one row": Gemm.of(1, 100, 50, transpose_b=True),
    "one column": Gemm.of(100, 1, 50),
    "one column, A transposed": Gemm.of(100, 1, 50, transpose_a=True),
    "three columns into a wider C": Gemm(100, 3, 50, (0, 50, 1), (0, 3, 1), (0, 7, 1)),
    "columns of A 4096 bytes apart": Gemm.of(1024, 40, 20, transpose_a=True),
    "outer product": Gemm.of(40, 50, 1),
    "nothing": Gemm.of(3, 4, 0),
    "nothing, added": Gemm.of(3, 4, 0, accumulate=True),
    "many blocks along k": Gemm.of(8, 16, 3841, transpose_b=True),
}


@pytest.mark.parametrize("name", STRIDED)
def test_any_strides(name):
    check(STRIDED[name])
    check(replace(STRIDED[name], kind="double"))


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: str(target.width))
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False)])
def test_every_machine(target, transposed):
    check(Gemm.of(70, 77, 300, *transposed), target)


ENDINGS = {
    "bias": Ending((0, 0, 1)), "bias and relu": Ending((0, 0, 1), True), "relu": Ending(relu=True), "of each row": Ending((0, 1, 0)),
    "of each matrix": Ending((200, 0, 1), True), "every second": Ending((0, 0, 2)),
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: str(target.width))
def test_what_follows_the_sums(ending, target):
    """One block along k and several; C by rows and by columns; tiles along k; an edge on every side."""
    shapes = [(70, 77, 30), (40, 50, 1100), (3, 90, 400), (90, 3, 700), (1, 65, 0)]
    for gemm in [*[Gemm.of(m, n, k, batch=2) for m, n, k in shapes], Gemm.of(5, 90, 600, transpose_b=True), Gemm(20, 30, 640, (0, 640, 1), ROW, COLUMN)]:
        check(replace(gemm, ending=ENDINGS[ending]), target)


def test_arm_gets_vectors_and_fused_multiply_add():
    text = gemm_text("gemm", Gemm.of(64, 64, 64, transpose_b=True), Target.aarch64(), preamble("A", "B", "C")).text
    lines = assembly(text, Target.aarch64(), "vectors")
    assert lines.count("fmla\tv") >= 27 and "bl\tfma" not in lines


@pytest.mark.parametrize("target", [Target.avx512(), Target.avx2(), Target.generic()], ids=lambda target: str(target.width))
def test_the_sums_stay_in_registers(target):
    gemm = Gemm.of(240, 240, 240)
    cut = tiling(gemm, target)
    lines = assembly(gemm_text("gemm", gemm, target, preamble("A", "B", "C")).text, target, "vectors")
    tile = lines.split(f"gemm.{cut.rows}x{cut.columns}:")[1].split(".Lfunc_end")[0]
    assert tile.count("mulps") + tile.count("fmadd") >= cut.rows * cut.columns // cut.lanes
    assert "(%rsp)" not in tile


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: str(target.width))
@pytest.mark.parametrize("kind", ["i32", "i64"])
def test_integers(kind, target):
    for m, n, k, *way in ((20, 70, 300), (33, 9, 40, False, True), (3, 50, 2100, False, True), (1, 600, 40), (40, 1, 30, True)):
        gemm = Gemm.of(m, n, k, *way, kind=kind, ending=Ending((0, 0, 1), True))
        a, b, bias = (np.random.default_rng(m).integers(-9, 9, size).astype(TYPES[kind]) for size in (m * k, k * n, n))
        out = np.empty((m, n), TYPES[kind])
        Kernel("gemm", gemm_text("gemm", gemm, target, preamble("A", "B", "C", "BIAS")), target)(a, b, out, bias)
        x, y = (view(x, shape, strides[1:]) for x, shape, strides in ((a, (m, k), gemm.a), (b, (k, n), gemm.b)))
        np.testing.assert_array_equal(out, np.maximum(x @ y + bias, 0))


def test_a_batch_of_several_extents():
    """Heads that lie side by side in the rows of a sequence: 2 sequences of 3 heads."""
    gemm = Gemm(10, 10, 8, ((240, 8), 24, 1), ((240, 8), 1, 24), ((300, 100), 10, 1), batch=(2, 3))
    q, k = np.random.default_rng(0).standard_normal((2, 2, 10, 3, 8)).astype("float32")
    out = np.full((2, 3, 10, 10), np.nan, "float32")
    Kernel("gemm", gemm_text("gemm", gemm, host(), preamble("A", "B", "C")))(guarded(q), guarded(k), out)
    np.testing.assert_allclose(out, np.einsum("bqhd,bkhd->bhqk", q, k), rtol=1e-5, atol=1e-5)


def test_any_split_of_the_chunks_gives_the_same():
    gemm = Gemm.of(300, 96, 640, transpose_b=True)
    buffers = arrays_of(gemm)
    kernel = Kernel("gemm", gemm_text("gemm", gemm, host(), preamble("A", "B", "C")))
    assert kernel.code.chunks > 2
    results = []
    for ranges in [[(0, kernel.code.chunks)], [(i, i + 1) for i in reversed(range(kernel.code.chunks))]]:
        a, b, c = (buffer.copy() for buffer in buffers)
        kernel(a[MARGIN:], b[MARGIN:], c[MARGIN:], ranges=ranges)
        results.append(c)
    np.testing.assert_array_equal(*results)


def test_nan_and_infinity_go_where_they_should():
    gemm = Gemm.of(20, 40, 30, transpose_b=True)
    a, b, c = arrays_of(gemm)
    view(a[MARGIN:], (20, 30), gemm.a[1:])[3, 7] = np.inf
    view(b[MARGIN:], (30, 40), gemm.b[1:])[7, 5] = 0
    view(b[MARGIN:], (30, 40), gemm.b[1:])[2, 39] = np.nan
    Kernel("gemm", gemm_text("gemm", gemm, host(), preamble("A", "B", "C")))(a[MARGIN:], b[MARGIN:], c[MARGIN:])
    out = view(c[MARGIN:], (20, 40), gemm.c[1:])
    assert np.isnan(out[:, 39]).all() and np.isnan(out[3, 5])
    assert np.isinf(out[3, [0, 4, 6, 38]]).all()
    assert np.isfinite(np.delete(out[:, :39], 3, axis=0)).all()


@pytest.mark.parametrize("m, transposed, rows", [(1024, True, 14), (1024, False, 8), (1040, True, 13), (512, True, 8)])
def test_columns_of_a_that_crowd_a_cache_are_read_by_tall_tiles(m, transposed, rows):
    assert tiling(Gemm.of(m, 64, 20, transpose_a=transposed), Target.avx512()).rows == rows
