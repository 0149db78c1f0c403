"""Rows spelled out in plainer ones: none of these is left over, and the numbers are the same, NaN and infinity included."""

import math

import numpy as np
import pytest

from minitorch import primitives as rows
from minitorch.backends import for_device
from minitorch.compiler.graph import Graph, Step, Value, check, run
from minitorch.compiler.simplify import simplify
from minitorch.device import CPU
from minitorch.dtypes import bool as bool_dtype
from minitorch.dtypes import float32, float64, int64
from minitorch.tables import windows

X = np.array([[1.0, 3.0, 3.0, -2.0], [np.nan, 0.0, np.nan, 7.0], [-np.inf, np.inf, 0.0, np.inf], [0.0, -0.0, 0.0, 0.0]])

EXTREMES = [(dtype, dim, keepdim) for dtype in (float32, float64, int64) for dim in (0, -1, None) for keepdim in (False, True)]
TRUTHS = [(dtype, dims, keepdim) for dtype in (float32, int64, bool_dtype) for dims in ((0,), (1,), (0, 1)) for keepdim in (False, True)]

TABLE = [
    *[(row, dtype, params) for row in (rows.argmax, rows.argmin) for dtype, *params in EXTREMES],
    *[(row, dtype, params) for row in (rows.any, rows.all) for dtype, *params in TRUTHS],
    *[(row, dtype, ()) for row in (rows.isinf, rows.isfinite) for dtype in (float32, float64)],
]


@pytest.mark.parametrize("row, dtype, params", TABLE, ids=lambda x: getattr(x, "name", str(x)))
def test_spelled_out(row, dtype, params):
    x = (X if dtype in (float32, float64) else np.nan_to_num(X, posinf=5, neginf=-5)).astype(dtype.name)
    expected = np.asarray(row.forward(for_device(CPU), x, *params))
    out = Value(expected.shape, int64 if row in (rows.argmax, rows.argmin) else bool_dtype)
    given = Value(x.shape, dtype)
    graph = Graph([given], [Step(row, (given,), tuple(params), out)], [out])
    plain = check(simplify(graph))
    assert row not in [step.row for step in plain.steps]
    (actual,) = run(plain, [x])
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype



POOLS = [((2, 3, 6, 4), (2, 2)), ((2, 3, 6, 4), (6, 4)), ((2, 3, 4, 4), (1, 2)), ((3, 6), (3,)), ((2, 4, 4, 2), (2, 1, 2))]


@pytest.mark.parametrize("shape, kernel", POOLS, ids=str)
def test_means_of_windows_side_by_side_are_sums(shape, kernel):
    """Forward and back, without a step for each place of the window."""
    lead = len(shape) - len(kernel)
    positions = tuple([n // k for n, k in zip(shape[lead:], kernel)])
    geometry = (kernel, kernel, (0,) * len(kernel), (1,) * len(kernel), positions)
    counts, small = math.prod(kernel), (*shape[:lead], *positions)
    x, g = [np.random.default_rng(k).standard_normal(n).astype("float32") for k, n in enumerate((shape, small))]
    for row, given, params, out in (
        (windows.avg_pool, x, (geometry, counts), small), (windows.avg_pool_grad, g, (tuple(shape), geometry, counts), shape),
    ):  # fmt: skip
        value, result = Value(given.shape, float32), Value(out, float32)
        graph = Graph([value], [Step(row, (value,), params, result)], [result])
        plain = check(simplify(graph))
        assert len(plain.steps) <= 5 and row not in [step.row for step in plain.steps]
        np.testing.assert_allclose(run(plain, [given])[0], run(graph, [given])[0], rtol=1e-5, atol=1e-6)
