"""In place, and of integers: what test_special.py doesn't reach."""

import numpy
import pytest
from oracle import Raised, agree, expression

X = numpy.array([[0.3, 1.7, 2.5], [0.9, 4.5, 3.0]])

EXPRESSIONS = [
    "(z := x * 1, z.digamma_(), z)[-1], (z := x * 1, z.i0_(), z)[-1], (z := x + 2, z.mvlgamma_(2), z)[-1], (z := x / 9, z.logit_(0.1), z)[-1], (z := x * 1, z.xlogy_(x), z)[-1]",
    "(z := x * 1, z.igamma_(x.detach()), z)[-1].detach(), (z := x * 1, z.igammac_(x.detach()), z)[-1].detach()",
    "t.tensor([1, 2]).digamma(), t.tensor([True]).lgamma(), t.mvlgamma(t.tensor([3, 4]), 2), t.tensor([3, 4]).polygamma(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X))
    assert not isinstance(expected, Raised), expected
