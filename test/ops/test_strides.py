"""Tensors as places in a memory: views that share it, writes through them, and the gradients of both."""

import numpy
import pytest
import torch
from oracle import Raised, agree, expression, same_first_line

import minitorch

X = numpy.arange(12.0).reshape(3, 4) / 3

EXPRESSIONS = [
    "x.as_strided((3, 3), (1, 1)), x.as_strided((2,), (5,), 1), x[1:].as_strided((2, 2), (1, 3)), x.t().as_strided((2, 3), (2, 1), 3), x.as_strided((), ()), x[0].as_strided((3,), (4,))",
    "x.as_strided((2, 3), (3, 1)).as_strided((2,), (2,), 1), x.expand(2, 3, 4).as_strided((2, 2), (1, 4)), x[0, 0].expand(3).as_strided((2, 2), (0, 0), 5), x[1:, 1:].as_strided((2, 2), (1, 2), 6)",
    "(z := x * 1, z.as_strided((2, 2), (1, 5), 1).mul_(3), z)[-1]",
    "(z := x * 1, y := z[1:], w := y.as_strided((3,), (2,), 5), w.sin_(), y.mul_(2), (z, y, w))[-1]",
    "(z := (x * 1).t(), w := z.as_strided((2, 2), (2, 3), 1), w.sin_(), z)[-1]",
    "(z := x * 1, w := z[1], v := w.as_strided((4,), (1,), 0), w.mul_(5), z.add_(1), v)[-1]",
    "x.t()[1:].storage_offset(), x[1, 2].storage_offset(), x.storage_offset()",
    "t.as_strided_copy(x, (2, 2), (1, 2)), t.as_strided_scatter(x.detach(), x.detach()[:2, :2], (2, 2), (1, 5), 2)",
    "t.empty_permuted((2, 3, 4), (1, 2, 0)).stride(), x.new_empty_strided((2, 3), (1, 2)).stride(), x.new_empty_strided((2, 3), (5, 1)).shape",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "text",
    [
        "x.as_strided((3, 3), (4, 2))", "x.as_strided((2,), (1, 1))", "x.as_strided((2,), (-1,))", "x.as_strided((2,), (1,), -1)",
        "t.as_strided_scatter(x, x, (2, 2), (1, 1))", "x.requires_grad_().resize_(3)",
    ],
)  # fmt: skip
def test_errors_are_pytorch_s(text):
    same_first_line(lambda t: eval(text, {"t": t, "x": t.ones(3, 4)}))


def test_a_view_shares_memory_and_counts_writes():
    x = minitorch.zeros(6)
    y = x[2:].as_strided((2, 2), (1, 2), 1)
    y.fill_(3)
    assert x.tolist() == [0, 3, 3, 3, 3, 0] and x._version == y._version == 1


@pytest.mark.parametrize("own", [lambda t, x: x, lambda t, x: x.t()])
def test_gradients_of_a_view_and_of_a_written_copy(own):
    x = minitorch.tensor(X, requires_grad=True)
    s = minitorch.tensor(X[:2, :2].copy(), requires_grad=True)
    programs = [
        lambda x: own(minitorch, x).as_strided((3, 2), (1, 2), 1).sin(),
        lambda x: own(minitorch, x).as_strided((2, 2), (0, 3), 6) ** 2,
    ]
    for program in programs:
        assert minitorch.autograd.gradcheck(program, (x,)) and minitorch.autograd.gradgradcheck(program, (x,))
    written = lambda x, s: minitorch.as_strided_scatter(own(minitorch, x), s, (2, 2), (1, 2), 5).sin()  # noqa: E731
    assert minitorch.autograd.gradcheck(written, (x, s)) and minitorch.autograd.gradgradcheck(written, (x, s))


def test_pytorch_s_gradient_of_as_strided_scatter_is_still_wrong():
    """Why the conformance tool doesn't compare it. When this fails, take the exception out there."""
    x, s = torch.ones(3, 3, dtype=torch.float64, requires_grad=True), torch.ones(2, 2, dtype=torch.float64)
    assert not torch.autograd.gradcheck(lambda x: torch.as_strided_scatter(x, s, (2, 2), (1, 2), 0), (x,), raise_exception=False)


def resized(t):
    x = t.arange(6)
    smaller = x.resize_(2, 2).clone()
    back = x.resize_(6).clone()
    part = x[2:]
    part.resize_(2)
    larger = t.arange(3).resize_(2, 4)
    return smaller, back, part, x, larger[0, :3], larger.shape, t.zeros(2).resize_as_(t.zeros(1, 2)).shape, t.zeros(0).resize_(3).shape


def test_resize_keeps_the_memory():
    agree(resized)
