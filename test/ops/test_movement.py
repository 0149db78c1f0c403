"""The same numbers in another arrangement: values, strides, what is a view, and writes through views of views."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, expression
from samples import integers, reals

X, Y, CUBE = reals((2, 3)), reals((3,)), reals((2, 3, 4))
INTEGERS = integers((2, 3), -5, 6)

EXPRESSIONS = [
    "x.reshape(6), x.reshape(shape=(3, 2)), t.reshape(input=x, shape=(-1,)), x.reshape(3, 2), x.reshape((3, -1)), x.reshape(-1), t.reshape(x, [6, 1]), x.t().reshape(6), x.reshape(1, 2, 3, 1), x.reshape_as(x.t()), x.view(3, 2), x.view(-1), x.view((6,)), x.view(size=(3, 2)), x.view(dtype=t.int32), x.view_as(x.reshape(6))",
    "c.flatten(), c.flatten(1), c.flatten(0, 1), c.flatten(-2), t.flatten(c, 1, 2), x.sum().flatten(), c.ravel(), c.unflatten(2, (2, 2)), c.unflatten(-1, (-1, 2)), t.unflatten(c, 1, (3, 1)), c.permute(2, 1, 0).flatten(1)",
    "c.permute(2, 0, 1), c.permute((1, 0, 2)), t.permute(c, (0, 2, 1)), c.permute(-1, 0, 1), c.transpose(0, 2), t.transpose(c, -1, -2), c.swapaxes(0, 1), x.t(), x.T, x.mT, c.mT, y.t(), t.t(x), x.sum().t(), c.movedim(0, 2), t.movedim(c, (0, 1), (2, 0)), c.adjoint()",
    "x.unsqueeze(0), x.unsqueeze(1), x.unsqueeze(-1), t.unsqueeze(y, 0), c[:, :1].squeeze(), c[:1, :1].squeeze(0), c[:1, :1].squeeze((0, 1)), c[:1].squeeze(1), t.squeeze(x[:1]), x.sum().squeeze(), x.sum().squeeze(0), c[:, :1].squeeze(-2), x.sum().unsqueeze(0)",
    "y.expand(2, 3), y.expand(size=(2, 3)), x.permute(dims=(1, 0)), x.repeat(repeats=(2, 1)), t.tile(x, dims=(2,)), x.expand(4, -1, -1), x[:, :1].expand(2, 5), x.sum().expand(2, 2), y.expand_as(x), t.broadcast_to(y, (4, 3)), t.broadcast_tensors(y, x), x.expand((2, 3)), x.sum().expand(()), y.expand(2, 0, 3)",
    "x.repeat(2, 1), x.repeat((2, 2, 1)), x.repeat(2, 2, 1), y.repeat(0), x.tile(2), x.tile((2, 1)), y.tile(2, 2), t.tile(x, (1, 1, 2)), x.repeat(1, 1), x.sum().repeat(3)",
    "x.repeat_interleave(2), x.repeat_interleave(2, 0), x.repeat_interleave(2, dim=1), x.repeat_interleave(t.tensor([1, 2]), 0), t.repeat_interleave(y, t.tensor([0, 1, 2])), x.repeat_interleave(t.tensor([2]), 1)",
    "x.flip(0), x.flip(0, 1), x.flip((1,)), t.flip(c, [0, 2]), x.fliplr(), x.flipud(), x.rot90(), x.rot90(2), x.rot90(3), x.rot90(-1), c.rot90(1, (1, 2)), x.rot90(0), x.flip(-1)",
    "x.roll(1), x.roll(1, 0), x.roll((1, -1), (0, 1)), x.roll(-2, 1), t.roll(c, (1, 2), (0, 2)), x.roll(7, 1), c.roll(3)",
    "x.tril(), x.triu(), x.tril(1), x.triu(-1), c.tril(), t.triu(c, 1), i.tril(), x.tril(-5), x.triu(5)",
    "x.diagonal(), x.diagonal(1), x.diagonal(-1), c.diagonal(0, 1, 2), c.diagonal(1, 0, 2), t.diagonal(c, 0, -1, -2), x.diag(), y.diag(), y.diag(1), y.diag(-1), x.diag(1), y.diag_embed(), x.diag_embed(), x.diag_embed(1), x.diag_embed(0, 0, 2), x.diag_embed(1, 2, 0), x.diag_embed(-1, -1, 0), t.diag_embed(y, -1), t.diag(y)",
    "c.unfold(2, 2, 1), c.unfold(1, 2, 1), c.unfold(0, 1, 1), c.unfold(2, 3, 2), c.unfold(-1, 4, 1), y.unfold(0, 2, 1), c.unfold(2, 2, 1).unfold(1, 2, 1)",
    "t.nn.functional.pad(x, (1, 1)), t.nn.functional.pad(x, (1, 0, 2, 1)), t.nn.functional.pad(x, (0, 1), value=3.0), t.nn.functional.pad(x, (-1, 0)), t.nn.functional.pad(x, (-1, 2, 1, -1)), t.nn.functional.pad(i, (1, 1)), t.nn.functional.pad(x, ())",
    "x.clone(), x.contiguous(), x.t().contiguous(), x.detach(), t.clone(x), x.t().clone(), x.sum_to_size(1, 3), x.sum_to_size(3), x.sum_to_size(2, 1), c.sum_to_size(3, 1), x.sum_to_size(2, 3)",
    "(z := x * 1, z.t_(), z.unsqueeze_(0), z.squeeze_(0), z.transpose_(0, 1), z.tril_(), z.triu_(-1), z)[-1]",
    "x[:0].reshape(3, 0), x[:0].flatten(), x[:0].permute(1, 0), x[:0].expand(0, 3), x[:0].unsqueeze(0), x[:0].flip(0), x[:0].roll(1, 0), x[:0].tril(), x[:0].repeat(2, 1), x[:0].view(0, 3, 2)",
    "t.diagflat(x), t.diagflat(y, 1), t.broadcast_shapes((2, 1), (3,), 1), t.broadcast_shapes((0,), (1,)), t.broadcast_shapes()",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, c=CUBE, i=INTEGERS))
    assert not isinstance(expected, Raised), expected


VIEWS = [
    "x.view(3, 2)", "x.reshape(6)", "x.t().reshape(6)", "x.t().reshape(3, 2)", "x.permute(1, 0)", "x.t()", "x.T", "x.unsqueeze(1)", "x[:1].squeeze(0)", "x.squeeze()", "x.expand(4, 2, 3)", "x.flatten()", "c.flatten(0, 1)", "c.transpose(0, 1).flatten(1)",
    "x.diagonal()", "c.unfold(2, 2, 1)", "x[0]", "x[:, 1:]", "x[::2]", "x[None]", "x[...]", "x[0, 1]", "x[[0]]", "x[x > 0]", "x.select(1, 0)", "x.narrow(1, 1, 2)", "x.split(1)[1]", "x.chunk(3, 1)[2]", "x.unbind(1)[1]", "x.detach()", "x.data", "x.clone()",
    "x.contiguous()", "x.t().contiguous()", "x.flip(0)", "x.roll(1, 0)", "x.view_as(x)", "x.expand_as(x)", "x.ravel()", "x.t().ravel()", "x.mT", "x.swapaxes(0, 1)", "x.movedim(0, 1)", "x.unflatten(1, (3, 1))", "x.repeat(1, 1)", "x.tile(1)", "x.broadcast_to((2, 3))", "x.to(t.float64)",
    "x.double()", "x.float()", "x.type_as(x)", "x.tril()", "x.diag()", "x[0].diag()", "x.index_select(0, t.tensor([0]))", "x.real", "x.reshape(2, 3)", "x.reshape_as(x)", "x.masked_fill(x > 9, 0)", "x.requires_grad_()", "t.atleast_2d(x)", "t.atleast_3d(x)",
    "t.atleast_1d(x[0, 0])", "t.meshgrid(x[0], x[1], indexing='ij')[0]", "t.broadcast_tensors(x, x[0])[1]", "x.cpu()", "x[:, None]", "x[0:0]", "t.tensor_split(x, 2)[0]", "x.adjoint()", "x.as_strided((2,), (1,))", "t.as_tensor(x)", "t.tensor_split(x, [1], 1)[1]",
]  # fmt: skip


@pytest.mark.parametrize("text", VIEWS)
def test_what_is_a_view_and_its_strides(text):
    def program(t):
        x, c = t.arange(6.0, dtype=t.float64).reshape(2, 3).clone(), t.arange(24.0).reshape(2, 3, 4).clone()
        y = eval(text, {"t": t, "x": x, "c": c})
        source = c if text.startswith("c") else x
        shared = y.numel() > 0 and source.data_ptr() <= y.data_ptr() < source.data_ptr() + source.nbytes
        strides = tuple(s for n, s in zip(y.shape, y.stride(), strict=True) if n > 1) if y.numel() else None
        return shared, y is source, y.shape, strides, y.is_contiguous()

    agree(program)


ERRORS = [
    "x.reshape(4)", "x.reshape(-1, 4)", "x.reshape(-1, -1)", "x.view(5)", "x.t().view(6)", "x[:0].reshape(-1, 0)", "x.permute(0)", "x.permute(0, 0)", "x.permute(0, 2)", "x.transpose(0, 2)", "c.t()", "x.unsqueeze(3)", "x.squeeze(2)", "x.expand(2)", "x.expand(3, 3)", "x.expand(4, 5)", "x.expand(-1, 2, 3)",
    "x.repeat(2)", "x.flatten(2)", "c.flatten(2, 1)", "x.unflatten(1, (2, 2))", "x.flip(2)", "x.flip((0, 0))", "x.roll((1, 2), 0)", "x.diagonal(0, 0, 0)", "x.diag_embed(0, 0, -3)", "c.diag()", "x.unfold(0, 3, 1)", "x.unfold(0, 1, 0)", "x.movedim(0, 2)", "x.swapaxes(0, 3)", "x.sum_to_size(4)", "t.broadcast_to(x, (4,))",
    "y.tril()", "x.reshape(2, -3)", "y.diagonal()", "x.repeat_interleave(t.tensor([1, 2, 3]), 0)", "t.broadcast_shapes((2,), (3,))",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, c=CUBE)), Raised)


# ---------------------------------------------------------------------------------------------------------- properties


@st.composite
def step(draw):
    """A movement that fits many shapes, as a method call on ``v``; where it doesn't fit, both libraries must say so."""
    return draw(st.sampled_from([
        "v.flatten()", "v.reshape(-1, 2)", "v.reshape(2, -1)", "v.reshape(3, -1)", "v.unsqueeze(0)", "v.unsqueeze(-1)", "v.squeeze()", "v.transpose(0, -1)", "v.permute(tuple(range(v.dim()))[::-1])", "v[1:]", "v[..., :2]", "v[0]",
        "v[::2]", "v[..., -1]", "v[None]", "v.expand(2, *v.shape)", "v.movedim(0, -1)", "v.narrow(0, 0, 2)", "v.select(-1, 1)", "v.diagonal()", "v.unfold(0, 2, 2)", "v.view(-1)", "v.swapaxes(0, 1)", "v.flatten(0, 1)", "v.t()", "v[:, 1:]",
    ]))  # fmt: skip


