"""Sums of scattered values against the reference interpreter: the same numbers, scattered to one memory where that may be."""

import numpy as np
import pytest

import minitorch as torch
from minitorch import primitives as rows
from minitorch.compiler.gather_scatter import PUT
from minitorch.compiler.graph import run
from minitorch.compiler.merged_scatters import scattered
from minitorch.compiler.simplify import dead, simplify
from minitorch.compiling.tracing import traced


def scatter(y, places, value=0.0, adds=True):
    zeros = torch.full((7, 3), value)
    return zeros.index_add(0, places, y) if adds else zeros.scatter(0, places[:, None].expand(-1, 3), y)


def read_twice(x, y, z, i, j):
    one = scatter(y, i)
    return x + one, one * 2


# (x, y, z, i, j) → result; how many sums, scatters and zeros there are then. x: (7, 3), y and z: (4, 3), i and j: 4 of 7 places.
SUMS = {
    "two scatters": (lambda x, y, z, i, j: scatter(y, i) + scatter(z, j), 0, 2, 1),
    "beside something": (lambda x, y, z, i, j: x * 2 + scatter(y, i), 0, 1, 0),
    "before something": (lambda x, y, z, i, j: scatter(y, i) + x, 0, 1, 0),
    "three and something": (lambda x, y, z, i, j: scatter(y, i) + scatter(z, j) + (x + scatter(y.exp(), j)), 1, 3, 1),
    "read twice": (read_twice, 1, 1, 1),
    "twice the same": (lambda x, y, z, i, j: [s + s for s in [scatter(y, i)]][0], 1, 1, 1),
    "put, not added": (lambda x, y, z, i, j: x + scatter(y, i, adds=False), 1, 1, 1),
    "onto ones": (lambda x, y, z, i, j: x + scatter(y, i, 1.0), 1, 1, 1),
    "a row beside": (lambda x, y, z, i, j: x[0] + scatter(y, i), 1, 1, 1),
    "not added up": (lambda x, y, z, i, j: (scatter(y, i), scatter(z, j)), 0, 2, 2),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_scattered_values(name):
    function, *expected = SUMS[name]
    torch.manual_seed(0)
    given = [torch.randn(7, 3), torch.randn(4, 3), torch.randn(4, 3), torch.tensor([1, 5, 1, 0]), torch.tensor([6, 2, 1, 2])]
    plain = dead(simplify(traced(lambda *given: ([x + 0 for x in given], function(*given))[1], *given)))  # all are met in order
    graph = dead(scattered(plain))
    arrays = [x.numpy() for x in given]
    for x, y in zip(run(plain, arrays), run(graph, arrays), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-6, atol=1e-6)
    kinds = [step.row for step in graph.steps if step.out.shape == (7, 3)]
    assert [kinds.count(row) for row in (rows.add, PUT, rows.full)] == expected
    compiled = torch.compile(function)
    for _ in range(3):
        found = compiled(*given)
    torch.testing.assert_close(found, function(*given))
