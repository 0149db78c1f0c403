"""Places in flattened tensors, copies of views, pieces, choices."""

import warnings

import numpy
import pytest
import torch
from oracle import Raised, agree, expression, same_first_line

with warnings.catch_warnings(action="ignore"):  # it warns once
    torch.index_reduce(torch.ones(1), 0, torch.tensor([0]), torch.ones(1), "prod")

X = numpy.arange(12.0).reshape(3, 4) / 3 - 1.5
I = numpy.arange(-4, 8).reshape(3, 4)  # noqa: E741

EXPRESSIONS = [
    "t.put(x, t.tensor([[1, -1]]), x[:1, :2]), x.put(t.tensor([0, 0]), x[0, :2], accumulate=True), (z := x * 1, z.put_(t.tensor([2, 3]), x[1, :2]), z)[-1], (z := (x * 1).t(), z.put_(t.tensor([2]), x[0, :1]), z)[-1]",
    "t.index_reduce(x, 0, t.tensor([0, 0]), x[1:] * 2, 'mean'), t.index_reduce(x, 1, t.tensor([3]), x[:, :1], 'mean', include_self=False)",
    "t.nonzero_static(i, size=4), i.nonzero_static(size=20, fill_value=7), t.unravel_index(t.tensor([[1, 5], [11, 0]]), (3, 4)), t.unravel_index(t.tensor(3), 4)",
    "t.alias_copy(x), t.detach_copy(x.detach()), t.diagonal_copy(x, 1), t.expand_copy(x, (2, 3, 4)), t.narrow_copy(x, 1, 1, 2), t.permute_copy(x, (1, 0)), t.select_copy(x, 0, 1), t.slice_copy(x, 1, 0, 4, 2)",
    "t.split_copy(x, 2, 1), t.split_with_sizes_copy(x, [1, 2]), t.squeeze_copy(x[None]), t.t_copy(x), t.transpose_copy(x, 0, 1), t.unbind_copy(x), t.unfold_copy(x, 1, 2, 1), t.unsqueeze_copy(x, 0), t.view_copy(x, (4, 3))",
    "t.hsplit(x, 2), t.vsplit(x, [1]), t.dsplit(x[None], 2), x.hsplit([1, 3]), t.unsafe_split(x, 2, 1), t.unsafe_chunk(x, 2), t.unsafe_split_with_sizes(x, [1, 2])",
    "t.combinations(x[0], 3), t.combinations(x[0], 2, with_replacement=True), t.combinations(x[0], 0), t.combinations(x[0], 5)",
    "t.gcd(i, i.flip(0)), t.lcm(i, t.tensor(6)), t.frexp(x), t.nextafter(x, x * 2), t.fill(x, 3.0), t.fill(x, x[0, 0])",
    "(z := x * 1, [piece.mul_(2) for piece in t.unsafe_split(z, 2)], z)[-1]",
    "t.broadcast_shapes((2, 1), (3,), 1), t.broadcast_shapes((0,), (1,)), t.broadcast_shapes()",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, i=I))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "text",
    [
        "t.put(x, t.tensor([0.5]), x[0, :1])", "t.put(x, t.tensor([0, 1]), x[0, :1])", "t.put(x, t.tensor([12]), x[0, :1]).foo",
        "t.index_reduce(x, 0, t.tensor([0]), x[:1], 'sum')", "t.nonzero_static(x, size=-1)", "t.unravel_index(t.tensor([0.5]), (2,))",
        "t.hsplit(t.tensor(1.0), 2)", "t.vsplit(x[0], 2)", "t.hsplit(x, 3)", "t.combinations(x)", "t.combinations(x[0], -1)",
        "t.frexp(t.tensor([1]))", "t.gcd(t.tensor([1.0]), t.tensor([2.0]))", "t.broadcast_shapes((2,), (3,))", "t.split(x, 2)[0].add_(1)",
    ],
)  # fmt: skip
def test_errors_are_pytorch_s(text):
    agreed = agree(lambda t: eval(text, {"t": t, "x": t.ones(3, 4).requires_grad_() * 1}))
    assert isinstance(agreed, Raised)


def test_gcd_takes_no_number():
    same_first_line(lambda t: t.gcd(t.tensor([4]), 2))
