"""Quantiles, histograms and covariances, against PyTorch."""

import numpy
import pytest
from oracle import Raised, agree, expression
from samples import integers, reals

X, Y, INTEGERS = reals((2, 3)), reals((3,), 0.5, 2.0), integers((2, 3), -5, 6)
SPOTTED = numpy.array([[1.0, numpy.nan, 3.0], [numpy.inf, 2.0, -1.0]])
TABLE, EDGES = numpy.random.default_rng(0).normal(size=(4, 5)), numpy.array([0.0, 0.5, 2.0, 2.5, 4.0])
HOLES = numpy.where(numpy.random.default_rng(1).random((4, 5)) < 0.3, numpy.nan, TABLE)

EXPRESSIONS = [
    "t.quantile(x, 0.3), t.quantile(x, t.tensor([0.0, 0.5, 1.0], dtype=t.float64)), t.quantile(x, 0.7, dim=1), t.quantile(x, t.tensor([0.2, 0.9], dtype=t.float64), dim=0, keepdim=True)",
    "t.quantile(p.detach(), 0.5, dim=1), [t.quantile(x.detach(), 0.4, interpolation=k) for k in ('lower', 'higher', 'nearest', 'midpoint', 'linear')], t.nanmedian(p.detach())",
    "t.nanmedian(p.detach(), 1), t.nanmedian(x, 0, True), t.mode(i % 3), t.mode(i % 3, 0), t.mode(x.detach().round(), 1, True).values, t.cov(x), t.cov(x, correction=0)",
    "t.cov(y), t.corrcoef(x), t.corrcoef(y), t.cov(x.detach(), fweights=t.tensor([1, 2, 3])), t.cov(x.detach(), aweights=y.detach()), t.histc(x, 4, -2, 2), t.histc(x.detach(), 5)",
    "t.histogram(a.detach(), 4), t.histogram(a.detach(), 3, range=(-1.0, 1.0)), t.histogram(a.detach(), e.detach(), density=True), t.histogram(a.detach(), 4, weight=a.detach().abs()), a.detach().histogram(2)",
    "t.histogramdd(a.detach()[:, :2], bins=[2, 3]), t.histogramdd(a.detach()[:, :2], bins=2, range=[-1.0, 1.0, -2.0, 2.0], density=True), t.histogramdd(a.detach()[:, :2], bins=[e.detach(), e.detach()])",
    "t.nanquantile(h, 0.4), t.nanquantile(h, t.tensor([0.0, 0.3, 1.0], dtype=t.float64), dim=1), h.nanquantile(0.7, 0, keepdim=True), [t.nanquantile(h.detach(), 0.6, 1, interpolation=k) for k in ('lower', 'higher', 'nearest', 'midpoint')], t.nanquantile(h * float('nan'), 0.5, 1)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, i=INTEGERS, p=SPOTTED, a=TABLE, e=EDGES, h=HOLES))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "t.histogram(a, 0)", "t.histogram(a, e, range=(0.0, 1.0))", "t.histogramdd(e, 3)", "t.nanquantile(a, 1.5)", "t.nanquantile(a, 0.5, interpolation='other')", "t.nanquantile(a.half(), 0.5)",
    "t.quantile(a, 0.5, interpolation='other')", "t.quantile(a, -0.1)", "t.quantile(i, 0.5)", "t.quantile(a, e[None])", "t.quantile(a, e.float())", "t.quantile(a[:0], 0.5)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, a=TABLE, e=EDGES, i=INTEGERS)), Raised)
