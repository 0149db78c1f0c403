"""Several tensors to one, and one to several."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, expression
from samples import integers, reals

X, Y, CUBE, INTEGERS = reals((2, 3)), reals((3,)), reals((4, 3, 2)), integers((2, 3), -5, 6)
TABLE = numpy.arange(12.0).reshape(3, 4) / 3 - 1.5

EXPRESSIONS = [
    "t.cat([x, x]), t.cat((x, x * 2), 1), t.cat([x, x], dim=-1), t.cat([x]), t.cat([x, t.zeros(0)]), t.cat([x, i]), t.cat([y, y, y]), t.cat([x[:0], x]), t.cat([x.t(), x.t()], 1), t.cat([i, i]), t.cat([x, y[None]]), t.cat([x.float(), x])",
    "t.stack([x, x]), t.stack((x, x * 2), 1), t.stack([x, x], dim=-1), t.stack([y]), t.stack([x.sum(), y.sum()]), t.stack([i, i], 2), t.stack([x, i])",
    "t.hstack([x, x]), t.vstack([x, x]), t.dstack([x, x]), t.hstack([y, y]), t.vstack([y, y]), t.dstack([y, y]), t.column_stack([y, y]), t.column_stack([x, x[:, 0]]), t.hstack([y.sum(), y]), t.vstack((x, y))",
    "x.split(1), c.split(3), c.split(2, 1), c.split(split_size=2, dim=1), t.split(c, split_size_or_sections=[1, 3]), c.split([1, 3]), t.split(c, [1, 0, 3]), t.split(c, 5), c.split([2, 1], dim=1), c.split_with_sizes([2, 2]), x[:0].split(1)",
    "c.chunk(2), c.chunk(3), c.chunk(9), t.chunk(c, 2, 1), c.chunk(2, dim=-1), t.tensor_split(c, 3), c.tensor_split((1, 3)), t.tensor_split(c, [1, 3], dim=0), t.tensor_split(c, 5), c.tensor_split(2, 1), t.tensor_split(y, (2, 9))",
    "c.unbind(), t.unbind(c, 1), c.unbind(-1), y.unbind(), t.atleast_1d(y.sum()), t.atleast_2d(y), t.atleast_3d(y), t.atleast_3d(x), t.atleast_1d(y, y.sum()), t.atleast_2d([y, x])",
    "t.meshgrid(y, x[0], indexing='ij'), t.meshgrid([y, x[0]], indexing='xy'), t.meshgrid(y, indexing='ij'), t.meshgrid(y, x[0], x[1], indexing='xy'), t.broadcast_tensors(x, y), t.broadcast_tensors(y, x[:, :1]), t.cartesian_prod(y, x[0]), t.cartesian_prod(y), t.cartesian_prod(y, y, y[:2]), t.block_diag(x, y, x.sum())",
    "t.hsplit(a, 2), t.vsplit(a, [1]), t.dsplit(a[None], 2), a.hsplit([1, 3]), t.unsafe_split(a, 2, 1), t.unsafe_chunk(a, 2), t.unsafe_split_with_sizes(a, [1, 2])",
    "t.combinations(a[0], 3), t.combinations(a[0], 2, with_replacement=True), t.combinations(a[0], 0), t.combinations(a[0], 5), (z := a * 1, [piece.mul_(2) for piece in t.unsafe_split(z, 2)], z)[-1]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, c=CUBE, i=INTEGERS, a=TABLE))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "t.cat([])", "t.cat([x, y])", "t.cat([x, x.t()])", "t.cat([x, x.t()], 1)", "t.cat([x, x], 2)", "t.cat([y.sum(), y])", "t.stack([])", "t.stack([x, y])", "t.stack([x, x], 3)", "c.split(-1)", "c.split(0)", "c.split([1, 1])", "c.split([5, -1])", "c.chunk(0)", "c.split(1, 3)",
    "t.broadcast_tensors(x, t.zeros(4))", "t.meshgrid(y, y, indexing='ab')", "t.hsplit(y.sum(), 2)", "t.vsplit(y, 2)", "t.hsplit(x, 2)", "t.combinations(x)", "t.combinations(y, -1)", "t.split(x, 1)[0].add_(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, c=CUBE)), Raised)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 2), st.integers(-3, 2))
def test_cat_and_split_undo_each_other(sizes, place, dim):
    """Pieces of any sizes, empty ones too, along any dim."""
    shape = [2, 3, 2]
    pieces = []
    for i, n in enumerate(sizes):
        shape[dim] = n
        pieces.append(reals(tuple(shape), seed=i))
    names = dict(zip("abcd", pieces, strict=False))
    agree(expression(f"(z := t.cat([{', '.join(names)}], {dim}), z.split({sizes}, {dim}), z.chunk(2, {dim}), z.tensor_split(3, {dim}))", **names))


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 8))
def test_pieces_of_a_vector(n, k):
    x = numpy.asarray(reals((n,)))
    agree(expression(f"x.split({k}), x.chunk({k}), x.tensor_split({k}), x.unfold(0, {min(n, k)}, {k})", x=x))
