"""Reading and writing at places: x[...] with everything that may stand there, gather and scatter, sorting."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, expression
from samples import integers, reals

X, Y, CUBE = reals((2, 3)), reals((3,)), reals((2, 3, 4))
INTEGERS, MASK = integers((2, 3), -5, 6), integers((2, 3), 0, 2) > 0

KEYS = [
    "0", "-1", "1, 2", "1, 2, 3", "...", ":", "1:", ":1", "::2", "0:0", "5:", "-2:", ":-1", "1:0", "None", "None, 0", "..., 0", "0, ...", "0, ..., 1", ":, None", ":, 1:, ::2", "..., None", "None, ..., None", "(0,)", "(0, 1)", "()",
    "t.tensor(1)", "t.tensor([1, 0])", "t.tensor([[0, 1], [1, 0]])", "[0, 1]", "[1]", "[True, False]", "t.tensor([True, False])", ":, t.tensor([2, 0])", ":, :, t.tensor([3, 0, 3])", "t.tensor([0, 1]), t.tensor([2, 1])", "[0, 1], [2, 1]",
    "t.tensor([0, 1]), :, t.tensor([2, 1])", "0, t.tensor([2, 1])", "t.tensor([0, 1]), 1", "t.tensor([0, 1]), None, t.tensor([2, 1])", "..., t.tensor([0, 1])", "t.tensor([[0], [1]]), t.tensor([2, 1])", "t.tensor([-1, 0])", "t.tensor([], dtype=t.int64)", "[]", "t.tensor([0, 1], dtype=t.int32)",
    "t.tensor([True, False, True])[None].expand(2, 3)", "c > 0", "c[..., 0] > 0", "(c > 0)[0, 0, 0]", "True", "False", "None, True", ":, t.tensor([True, False, True])", "0, t.tensor([True, False, True]), 1:", "t.tensor([True, True]), t.tensor([2, 0])", "1:, [0, 2], None", "t.tensor(0), 1", "0, :, t.tensor([1, 1])",
    ":, 0, t.tensor([1, 1])", "t.tensor([1, 1]), 0", "t.tensor([0, 1]), ..., 0", "t.tensor([0, 1]), ..., t.tensor([0, 1])", "n.array([1, 0])", "n.int64(1)", "n.array([True, False])", "range(2)", "slice(1, None)", "t.tensor([0, 1])[:, None], :, t.tensor([0, 1, 2])", "1:, t.tensor([0, 1]), t.tensor([0, 1])",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_read(key):
    expected = agree(reading(key, CUBE))
    assert not isinstance(expected, Raised), expected


def reading(key, array):
    return lambda t: expression(f"c[{key}]".replace("n.", "t.n."), c=array)(with_numpy(t))


def with_numpy(t):
    t.n = numpy
    return t


@pytest.mark.parametrize("key", [k for k in KEYS if k != "False"])
@pytest.mark.parametrize("value", ["5.0", "t.tensor(3.0, dtype=t.float64)", "t.tensor(3)", "like * 2", "like[..., :1] if like.dim() and like.shape[-1] else 1.0"])
def test_written(key, value):
    """The place gets a number, a tensor, or one that is broadcast; in the graph, gradients go to the value and around the place."""

    def program(t):
        with_numpy(t)
        leaf = t.from_numpy(CUBE.copy()).requires_grad_()
        c = leaf * 1
        names = {"t": t, "c": leaf.detach(), "n": numpy}
        like = eval(f"c[{key}]", names).detach().clone().requires_grad_()
        y = eval(value, {"t": t, "like": like})
        if value == "t.tensor(3)" and key == "True":
            return None  # filled, where we refuse another dtype
        if "t.tensor([1, 1])" in key and value.startswith("like *"):
            return None  # places written twice, in an order that isn't promised
        exec(f"x[{key}] = y", {**names, "x": c, "y": y})
        c.square().sum().backward()
        return c, leaf.grad, like.grad

    expected = agree(program)
    assert not isinstance(expected, Raised) or value == "t.tensor(3)", expected  # of another dtype: refused by index tensors


EXPRESSIONS = [
    "x.select(0, 1), x.select(-1, 0), t.select(c, 1, 2), x.select(1, -1), x.narrow(0, 1, 1), t.narrow(c, 2, 1, 2), x.narrow(-1, -2, 2), x.narrow(0, 0, 0), x.narrow(1, t.tensor(1), 2), x.index_select(0, t.tensor([1, 1])), x.index_select(1, t.tensor([2, 0])), t.index_select(y, 0, t.tensor([2])), x.index_select(-1, t.tensor([0], dtype=t.int32))",
    "x.gather(0, t.tensor([[1, 0, 1]])), x.gather(1, t.tensor([[2], [0]])), t.gather(c, 2, t.zeros(2, 3, 1, dtype=t.int64)), y.gather(0, t.tensor([0, 0, 2, 1])), x.take(t.tensor([0, 5, -1])), t.take(x, t.tensor([[1, 2]])), x.take_along_dim(t.tensor([[2, 0, 1]]), 1), x.take_along_dim(t.tensor([4, 1])), t.take_along_dim(x, x.argsort(1), dim=1)",
    "x.scatter(0, t.tensor([[1, 0, 1]]), y[None]), x.scatter(1, t.tensor([[2], [0]]), 7.0), t.scatter(x, 1, t.tensor([[0, 1], [1, 2]]), x[:, :2]), x.scatter_add(0, t.tensor([[1, 1, 1]]), y[None]), t.scatter_add(x, 1, t.tensor([[0, 0, 0], [1, 1, 1]]), x), x.scatter(1, t.tensor([[0]]), value=2.0), x.detach().scatter(0, t.tensor([[0, 1, 0]]), 2.0, reduce='add')",
    "x.masked_select(m), t.masked_select(x, x > 0), x.masked_select(m[0]), i.masked_select(i > 0), y.masked_select(m), x.masked_scatter(m, x * 2), t.masked_scatter(x, m, x.flip(0))",
    "x.index_add(0, t.tensor([0, 0]), x), x.index_add(1, t.tensor([2]), x[:, :1], alpha=2), t.index_add(y, 0, t.tensor([0, 2]), y[:2]), x.index_copy(0, t.tensor([1, 0]), x), t.index_copy(x, 1, t.tensor([0]), x[:, 2:]), x.index_fill(1, t.tensor([0, 2]), 9.0), t.index_fill(x, 0, t.tensor([0]), -1), i.index_fill(0, t.tensor([1]), 3)",
    "x.index_put((t.tensor([0, 1]), t.tensor([2, 0])), y[:2]), x.index_put((t.tensor([0, 0]),), x, accumulate=True), t.index_put(x, (m,), t.tensor(1.0, dtype=t.float64)), x.index_put((t.tensor([1]),), y), x.index_put((t.tensor(1), t.tensor(2)), y[0]), x.index_put((t.tensor(1),), y, accumulate=True)",
    "(z := x * 1, z.scatter_(0, t.tensor([[1, 0, 1]]), y[None]), z.scatter_add_(1, t.tensor([[0], [2]]), x[:, :1]), z.index_add_(0, t.tensor([1]), y[None]), z.index_copy_(1, t.tensor([1]), x[:, :1]), z.index_fill_(0, t.tensor([0]), 2.0), z.masked_fill_(m, 0.5), z.masked_scatter_(m, x.flip(1)), z.index_put_((t.tensor([0]),), y), z)[-1]",
    "x.sort(), x.sort(0), x.sort(1, True), x.sort(descending=True), t.sort(x, dim=0), x.sort(stable=True), x.argsort(), x.argsort(0, True), t.argsort(x, descending=True), i.sort(), c.sort(1), x.msort(), y.sort().values, x[0, 0].sort(), x[:0].sort(0), t.tensor([3.0, 1, 3, 1]).sort(stable=True), t.tensor([1.0, float('nan'), -1]).sort(), t.tensor([1.0, float('nan'), -1]).sort(descending=True)",
    "x.topk(2), x.topk(1, 0), x.topk(2, largest=False), t.topk(c, 3, dim=-1), c.topk(2, 1), i.topk(1), x.topk(0), x[0, 0].topk(1), x.topk(3, 1, True, True), x.kthvalue(2), x.kthvalue(1, 0), x.kthvalue(3, 1, True), t.kthvalue(y, 1)",
    "i.unique(), t.unique(i, return_inverse=True), t.unique(i, return_inverse=True, return_counts=True), t.unique(i, return_counts=True), t.unique(i, dim=0), t.unique(i % 2, dim=1, return_inverse=True, return_counts=True), m.unique(), x.detach().unique(), t.unique(t.tensor([], dtype=t.int64)), t.unique(t.tensor([2, 1, 2]), sorted=True)",
    "t.unique_consecutive(t.tensor([1, 1, 2, 2, 1])), t.unique_consecutive(t.tensor([1, 1, 2, 2, 1]), return_inverse=True, return_counts=True), t.unique_consecutive(t.tensor([[1, 1], [1, 1], [2, 1]]), dim=0), i.unique_consecutive()",
    "i.nonzero(), t.nonzero(m), m.nonzero(as_tuple=True), t.nonzero(i, as_tuple=True), t.tensor(3).nonzero(), t.tensor(0).nonzero(), t.tensor(3).nonzero(as_tuple=True), i.argwhere(), t.zeros(2, 0).nonzero(), (x > 100).nonzero()",
    "t.searchsorted(t.tensor([1.0, 3, 5]), t.tensor([0.0, 3, 6])), t.searchsorted(t.tensor([1, 3, 5]), t.tensor([[3, 4]]), right=True), t.searchsorted(t.tensor([1.0, 3]), 2.0), t.searchsorted(t.tensor([1, 3, 5]), t.tensor([3]), side='right'), t.searchsorted(t.tensor([1, 3]), t.tensor([2]), out_int32=True), t.searchsorted(t.tensor([[1, 3], [5, 7]]), t.tensor([[2], [6]]))",
    "t.bincount(t.tensor([0, 2, 2, 5])), t.bincount(t.tensor([1, 1]), minlength=4), t.bincount(t.tensor([0, 1, 1]), t.tensor([0.5, 1.0, 2.0])), t.bincount(t.tensor([0, 1]), t.tensor([1, 2])), t.tensor([3]).bincount(), t.bincount(t.tensor([], dtype=t.int64))",
    "x[0].unbind(), x.unbind(1), t.unbind(c, -1), [row.sum() for row in x], x[0][1], x[1][-1]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, c=CUBE, i=INTEGERS, m=MASK))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "x[2]", "x[-3]", "x[0, 3]", "x[0, 0, 0]", "x[::-1]", "x[t.tensor([2])]", "x[t.tensor([-3])]", "x[t.tensor([0.5])]", "x[t.tensor([True, False, True])]", "x[m[:, :2]]", "x[1.5]", "x.sum()[0]", "x[[0, 1], [0, 1, 2]]", "x.select(0, 5)", "x.select(3, 0)", "x.sum().select(0, 0)", "x.narrow(0, 1, 2)",
    "x.narrow(0, 0, -1)", "x.narrow(0, 5, 1)", "x.gather(0, t.tensor([[2, 0, 0]]))", "x.gather(1, t.tensor([0]))", "x.gather(0, t.tensor([[0.0]]))", "x.gather(0, t.zeros(1, 4, dtype=t.int64))", "x.index_select(0, t.tensor([2]))", "x.index_select(0, t.tensor([[0]]))", "x.detach().scatter_(0, t.tensor([[5, 0, 0]]), 1.0)",
    "x.scatter(0, t.tensor([[0]]), t.zeros(1, 1))", "x.topk(4)", "x.topk(1, 3)", "x.sort(2)", "x.masked_select(i)", "x.unbind(2)", "x.sum().unbind()", "t.bincount(i)", "t.bincount(t.tensor([-1]))", "x.index_put((t.tensor([0]),), t.zeros(3))", "x.take_along_dim(t.tensor([0]), 1)", "x[None, 5]", "x[0:1, 7]",
    "x.kthvalue(4)", "x.argsort(3)", "x.masked_scatter(x, x)", "x.masked_scatter(m, x.float())", "x.masked_scatter(x > -9, x[0])", "x.masked_scatter(t.ones(5, 5) > 0, x)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, c=CUBE, i=INTEGERS, m=MASK)), Raised)


def test_written_errors_are_pytorch_s():
    for statement in ("x[0] = t.zeros(4)", "x[0] = t.zeros(2, 3)", "x[5] = 1", "x[t.tensor([5])] = 1", "x[m] = t.zeros(7)", "x[0, 0, 0] = 1", "x[::-1] = 0", "x[m[:, :2]] = 0", "x[[0, 1]] = t.zeros(3, 3)"):

        def program(t, statement=statement):
            x = t.zeros(2, 3)
            exec(statement, {"t": t, "x": x, "m": t.ones(2, 3) > 0})

        assert isinstance(agree(program), Raised), statement


# ---------------------------------------------------------------------------------------------------------- properties


@st.composite
def keys(draw, shape, twice=True):
    """A key for ``shape``, as text: integers, slices, None, Ellipsis, integer arrays that are broadcast together, a mask."""
    entries, dim = [], 0
    common = draw(st.sampled_from([(2,), (1,), (2, 2), (3,)]))
    while dim < len(shape):
        n = shape[dim]
        kind = draw(st.sampled_from(["integer", "slice", "slice", "None", "array", "mask", "...", "stop"]))
        if kind == "stop":
            break
        if kind == "integer" and n:
            entries.append(str(draw(st.integers(-n, n - 1))))
        elif kind == "slice":
            start, stop = (draw(st.one_of(st.none(), st.integers(-n - 1, n + 1))) for _ in range(2))
            entries.append(f"{'' if start is None else start}:{'' if stop is None else stop}:{draw(st.integers(1, 3))}")
        elif kind == "None":
            entries.append("None")
            continue
        elif kind == "array" and n:
            size = int(numpy.prod(common))
            if twice or size <= n:
                places = draw(st.lists(st.integers(0, n - 1), min_size=size, max_size=size, unique=not twice))
                entries.append(f"t.tensor({places}).reshape({common})")
            else:
                entries.append(":")
        elif kind == "mask":
            chosen = draw(st.lists(st.booleans(), min_size=n, max_size=n))
            entries.append(f"t.tensor({chosen}, dtype=t.bool)")
        elif kind == "..." and "..." not in entries:
            entries.append("...")
            dim += draw(st.integers(0, len(shape) - dim))
            continue
        else:
            entries.append(":")
        dim += 1
    return ", ".join(entries) + ("," if len(entries) == 1 else "") if entries else "..."


SHAPES = st.sampled_from([(3,), (2, 3), (3, 2, 2), (2, 1, 3, 2), (0, 3), (4, 4)])


@settings(max_examples=200)
@given(st.data())
def test_any_key_is_read(data):
    shape = data.draw(SHAPES)
    agree(expression(f"x[{data.draw(keys(shape))}]", x=reals(shape)))


@settings(max_examples=200)
@given(st.data())
def test_any_key_is_written(data):
    """Without places that are written twice, whose order isn't promised."""
    shape = data.draw(SHAPES)
    key = data.draw(keys(shape, twice=False))
    how = data.draw(st.sampled_from(["like * 2", "7.0", "like.sum()", "like[:1] if like.dim() else like"]))

    def program(t):
        leaf = t.arange(1.0, numpy.prod(shape) + 1, dtype=t.float64).reshape(shape).clone().requires_grad_()
        x = leaf * 1
        like = eval(f"x[{key}]", {"t": t, "x": leaf}).detach().clone().requires_grad_()
        value = eval(how, {"like": like})
        exec(f"x[{key}] = value", {"t": t, "x": x, "value": value})
        (x * x).sum().backward()
        return x, leaf.grad, like.grad

    agree(program)


@settings(max_examples=60)
@given(st.data())
def test_gather_and_scatter_add(data):
    shape = data.draw(st.sampled_from([(3,), (2, 3), (3, 2, 2)]))
    dim = data.draw(st.integers(0, len(shape) - 1))
    sizes = tuple(data.draw(st.integers(0, 4)) if d == dim else data.draw(st.integers(0, n)) for d, n in enumerate(shape))
    index = integers(sizes, 0, shape[dim], data.draw(st.integers(0, 9)))
    agree(expression(f"x.gather({dim}, i), x.scatter_add({dim}, i, y), x.take_along_dim(x.argsort({dim}), {dim})", x=reals(shape), i=index, y=reals(sizes)))


@settings(max_examples=60)
@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0, float("nan"), float("inf"), -float("inf")]), max_size=12), st.booleans())
def test_order_of_equal_numbers_and_nan(numbers, descending):
    x = numpy.array(numbers)
    agree(expression(f"x.detach().sort(dim=0, descending={descending}, stable=True), x.detach().unique(), x.detach().unique_consecutive(return_counts=True)", x=x))
