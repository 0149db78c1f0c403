"""Joining and splitting: values, gradients, dtypes, which memory the pieces are, and refusals."""

import itertools

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, expression
from samples import integers, reals, transposed

import minitorch

X, Y, Z = reals((2, 3)), reals((2, 3), seed=1), reals((4, 3), seed=2)
V, W, S = reals((3,), seed=3), reals((2,), seed=4), reals((), seed=5)
CUBE, TURNED = reals((2, 4, 3), seed=6), transposed((2, 3), -1.0, 1.0)
INTEGERS, EMPTY = integers((2, 3), -5, 6), numpy.zeros((0,))
ARRAYS = {"x": X, "y": Y, "z": Z, "v": V, "w": W, "s": S, "c": CUBE, "turned": TURNED, "i": INTEGERS, "e": EMPTY}

JOINED = [
    "t.cat([x, y]), t.cat((x, z)), t.cat([x, y], 1), t.cat([x, y], dim=-1), t.cat([x, y], -2), t.cat([x]), t.cat([x, x, x])",
    "t.cat([c, c[:, :1]], 1), t.cat([c[..., 1:], c], 2), t.cat([c, c[:1]]), t.cat(tensors=[x, y], dim=1)",
    "t.cat([x, turned]), t.cat([turned, x], 1), t.cat([x.t(), y.t()], 1), t.cat([x[:, ::2], y[:, :1]], 1), t.cat([s.expand(2, 3), x])",
    "t.cat([e, x]), t.cat([x, e], 1), t.cat([e, e]), t.cat([e]), t.cat([x[:0], x]), t.cat([x[:, :0], y[:, :0]], 1), t.cat(x.unbind()), t.cat(list(c))",
    "t.cat([x, i]), t.cat([i, x.detach().float()]), t.cat([i, i > 0]), t.cat([i > 0, i > 1]), t.cat([i.to(t.uint8), i.to(t.int8)]), t.cat([x.half(), x.bfloat16()])",
    "t.stack([x, y]), t.stack([x, y], 1), t.stack([x, y], 2), t.stack([x, y], -1), t.stack([x, y], dim=-3), t.stack((s, s, s)), t.stack([x]), t.stack([v, v], 1)",
    "t.stack([x, turned]), t.stack([turned, turned], -1), t.stack([x, i]), t.stack([i, i > 0]), t.stack([e, e]), t.stack(x.unbind(1)), t.stack(c.unbind(1), -1)",
    "t.hstack([x, y]), t.hstack([v, w]), t.hstack((s, s)), t.hstack([c, c]), t.hstack([v, s])",
    "t.vstack([x, z]), t.vstack([v, v]), t.vstack([s, s]), t.vstack([x, v]), t.vstack([c, c])",
    "t.dstack([x, y]), t.dstack([v, v]), t.dstack([s, s]), t.dstack([c, c])",
    "t.column_stack([v, v]), t.column_stack([x, w]), t.column_stack([s, s]), t.column_stack([x, y])",
    "t.atleast_1d(s), t.atleast_1d(v), t.atleast_2d(s), t.atleast_2d(v), t.atleast_2d(x), t.atleast_3d(s), t.atleast_3d(v), t.atleast_3d(x), t.atleast_3d(c)",
    "t.atleast_1d(s, v), t.atleast_2d([s, v]), t.atleast_3d((s, x)), t.atleast_2d([v])",
    "t.broadcast_tensors(x, v), t.broadcast_tensors(s, x, z[:1]), t.broadcast_tensors(x), t.broadcast_tensors(v, c)",
    "t.meshgrid(v, w, indexing='ij'), t.meshgrid(v, w, indexing='xy'), t.meshgrid(v, w, v, indexing='xy'), t.meshgrid(v, indexing='xy'), t.meshgrid([v, w], indexing='ij'), t.meshgrid(s, v, indexing='ij')",
    "t.cartesian_prod(v, w), t.cartesian_prod(v), t.cartesian_prod(v, w, v)",
    "t.block_diag(x, y), t.block_diag(x), t.block_diag(v, x, s), t.block_diag(s, s)",
]  # fmt: skip

