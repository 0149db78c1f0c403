"""torch._foreach_*: one operation over lists of tensors, as averages of weights are written."""

import pytest
import torch
from oracle import agree

from minitorch.ops.foreach import NAMES


def lists(t):
    return [t.tensor([1.5, 2.0]), t.tensor([[0.25]])], [t.tensor([0.5, 3.0]), t.tensor([[2.0]])]


ARGUMENTS = {
    "add": 1, "sub": 1, "mul": 1, "div": 1, "pow": 1, "maximum": 1, "minimum": 1, "clamp_max": 1, "clamp_min": 1, "copy": 1,
    "addcdiv": 2, "addcmul": 2, "lerp": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_of_a_list(name):
    def program(t):
        x, y = lists(t)
        return getattr(t, f"_foreach_{name}")(x, *[y] * ARGUMENTS.get(name.removesuffix("_"), 0)), x

    agree(program)


OTHERS = [
    lambda t, x, y: t._foreach_add(x, 2), lambda t, x, y: t._foreach_add(x, [1.0, 2.0]), lambda t, x, y: t._foreach_add(x, y, alpha=0.5), lambda t, x, y: t._foreach_mul(x, t.tensor(2.0)),
    lambda t, x, y: t._foreach_lerp(x, y, 0.3), lambda t, x, y: t._foreach_addcdiv(x, y, y, value=0.5), lambda t, x, y: t._foreach_addcmul(x, y, y, [1.0, 2.0]), lambda t, x, y: t._foreach_norm(x, 1),
    lambda t, x, y: t._foreach_maximum(x, 1.0), lambda t, x, y: t._foreach_clamp_max(x, [1.0, 0.1]), lambda t, x, y: t._foreach_add([], 1), lambda t, x, y: t._foreach_add(x, y[:1]), lambda t, x, y: t._foreach_mul(x, [1.0]),
]  # fmt: skip


@pytest.mark.parametrize("program", OTHERS)
def test_one_argument_for_all_or_one_for_each(program):
    agree(lambda t: program(t, *lists(t)))


def test_no_other_names():
    assert {f"_foreach_{name}" for name in NAMES} <= set(dir(torch))
    agree(lambda t: hasattr(t, "_foreach_nothing"))
