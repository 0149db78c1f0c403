"""Values sent to places: reduced, or written over a part."""

import warnings

import numpy
import pytest
import torch
from oracle import Raised, agree, expression
from samples import reals

X, Y, SQUARE = reals((2, 3)), reals((3,), 0.5, 2.0), reals((3, 3))
TABLE = numpy.arange(12.0).reshape(3, 4) / 3 - 1.5

with warnings.catch_warnings(action="ignore"):  # it warns once
    torch.index_reduce(torch.ones(1), 0, torch.tensor([0]), torch.ones(1), "prod")


EXPRESSIONS = [
    "t.select_scatter(x, y, 0, 1), t.select_scatter(x, x[:, 0], 1, -1), t.slice_scatter(x, y[None], 0, 1), t.slice_scatter(x, x[:, :2], 1, 0, 3, 2), t.diagonal_scatter(s, y)",
    "t.diagonal_scatter(s, y[:2], 1), (z := s * 1, z.fill_diagonal_(7.0), z)[-1], [t.scatter_reduce(x, 1, t.tensor([[0, 0, 2], [1, 1, 1]]), x * 2, k) for k in ('sum', 'prod', 'mean', 'amax', 'amin')]",
    "[x.scatter_reduce(0, t.tensor([[0, 1, 0]]), y[None], k, include_self=False) for k in ('sum', 'prod', 'mean', 'amax', 'amin')], t.put(a, t.tensor([[1, -1]]), a[:1, :2])",
    "a.put(t.tensor([0, 0]), a[0, :2], accumulate=True), (z := a * 1, z.put_(t.tensor([2, 3]), a[1, :2]), z)[-1], (z := (a * 1).t(), z.put_(t.tensor([2]), a[0, :1]), z)[-1]",
    # detached, for PyTorch has no gradient of a source that is larger than the index
    "(lambda a: [f(a[0], 0, a[0].argmax(), v) for f in (t.scatter, t.scatter_add) for v in (a[1], a[1, :1], a[1, 0])])(a.detach()), a[0].scatter(0, a[0].argmax(), 7.0)",
    "(lambda a: [t.scatter_reduce(a[0], -1, i, v, k) for k in ('sum', 'prod', 'mean', 'amax') for i in (t.tensor(2), t.tensor([2])) for v in (a[1, 3], a[2])])(a.detach())",
    "t.index_reduce(a, 0, t.tensor([0, 0]), a[1:] * 2, 'mean'), t.index_reduce(a, 1, t.tensor([3]), a[:, :1], 'mean', include_self=False)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, s=SQUARE, a=TABLE))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "t.put(a, t.tensor([0.5]), a[0, :1])", "t.put(a, t.tensor([0, 1]), a[0, :1])", "t.put(a, t.tensor([12]), a[0, :1])", "t.index_reduce(a, 0, t.tensor([0]), a[:1], 'sum')", "x.fill_diagonal_(1)", "y.detach().fill_diagonal_(1)", "t.select_scatter(x, y[:2], 0, 1)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, s=SQUARE, a=TABLE)), Raised)
