"""Integrals, derivatives, histograms and quantiles of samples."""

import numpy
import pytest
from oracle import Raised, agree, expression

X = numpy.random.default_rng(0).normal(size=(4, 5))
P = numpy.array([0.0, 0.5, 2.0, 2.5, 4.0])
SPOTTED = numpy.where(numpy.random.default_rng(1).random((4, 5)) < 0.3, numpy.nan, X)

EXPRESSIONS = [
    "t.trapezoid(x), t.trapezoid(x, dx=0.5, dim=0), t.trapezoid(x, p), t.trapz(x, p), t.trapz(x[0], dx=2.0), t.trapezoid(x, x.flip(1)), t.trapezoid(x[:, :1]), t.trapezoid(x[:, :0])",
    "t.cumulative_trapezoid(x), t.cumulative_trapezoid(x, p), t.cumulative_trapezoid(x, dx=3, dim=0), t.cumulative_trapezoid(x[:, :1])",
    "t.gradient(x), t.gradient(x, spacing=2.0), t.gradient(x, spacing=(2.0, 0.5)), t.gradient(x, dim=1, edge_order=2), t.gradient(x, spacing=(p,), dim=1), t.gradient(x, spacing=(p,), dim=(1,), edge_order=2)",
    "t.histogram(x.detach(), 4), t.histogram(x.detach(), 3, range=(-1.0, 1.0)), t.histogram(x.detach(), p.detach(), density=True), t.histogram(x.detach(), 4, weight=x.detach().abs()), x.detach().histogram(2)",
    "t.histogramdd(x.detach()[:, :2], bins=[2, 3]), t.histogramdd(x.detach()[:, :2], bins=2, range=[-1.0, 1.0, -2.0, 2.0], density=True), t.histogramdd(x.detach()[:, :2], bins=[p.detach(), p.detach()])",
    "t.nanquantile(s, 0.4), t.nanquantile(s, t.tensor([0.0, 0.3, 1.0], dtype=t.float64), dim=1), s.nanquantile(0.7, 0, keepdim=True), [t.nanquantile(s.detach(), 0.6, 1, interpolation=k) for k in ('lower', 'higher', 'nearest', 'midpoint')], t.nanquantile(s * float('nan'), 0.5, 1)",
    "t.trapezoid(t.arange(5)), t.gradient(t.arange(5) ** 2), t.cumulative_trapezoid(t.arange(4))",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, p=P, s=SPOTTED))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "text",
    [
        "t.trapezoid(x, p[:2])", "t.trapezoid(x > 0)", "t.gradient(x, edge_order=3)", "t.gradient(x[:, :1])", "t.histogram(x, 0)",
        "t.histogramdd(p, 3)", "t.nanquantile(x, 1.5)", "t.nanquantile(x, 0.5, interpolation='other')", "t.nanquantile(x.half(), 0.5)",
    ],
)  # fmt: skip
def test_errors_are_pytorch_s(text):
    agreed = agree(lambda t: eval(text, {"t": t, "x": t.ones(4, 5), "p": t.ones(5)}))
    assert isinstance(agreed, Raised)
