"""Rows spelled out in plainer ones: none of these is left over, and the numbers are the same, NaN and infinity included."""

import numpy as np
import pytest

from minitorch import primitives as rows
from minitorch.backends import for_device
from minitorch.compiler.graph import Graph, Step, Value, check, run
from minitorch.compiler.simplify import simplify
from minitorch.device import CPU
from minitorch.dtypes import bool as bool_dtype
from minitorch.dtypes import float32, float64, int64

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

