"""The less common arithmetic: against PyTorch."""

import numpy
import pytest
from oracle import Raised, agree, expression, same_first_line
from samples import integers, reals

X, Y, INTEGERS = reals((2, 3)), reals((3,), 0.5, 2.0), integers((2, 3), -5, 6)
SPOTTED = numpy.array([[1.0, numpy.nan, 3.0], [numpy.inf, 2.0, -1.0]])


EXPRESSIONS = [
    "t.frac(x), t.deg2rad(x), t.rad2deg(x), t.float_power(y, 2), t.float_power(i, 2), t.ldexp(x, i.double()), t.isposinf(p), t.isneginf(p), t.logaddexp(x, y)",
    "t.logaddexp2(x, y), t.logaddexp(x * 1000, y), t.copysign(x, -y), t.copysign(x, -1.0), t.heaviside(x.detach(), y.detach()), t.heaviside(x.detach() * 0, y.detach())",
    "t.fmax(x, y), t.fmin(x, y), t.fmax(p.detach(), x.detach()), t.fmin(p.detach(), x.detach()), t.gcd(i, i.flip(0)), t.frexp(x), t.nextafter(x, x + 1), t.lcm(i, t.tensor(6))",
    "t.fmax(x, x.detach()), t.fmin(x, x.detach()), t.fmax(x.detach(), x * 2 - x.detach()), t.fmin(x.detach(), x * 2 - x.detach())",
    "(x * 0).std(), (x * 0 + 1).std(1), t.std_mean(x * 0, 0)[0], x.std(), t.std_mean(x, 1)[0]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, i=INTEGERS, p=SPOTTED))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "t.frexp(i)", "t.gcd(x, x)", "t.nextafter(x, 2.0)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, i=INTEGERS, p=SPOTTED)), Raised)


def test_gcd_takes_no_number():
    same_first_line(lambda t: t.gcd(t.tensor([4]), 2))
