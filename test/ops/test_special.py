"""The special functions that torch has: in place, of integers, and what test/test_special.py doesn't reach."""

import numpy
import pytest
from oracle import Raised, agree, expression
from samples import reals

X, Y = numpy.array([[0.3, 1.7, 2.5], [0.9, 4.5, 3.0]]), reals((3,), 0.5, 2.0)
SPOTTED = numpy.array([[1.0, numpy.nan, 3.0], [numpy.inf, 2.0, -1.0]])

EXPRESSIONS = [
    "(z := x * 1, z.digamma_(), z)[-1], (z := x * 1, z.i0_(), z)[-1], (z := x + 2, z.mvlgamma_(2), z)[-1], (z := x / 9, z.logit_(0.1), z)[-1], (z := x * 1, z.xlogy_(x), z)[-1]",
    "(z := x * 1, z.igamma_(x.detach()), z)[-1].detach(), (z := x * 1, z.igammac_(x.detach()), z)[-1].detach()",
    "t.tensor([1, 2]).digamma(), t.tensor([True]).lgamma(), t.mvlgamma(t.tensor([3, 4]), 2), t.tensor([3, 4]).polygamma(1)",
    "t.sinc(x), t.sinc(x * 0), t.logit(x.sigmoid()), t.logit(x, eps=0.1), t.xlogy(x, y), t.xlogy(x * 0, y), t.xlogy(2, y), t.xlogy(x.detach() * 0, p)",
    "(z := x * 1, z.sinc_(), z)[-1]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, p=SPOTTED))
    assert not isinstance(expected, Raised), expected
