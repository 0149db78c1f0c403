"""Operators between a tensor and what is none: Python asks the other side, and has the last word."""

import pytest
import torch
from oracle import Raised, agree

import minitorch


class Other:
    """Answers every operator with its name, and isn't to be taken for an array."""


for name in ("add", "radd", "rsub", "rmul", "rtruediv", "rfloordiv", "rmod", "rpow", "rmatmul", "rand", "eq", "gt", "ge", "rlshift"):
    setattr(Other, f"__{name}__", lambda self, other, name=name: name)

ANSWERED = [
    "x + r", "r + x", "x - r", "x * r", "x / r", "x // r", "x % r", "x ** r", "x @ r", "n & r", "n << r", "x == r", "x < r", "x <= r", "x == None", "x != None", "x == 'a'", "x == [1]", "x != {}", "n in ['a', None]", "[0] * n", "n * [0, 1]", "'ab' * n", "(1,) * n", "1 << n", "9 >> n", "2 ** n", "7 % n", "5 - n", "1 / n", "x @ x", "n | 1",
]  # fmt: skip
REFUSED = [
    "x + [1]", "[1] + x", "x * None", "None * x", "x - 'a'", "'a' + x", "x / (1,)", "x // None", "x % 'a'", "x ** 'a'", "x @ [1]", "[1] @ x", "x < None", "x >= [1]", "None > x", "x & 'a'", "x.matmul([1])", "x * [1]", "x == t.ones(3)", "x < (x + 0j)",
]  # fmt: skip
WRITTEN = ["x += r", "x += 1", "x += [1]", "x *= None", "x -= 'a'", "x /= [2]", "x **= 2", "x @= r", "x //= {}", "n &= 'a'", "l += x", "l *= n"]


def scope(t):
    return {"t": t, "x": t.ones(2), "n": t.tensor(2), "r": Other(), "l": [1]}


@pytest.mark.parametrize("text", ANSWERED)
def test_the_other_side_answers(text):
    assert not isinstance(agree(lambda t: eval(text, scope(t))), Raised)


@pytest.mark.parametrize("text", REFUSED)
def test_else_python_refuses(text):
    assert isinstance(agree(lambda t: eval(text, scope(t))), Raised)


@pytest.mark.parametrize("text", WRITTEN)
def test_in_place(text):
    def program(t):
        names = scope(t)
        exec(text, names)
        return [names[name] for name in "xnl"]

    agree(program)


def test_a_tensor_is_found_in_a_list_with_other_things():
    for t in (torch, minitorch):
        assert [None, "a", t.tensor(2)].index(t.tensor(2)) == 2
