"""Products whose shapes come with the call: any shape, layout and machine, against NumPy in float64."""

import ctypes

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import RUNNABLE, guarded

from minitorch.native.link import assembly, host, load, object_of
from minitorch.native.product import DEPTH, WORDS, Writer, words_of
from minitorch.native.target import Target
from minitorch.native.threads import Block

TYPES = {"float": np.float32, "double": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
LINKED: dict = {}


def linked(kind, across, target):
    """(the kernel, its scratch, what bounds the cut)"""
    key = kind, across, target
    if key not in LINKED:
        writer = Writer(kind, across, target)
        code = writer.kernel()
        tiles = Writer(kind, across, target).tiles()
        library = load([object_of(text, target, "vectors") for text in (code.text, tiles)])
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(library.address("kernel"))
        LINKED[key] = library, function, Block(code.scratch), writer.most
    return LINKED[key][1:]


def computed(kind, across, target, shape, a, b, bias=None, one_by_one=False):
    """By the kernel; a and b are as they lie in memory: rows, or columns where not ``across``."""
    function, scratch, most = linked(kind, across, target)
    outer, inner, m, n, _ = shape
    strides = [(x.shape[-1], *[s // x.itemsize for s in x.strides[:2]]) for x in (a, b)]
    out = np.full((outer * inner * m * n + 64), np.nan, TYPES[kind])
    a, b = guarded(a), guarded(b)
    vector = out if bias is None else guarded(bias)
    words = (*words_of(shape, strides, most), bias is not None)
    table = np.array([0] * 4 + [x.ctypes.data for x in (a, b, vector, out)] + list(words), np.int64)
    assert len(words) == len(WORDS)
    chunks = reversed(range(words[0])) if one_by_one else [None]
    for chunk in chunks:
        ctypes.memset(scratch.address, 0xFF, scratch.size)
        function(table.ctypes.data, scratch.address, *((0, words[0]) if chunk is None else (chunk, chunk + 1)))
    assert np.isnan(out[-64:]).all()
    return out[:-64].reshape(outer, inner, m, n)


def check(kind, across, target, shape, biased, seed=0):
    outer, inner, m, n, k = shape
    numbers = np.random.default_rng(seed)
    a, b = (
        numbers.standard_normal((outer, inner, *(sizes if flat else sizes[::-1]))).astype(TYPES[kind])
        for sizes, flat in zip(((m, k), (k, n)), across)
    )
    bias = numbers.standard_normal(n).astype(np.float32 if a.itemsize == 2 else TYPES[kind]) if biased else None
    x, y = (z.astype(np.float64) if flat else z.astype(np.float64).swapaxes(2, 3) for z, flat in zip((a, b), across))
    expected = x @ y + (bias if biased else 0)
    found = computed(kind, across, target, shape, a, b, bias)
    tolerance = (1e-14 if kind == "double" else 2e-6) * max(1, k) ** 0.5 * 4
    rounded = {"bfloat16": 2.0**-8, "float16": 2.0**-11}.get(kind, 0)
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=tolerance + rounded, atol=tolerance)
    np.testing.assert_array_equal(computed(kind, across, target, shape, a, b, bias, one_by_one=True), found)


SIZES = st.one_of(st.integers(1, 20), st.sampled_from([31, 32, 33, 47, 48, 49, 64, 65, 129, 260]))
LENGTHS = st.one_of(st.integers(1, 40), st.sampled_from([DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 7]))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    m=SIZES, n=SIZES, k=LENGTHS, batch=st.sampled_from([(1, 1), (1, 1), (2, 3)]), kind=st.sampled_from([*TYPES]),
    across=st.tuples(st.booleans(), st.booleans()), biased=st.booleans(),
)  # fmt: skip
def test_any_shape(m, n, k, batch, across, kind, biased):
    check(kind, across, host(), (*batch, m, n, k), biased)


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: str(target.width))
@pytest.mark.parametrize("across", [(True, False), (False, True)])
@pytest.mark.parametrize("kind", ["float", "float16", "bfloat16"])
def test_every_machine(target, across, kind):
    for shape in ((1, 1, 70, 77, 300), (1, 2, 33, 10, 5)):
        check(kind, across, target, shape, True)


def test_nan_and_infinity_stay_where_they_belong():
    a, b = np.ones((1, 1, 40, 50), np.float32), np.ones((1, 1, 50, 70), np.float32)
    a[0, 0, 3, 7], a[0, 0, 5, 9], b[0, 0, 2, 69] = np.nan, np.inf, -np.inf
    found = computed("float", (True, True), host(), (1, 1, 40, 70, 50), a, b)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize("target", [Target.avx512(), Target.avx2(), Target.generic()], ids=lambda target: str(target.width))
def test_the_sums_stay_in_registers(target):
    writer = Writer("float", (True, True), target)
    lines = assembly(writer.tiles(), target, "vectors")
    tile = lines.split(f"tile.{writer.rows[0]}.2:")[1].split(".Lfunc_end")[0]
    loop = tile[: tile.rindex("mulps" if target.width == 16 else "fmadd")]
    assert loop.count("mulps") + loop.count("fmadd") >= 2 * writer.rows[0] - 1
    assert not [line for line in loop.splitlines() if "(%rsp)" in line and "mm" in line.split("(%rsp)")[0]]


def test_arm_gets_vectors_and_fused_multiply_add():
    writer = Writer("float", (True, False), Target.aarch64())
    lines = assembly(writer.tiles(), Target.aarch64(), "vectors")
    assert lines.count("fmla\tv") >= 3 * sum(writer.rows) and "bl\tfma" not in lines