SPLIT = [
    "x.split(1), x.split(2), x.split(5), x.split(2, 1), x.split(2, dim=-1), t.split(x, 2, 1), t.split(c, 3, dim=1), t.split(x, split_size_or_sections=1, dim=0)",
    "x.split([1, 1]), x.split((2, 1), 1), t.split(c, [1, 0, 3], 1), t.split(tensor=x, split_size_or_sections=[2], dim=0), x.split_with_sizes([1, 2], 1), t.split_with_sizes(c, [4, 0], -2)",
    "x.chunk(2), x.chunk(2, 1), x.chunk(5, 1), t.chunk(c, 3, 1), t.chunk(c, chunks=4, dim=-2), x.chunk(1)",
    "x.unbind(), x.unbind(1), c.unbind(-1), t.unbind(c, dim=1), v.unbind(), t.unbind(x, 0)",
    "t.tensor_split(x, 2), x.tensor_split(2, 1), c.tensor_split(3, dim=1), v.tensor_split(5), t.tensor_split(c, (1, 3), 1), t.tensor_split(v, (0, 2, 5)), v.tensor_split([-1]), v.tensor_split(t.tensor(2))",
    "v.tensor_split((2, 1)), v.tensor_split([]), v.tensor_split(t.tensor([1, 2])), v.tensor_split((-5, 1)), c.tensor_split(1, 2)",
    "e.split(1), e.chunk(3), e.unbind(), e.tensor_split(2), x[:0].split(1), x[:, :0].chunk(2, 1), x[:0].unbind(1), e.split(0)",
    "[piece * k for k, piece in enumerate(x.split(1, 1))], [row.sum() for row in x], (lambda a, b: a * b)(*x.chunk(2)), (lambda a, b, c: b)(*x.unbind(1))",
]  # fmt: skip


@pytest.mark.parametrize("text", JOINED + SPLIT)
def test_values_and_gradients(text):
    names = [name for name in ARRAYS if name in {token for token in _names(text)}]
    expected = agree(expression(text, **{name: ARRAYS[name] for name in names}))
    assert not isinstance(expected, Raised), expected


def _names(text):
    return compile(text, "", "eval").co_names


# ---------------------------------------------------------------------------------------------------- whose memory it is

PIECES = [
    "x.split(1)", "x.split([1, 2], 1)", "x.chunk(2)", "x.unbind()", "x.unbind(1)", "x.tensor_split(2, 1)", "x.tensor_split([1])", "x.split_with_sizes([1, 1])",
    "t.broadcast_tensors(x, t.zeros(3))", "[t.atleast_3d(x)[..., 0]]", "[t.atleast_1d(x)]", "t.meshgrid(x[0], x[:, 0], indexing='ij')", "t.meshgrid(x[0], x[:, 0], indexing='xy')", "list(x)",
]  # fmt: skip
COPIES = ["t.cat([x])", "t.cat([x, x])", "t.stack([x])", "t.hstack([x])", "t.vstack([x, x])", "t.block_diag(x)", "t.cat([x, t.zeros(0)])"]  # fmt: skip


@pytest.mark.parametrize("text", PIECES)
def test_pieces_are_views(text):
    def program(t):
        x = t.arange(6.0).reshape(2, 3)
        pieces = eval(text, {"t": t, "x": x})
        places = [(piece.data_ptr() - x.data_ptr(), piece.stride()) for piece in pieces if 0 not in piece.stride()]
        x[0] = -1
        return places, [piece.clone() for piece in pieces]

    agree(program)


@pytest.mark.parametrize("text", COPIES)
def test_what_is_joined_is_a_copy(text):
    def program(t):
        x = t.arange(6.0).reshape(2, 3)
        joined = eval(text, {"t": t, "x": x})
        x.zero_()
        return joined, joined.stride(), joined.is_contiguous()

    agree(program)


