"""Formulas over the rows of a matrix against NumPy in float64: any size, sums of sums, totals, NaN."""

import numpy as np
import pytest

from minitorch.native.rowformula import chunk_rows, row_formula

X, W, C = "matrix", "row", "column"
FORMULAS = {
    "share of the sum": ((X,), (("sum", ("a0",)), ("div", ("a0", "t0"))), "t1", lambda x: x / x.sum(1, keepdims=True)),
    "nothing to sum": ((X, W, C), (("mul", ("a0", "a1")), ("add", ("t0", "a2"))), "t1", lambda x, w, c: x * w + c),
    "softmax": (
        (X,), (("amax", ("a0",)), ("sub", ("a0", "t0")), ("exp", ("t1",)), ("sum", ("t2",)), ("div", ("t2", "t3"))), "t4",
        lambda x: np.exp(x - x.max(1, keepdims=True)) / np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True),
    ),
    "three rounds": (
        (X,),
        (
            ("mean", ("a0",)), ("sub", ("a0", "t0")), ("square", ("t1",)), ("mean", ("t2",)), ("add", ("t3", 0.5)), ("rsqrt", ("t4",)),
            ("mul", ("t1", "t5")), ("amax", ("t6",)), ("sub", ("t6", "t7")),
        ),
        "t8",
        lambda x: (lambda z: z - z.max(1, keepdims=True))((x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 0.5)),
    ),
    "a number for each row": ((X, C), (("mul", ("a1", 2.0)), ("sum", ("a0",)), ("add", ("t0", "t1"))), "t2", lambda x, c: 0 * x + 2 * c + x.sum(1, keepdims=True)),
    "an input": ((X, X), (), "a1", lambda x, y: y),
}  # fmt: skip
SIZES = [(1, 1), (3, 2), (7, 33), (200, 64), (5, 9000), (1000, 100)]


def arrays_of(kinds, m, n, dtype):
    numbers = np.random.default_rng(0)
    return [numbers.standard_normal({X: (m, n), W: (n,), C: (m, 1)}[kind]).astype(dtype) for kind in kinds]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_agree_with_numpy(name, size, dtype):
    kinds, steps, result, reference = FORMULAS[name]
    kind = "float" if dtype == "float32" else "double"
    if kind == "double" and "exp" in [row for row, _ in steps]:
        assert row_formula(kind, (*kinds, X), steps, ((len(kinds), result),)) is None
        return
    arrays = arrays_of(kinds, *size, dtype)
    if name == "share of the sum":
        arrays[0] = abs(arrays[0])
    wanted = reference(*[x.astype("float64") for x in arrays])
    out = np.full(size, np.nan, dtype)
    row_formula(kind, (*kinds, X), steps, ((len(kinds), result),))(*arrays, out, rows=size[0], columns=size[1])
    tolerance = 3e-6 if kind == "float" else 1e-13
    np.testing.assert_allclose(out, wanted, 10 * tolerance, tolerance * max(1, abs(wanted).max()))


@pytest.mark.parametrize("size", [(1, 3, 7), (4, 3, 33), (5, 40, 1), (2, 300, 64)], ids=str)
def test_rows_in_several_parts(size):
    parts, rows, columns = size
    x, (c,) = np.random.default_rng(0).standard_normal(size).astype("float32"), arrays_of((C,), rows, 0, "float32")
    steps = ("sum", ("a0",)), ("mul", ("t0", "inverse")), ("sub", ("a0", "t1")), ("mul", ("t2", "a1")), ("amax", ("t3",))
    out, column = np.full(size, np.nan, "float32"), np.full(rows, np.nan, "float32")
    row_formula("float", (X, C, X, C), steps, ((2, "t3"), (3, "t4")))(x, c, out, column, rows=rows, columns=columns, parts=parts)
    wanted = (x - x.mean((0, 2), keepdims=True)) * c
    np.testing.assert_allclose(out, wanted, 1e-4, 1e-5)
    np.testing.assert_allclose(column, wanted.max((0, 2)), 1e-4, 1e-5)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_totals_are_added_up_chunk_by_chunk(size, shared):
    m, n = size
    x, y = arrays_of((X, X), m, n, "float32")
    tall = chunk_rows(n)
    out = np.full((-(-m // tall), n), np.nan, "float32")
    row_formula("float", (X, X, "total"), (("mul", ("a0", "a1")),), ((2, "t0"),))(x, y, out, rows=m, columns=n, shared=shared)
    wanted = [(x * y).astype("float64")[start : start + tall].sum(0) for start in range(0, m, tall)]
    np.testing.assert_allclose(out, wanted, 1e-5, 1e-5)


def test_nan_fills_its_row_and_no_other():
    kinds, steps, result, _ = FORMULAS["softmax"]
    x = np.ones((6, 40), "float32")
    x[1, 39], x[2, 0], x[3], x[4, 5] = np.nan, np.inf, -np.inf, -np.inf
    out = np.empty_like(x)
    row_formula("float", (*kinds, X), steps, ((1, result),))(x, out, rows=6, columns=40)
    assert np.isnan(out[1:4]).all() and not np.isnan(out[[0, 4, 5]]).any() and out[4, 5] == 0


def test_what_has_no_spelling():
    assert row_formula("float", (X, X), (("cumsum", ("a0",)),), ((1, "t0"),)) is None
