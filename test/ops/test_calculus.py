"""Integrals, derivatives and differences of samples."""

import numpy
import pytest
from oracle import Raised, agree, expression

X = numpy.random.default_rng(0).normal(size=(4, 5))
P = numpy.array([0.0, 0.5, 2.0, 2.5, 4.0])

EXPRESSIONS = [
    "t.trapezoid(x), t.trapezoid(x, dx=0.5, dim=0), t.trapezoid(x, p), t.trapz(x, p), t.trapz(x[0], dx=2.0), t.trapezoid(x, x.flip(1)), t.trapezoid(x[:, :1]), t.trapezoid(x[:, :0])",
    "t.cumulative_trapezoid(x), t.cumulative_trapezoid(x, p), t.cumulative_trapezoid(x, dx=3, dim=0), t.cumulative_trapezoid(x[:, :1])",
    "t.gradient(x), t.gradient(x, spacing=2.0), t.gradient(x, spacing=(2.0, 0.5)), t.gradient(x, dim=1, edge_order=2), t.gradient(x, spacing=(p,), dim=1), t.gradient(x, spacing=(p,), dim=(1,), edge_order=2)",
    "t.trapezoid(t.arange(5)), t.gradient(t.arange(5) ** 2), t.cumulative_trapezoid(t.arange(4))",
    "t.diff(x), t.diff(x, dim=0), t.diff(x, 2), t.diff(p, prepend=x[0, :1], append=x[1, :2]), t.diff(x.detach() > 0), t.diff(x, 5), t.diff(t.arange(5) ** 2)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, p=P))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "text",
    [
        "t.trapezoid(x, p[:2])", "t.trapezoid(x > 0)", "t.gradient(x, edge_order=3)", "t.gradient(x[:, :1])", "t.diff(x, -1)",
        "t.gradient(x, spacing=(1.0,))", "t.gradient(x, spacing=(1.0, 2.0), dim=0)", "t.gradient(x, spacing=(p[:4], p[None]))", "t.cumulative_trapezoid(x, p, dx=1.0)",
    ],
)  # fmt: skip
def test_errors_are_pytorch_s(text):
    agreed = agree(lambda t: eval(text, {"t": t, "x": t.ones(4, 5), "p": t.ones(5)}))
    assert isinstance(agreed, Raised)
