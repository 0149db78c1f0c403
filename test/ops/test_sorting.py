"""Order and occurrence, and where numbers stand. (Sorting itself is tested with the reductions.)"""

import pytest
from oracle import Raised, agree, expression
from samples import integers, reals

X, Y, INTEGERS = reals((2, 3)), reals((3,), 0.5, 2.0), integers((2, 3), -5, 6)


EXPRESSIONS = [
    "t.isin(i, t.tensor([1, 2])), t.isin(i, 3), t.isin(i, t.tensor([1]), invert=True), t.isin(2, i), t.bucketize(x.detach(), y.detach().sort().values), t.bucketize(i, t.tensor([-2, 0, 2]), right=True)",
    "t.bucketize(1.0, t.tensor([0.0, 2.0])), t.nonzero_static(i, size=4), i.nonzero_static(size=20, fill_value=7), t.unravel_index(t.tensor([[1, 5], [11, 0]]), (3, 4))",
    "t.unravel_index(t.tensor(3), 4)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, i=INTEGERS))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "t.nonzero_static(x, size=-1)", "t.unravel_index(x, (2,))", "t.unravel_index(i, 0.5)", "t.unravel_index(i, (2, -1))",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, i=INTEGERS)), Raised)
