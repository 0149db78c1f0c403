"""The less common functions, and PyTorch's other names."""

import numpy
import pytest
import torch
from oracle import Raised, agree, expression
from samples import integers, reals

import minitorch
from minitorch.ops import aliases, special

X, Y, SQUARE, INTEGERS, THREES = reals((2, 3)), reals((3,), 0.5, 2.0), reals((3, 3)), integers((2, 3), -5, 6), reals((4, 3))
SPOTTED = numpy.array([[1.0, numpy.nan, 3.0], [numpy.inf, 2.0, -1.0]])

EXPRESSIONS = [
    "t.frac(x), t.deg2rad(x), t.rad2deg(x), t.sinc(x), t.sinc(x * 0), t.logit(x.sigmoid()), t.logit(x, eps=0.1), t.float_power(y, 2), t.float_power(i, 2), t.ldexp(x, i.double()), t.isposinf(p), t.isneginf(p)",
    "t.logaddexp(x, y), t.logaddexp2(x, y), t.logaddexp(x * 1000, y), t.xlogy(x, y), t.xlogy(x * 0, y), t.xlogy(2, y), t.xlogy(x.detach() * 0, p), t.copysign(x, -y), t.copysign(x, -1.0), t.heaviside(x.detach(), y.detach()), t.heaviside(x.detach() * 0, y.detach())",
    "t.fmax(x, y), t.fmin(x, y), t.fmax(p.detach(), x.detach()), t.fmin(p.detach(), x.detach()), t.isin(i, t.tensor([1, 2])), t.isin(i, 3), t.isin(i, t.tensor([1]), invert=True), t.isin(2, i)",
    "t.diff(x), t.diff(x, dim=0), t.diff(x, 2), t.diff(y, prepend=x[0], append=x[1]), t.diff(i > 0), t.diff(x, 5), t.diff(i)",
    "t.quantile(x, 0.3), t.quantile(x, t.tensor([0.0, 0.5, 1.0], dtype=t.float64)), t.quantile(x, 0.7, dim=1), t.quantile(x, t.tensor([0.2, 0.9], dtype=t.float64), dim=0, keepdim=True), t.quantile(p.detach(), 0.5, dim=1), [t.quantile(x.detach(), 0.4, interpolation=k) for k in ('lower', 'higher', 'nearest', 'midpoint', 'linear')]",
    "t.nanmedian(p.detach()), t.nanmedian(p.detach(), 1), t.nanmedian(x, 0, True), t.mode(i % 3), t.mode(i % 3, 0), t.mode(x.detach().round(), 1, True).values, t.cov(x), t.cov(x, correction=0), t.cov(y), t.corrcoef(x), t.corrcoef(y), t.cov(x.detach(), fweights=t.tensor([1, 2, 3])), t.cov(x.detach(), aweights=y.detach())",
    "t.histc(x, 4, -2, 2), t.histc(x.detach(), 5), t.bucketize(x.detach(), y.detach().sort().values), t.bucketize(i, t.tensor([-2, 0, 2]), right=True), t.bucketize(1.0, t.tensor([0.0, 2.0])), t.renorm(x, 2, 0, 1.0), t.renorm(x, 1, 1, 0.5)",
    "t.cross(r, r.flip(0)), t.cross(r, r.flip(0), dim=1), t.cdist(x, r), t.cdist(x, r, p=1.0), t.cdist(x[None], r[None]), t.addr(s[:2], x[:, 0], y), t.addr(s[:2], x[:, 0], y, beta=2, alpha=3), t.matrix_power(s.detach(), 0), t.matrix_power(s, 1), t.matrix_power(s, 5)",
    "t.select_scatter(x, y, 0, 1), t.select_scatter(x, x[:, 0], 1, -1), t.slice_scatter(x, y[None], 0, 1), t.slice_scatter(x, x[:, :2], 1, 0, 3, 2), t.diagonal_scatter(s, y), t.diagonal_scatter(s, y[:2], 1), t.diagflat(x), t.diagflat(y, 1), (z := s * 1, z.fill_diagonal_(7.0), z)[-1]",
    "[t.scatter_reduce(x, 1, t.tensor([[0, 0, 2], [1, 1, 1]]), x * 2, k) for k in ('sum', 'prod', 'mean', 'amax', 'amin')], [x.scatter_reduce(0, t.tensor([[0, 1, 0]]), y[None], k, include_self=False) for k in ('sum', 'prod', 'mean', 'amax', 'amin')]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, s=SQUARE, i=INTEGERS, r=THREES, p=SPOTTED))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize("text", ["t.cross(x[:, :2], x[:, :2], dim=1)", "t.quantile(x, 0.5, interpolation='other')", "x.fill_diagonal_(1).foo", "y.detach().fill_diagonal_(1)", "t.select_scatter(x, y[:2], 0, 1)"])
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y)), Raised)


def test_other_names_are_the_same_functions():
    for name in aliases.__all__:
        assert hasattr(torch, name) or hasattr(torch.Tensor, name), name
        found = getattr(minitorch, name, None)
        assert getattr(found, "__wrapped__", found) is getattr(aliases, name) or name.endswith("_"), name


def test_every_function_is_pytorch_s():
    for name in special.__all__:
        assert hasattr(torch, name) or hasattr(torch.Tensor, name), name
