"""Diagonals are read and written by strides: no kernel makes them."""

import numpy
import pytest
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build
from minitorch.compiler.graph import run

FUNCTIONS = {
    "read": lambda x: tuple([x.diagonal(k, 1, 2) * 2 for k in (-3, -2, 0, 1, 3, 5)]),
    "other dims": lambda x: x.diagonal(1, -1, 0).exp() + x.diagonal(1, 0, 1)[:4],
    "turned": lambda x: x.flip(1).mT.diagonal(1, 1, 2).sum(-1),
    "written": lambda x: (y := x * 1, y.diagonal(-1, 1, 2).add_(3), y.diagonal(2, 1, 2).zero_(), y + 1)[-1],
    "laid down": lambda x: torch.diag_embed(x[0], 1) + torch.eye(7, 9)[:, :1],
    "back": lambda x: torch.autograd.grad((x.diagonal(1, 1, 2) ** 3).sum() + x[0].trace(), x)[0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_diagonal(name):
    x = torch.tensor(numpy.random.default_rng(0).standard_normal((4, 4, 6)).astype("float32"), requires_grad=name == "back")
    recorded = Recorded(lambda: (FUNCTIONS[name], (x,)))
    program, fresh = build(recorded.graph, recorded.strides, recorded.places), recorded.fresh()
    assert not program.foreign
    expected = run(recorded.graph, recorded.arrays)
    program.call(recorded.arrays, fresh)
    for wanted, found in zip(expected, recorded.results(recorded.arrays, fresh), strict=True):
        numpy.testing.assert_allclose(found, wanted, rtol=1e-6)