def follow(text_steps, v):
    for text in text_steps:
        v = eval(text, {"v": v})
    return v


@settings(max_examples=150)
@given(st.lists(step(), min_size=1, max_size=5), st.sampled_from([(12,), (3, 4), (2, 3, 2), (4, 3)]), st.booleans())
def test_writes_through_chains_of_views(steps, shape, in_graph):
    """A view of views is written, the base and an earlier view are read after it, and gradients go back through all."""

    def program(t):
        leaf = t.arange(12.0, dtype=t.float64).reshape(shape).clone().requires_grad_(in_graph)
        base = leaf * 1 if in_graph else leaf
        early = follow(steps[: len(steps) // 2], base)
        v = follow(steps, base)
        v.mul_(10)
        late = follow(steps, base)
        if not in_graph:
            return base, early, v, late
        weights = [t.arange(1.0, x.numel() + 1, dtype=t.float64).reshape(x.shape) for x in (base, early, v, late)]
        sum([(x * x * w).sum() for x, w in zip((base, early, v, late), weights, strict=True)]).backward()
        return base, early, v, late, leaf.grad

    agree(program)


@settings(max_examples=60)
@given(
    st.permutations(range(4)),
    st.permutations(range(4)),
    st.sampled_from([(6, 4), (24,), (2, 12), (3, 2, 4), (2, 2, 2, 3)]),
)
def test_permute_and_reshape(first, second, shape):
    text = f"x.permute({tuple(first)}).reshape({shape}), x.permute({tuple(first)}).permute({tuple(second)}).reshape({shape})"
    agree(expression(text, x=numpy.asarray(reals((2, 3, 2, 2)))))


def test_sum_to_size_counts_in_int64_only_where_it_sums():
    def program(t):
        b, i = t.ones(2, 3) > 0, t.ones(2, 3, dtype=t.int32)
        return [x.sum_to_size(shape) for x in (b, i) for shape in ((2, 3), (1, 3), (3,), (1,))], b[0, 0].sum_to_size(())

    agree(program)