WRITTEN = [
    "(z := x * 1, z.narrow(0, 0, 1).mul_(2), z)[-1]",
    "(z := x * 1, z.tensor_split([1], 1)[0].mul_(3), z)[-1]",
    "(z := x * 1, [z[k].mul_(k + 2) for k in range(2)], z)[-1]",
    "(z := x.detach().clone(), [piece.mul_(k) for k, piece in enumerate(z.split(1, 1))], z)[-1]",
    "(z := x.detach().clone(), [row.add_(k) for k, row in enumerate(z)], z)[-1]",
    "(z := x * 1, pieces := z.split(1), z.mul_(2), z)[-1]",
    "(z := x * 1, z.split(1)[0].mul_(2))[-1]",
    "(z := x * 1, z.chunk(2)[1].add_(1))[-1]",
    "(z := x * 1, z.unbind()[1].add_(1))[-1]",
    "(z := x * 1, z.split_with_sizes([1, 1])[1].zero_())[-1]",
    "x.split(1)[0].mul_(2)",
    "x.detach().expand(3, 2, 3).unbind()[0].mul_(2)",
    "(z := t.cat([x, x]), z.mul_(2), z)[-1]",
    "(z := t.stack([x, x]), z[0].zero_(), z)[-1]",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_writing_into_pieces(text):
    agree(expression(text, x=X))


# ------------------------------------------------------------------------------------------------------------- refusals

ERRORS = [
    "t.cat([])", "t.stack([])", "t.cat([x, y], 2)", "t.cat([x, y], -3)", "t.stack([x, y], 3)", "t.stack([x, y], -4)", "t.cat([s, s])", "t.cat([x, s])", "t.cat([x, v])", "t.cat([x, z], 1)",
    "t.cat([x, y, z], 1)", "t.cat([x, c])", "t.stack([x, z])", "t.stack([x, y, v])", "t.hstack([x, z])", "t.vstack([x, w])", "t.vstack([x, c])", "t.dstack([x, z])", "t.column_stack([x, v])",
    "x.split(-1)", "x.split(0)", "x.split([1, 2])", "x.split([3, -1], 1)", "x.split(1, 2)", "s.split(1)", "x.split_with_sizes([1])", "x.split_with_sizes([1, 1], 5)",
    "x.split([3, -1], 1)", "t.hstack([])", "t.dstack([])", "t.meshgrid(v, w.float(), indexing='ij')", "x.chunk(0)", "x.chunk(-1)", "x.chunk(2, 2)", "s.chunk(1)", "x.unbind(2)", "s.unbind()", "x.tensor_split(0)", "x.tensor_split(-1)", "x.tensor_split(2, 2)", "s.tensor_split(2)",
    "t.broadcast_tensors(x, w)", "t.meshgrid(v, w, indexing='no')", "t.cartesian_prod(x, v)", "t.block_diag(c)", "t.cat([e, s])",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    expected = agree(expression(text, **ARRAYS))
    assert isinstance(expected, Raised), f"PyTorch raised nothing, it returned {expected}"


@pytest.mark.parametrize(
    "text", ["t.cat(x)", "t.stack(3)", "t.cat([x, 3])", "t.cat([x, None])", "x.split('a')", "t.meshgrid(v, x, indexing='ij')", "x.chunk('a')"]
)
def test_errors_of_pytorch_s_type(text):
    kinds = []
    for lib in (torch, minitorch):
        with pytest.raises(Exception) as caught:
            expression(text, x=X)(lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


# ----------------------------------------------------------------------------------------------------------- properties

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")  # fmt: skip


@pytest.mark.parametrize("name", ["cat", "stack", "hstack", "vstack"])
def test_dtypes_of_all_pairs(name):
    for a, b in itertools.product(NAMES, NAMES):
        agree(
            lambda t, a=a, b=b: (
                getattr(t, name)([t.ones(2, dtype=getattr(t, a)), t.zeros(2, dtype=getattr(t, b))]).dtype
            )
        )


def test_cat_has_no_lower_rank_for_0_d_or_empty_tensors():
    agree(
        lambda t: [
            t.stack([t.tensor(1), t.tensor(2.5, dtype=t.float64)]),
            t.hstack([t.ones(2), t.tensor(1.5, dtype=t.float64)]),
        ]
    )
    agree(
        lambda t: [t.cat([t.ones(2), t.zeros(0, dtype=t.float64)]), t.cat([t.zeros(0, dtype=t.float64), t.ones(2, 2)])]
    )


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 2), st.booleans())
def test_cat_undoes_split(lengths, dim, backwards):
    shape = [2, 3, 2]
    shape[dim] = sum(lengths)
    x = reals(tuple(shape))
    d = dim - 3 if backwards else dim
    agree(expression(f"(pieces := x.split({lengths}, {d}), t.cat(pieces, {d}))", x=x))
    ours = minitorch.from_numpy(x)
    assert minitorch.equal(minitorch.cat(ours.split(lengths, d), d), ours)


@settings(max_examples=60)
@given(st.integers(0, 7), st.integers(1, 5), st.lists(st.integers(-9, 9), max_size=3))
def test_ways_to_split(length, count, cuts):
    x = reals((length, 2))
    agree(expression(f"x.split({count}), x.chunk({count}), x.tensor_split({count}), x.tensor_split({cuts})", x=x))


def test_second_derivatives():
    def program(t):
        x = t.arange(1.0, 7.0, dtype=t.float64).reshape(2, 3).requires_grad_()
        a, b = x.split(1)
        y = (t.cat([a * b, a**2]) ** 2).sum() + (t.stack([a, b, a * b]) ** 3).sum() + (t.block_diag(a, b) ** 3).sum()
        (g,) = t.autograd.grad(y, x, create_graph=True)
        return g, t.autograd.grad((g**2).sum(), x)

    agree(program)
