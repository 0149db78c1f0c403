"""Views that can't follow a write to their memory: made one of several, or under no_grad. However the write is done, and
whatever is asked of the view, it is PyTorch's answer or its refusal."""

import itertools

import pytest
import torch
from oracle import agree

import minitorch

MAKERS = {
    "split": lambda t, x: x.split(1)[1], "unbind": lambda t, x: x.unbind()[1], "chunk": lambda t, x: x.chunk(2)[0],
    "split with sizes": lambda t, x: x.split_with_sizes([1, 1])[1], "tensor_split": lambda t, x: x.tensor_split(2)[0],
    "vsplit": lambda t, x: x.vsplit(2)[0], "view of one of several": lambda t, x: x.split(1)[1].unsqueeze(0), "split of a split": lambda t, x: x.split(1)[1].split(1)[0],
    "no_grad": lambda t, x: silent(t, lambda: x[1]), "split in no_grad": lambda t, x: silent(t, lambda: x.split(1)[1]),
    "no_grad of one of several": lambda t, x: silently_seen(t, x.split(1)[1]),
    "select": lambda t, x: x[1], "view of a view": lambda t, x: x[1:].unsqueeze(0),
}  # fmt: skip
WRITES = {
    "nothing": lambda x, v, w: None, "the base": lambda x, v, w: x.mul_(2), "another": lambda x, v, w: w.mul_(2), "the view": lambda x, v, w: v.mul_(2),
}  # fmt: skip
USES = {
    "use": lambda t, x, v, w: (v * 2).sum(), "use in no_grad": lambda t, x, v, w: silent(t, lambda: v * 2), "view": lambda t, x, v, w: v.view(-1).shape,
    "view in no_grad": lambda t, x, v, w: silent(t, lambda: v.view(-1)).shape, "detach": lambda t, x, v, w: v.detach(), "write": lambda t, x, v, w: v.add_(1),
    "write in no_grad": lambda t, x, v, w: silent(t, lambda: v.add_(1)).shape, "another": lambda t, x, v, w: w * 2, "is it a leaf": lambda t, x, v, w: v.is_leaf,
}  # fmt: skip


FOLLOWING = ("tensor_split", "vsplit", "select", "view of a view")


def silent(t, function):
    with t.no_grad():
        return function()


def silently_seen(t, x):
    return silent(t, lambda: x.view(-1))


def run(t, make, write, use, recorded, wanting):
    leaf = t.ones(2, 2, requires_grad=True)
    x = leaf * 2 if wanting else t.ones(2, 2)
    v, w = MAKERS[make](t, x), x[0]
    with t.set_grad_enabled(recorded):
        WRITES[write](x, v, w)
    if not wanting:
        x.mul_(leaf)
    result = USES[use](t, x, v, w)
    if isinstance(result, t.Tensor) and result.requires_grad and result.grad_fn is not None:
        result.sum().backward()
    return result.detach() if isinstance(result, t.Tensor) else result, leaf.grad, x._version


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("write", WRITES)
def test_as_in_pytorch(make, write):
    for use, recorded, wanting in itertools.product(USES, (True, False), (True, False)):
        if use == "write" and not wanting and make in FOLLOWING:
            continue  # PyTorch takes it for a leaf that wants a gradient, since its base became one's child later
        agree(lambda t: run(t, make, write, use, recorded, wanting))  # noqa: B023


def test_what_is_printed_of_them():
    def program(t):
        x = t.ones(2, 2, requires_grad=True) * 2
        v = x.split(1)[0]
        before = repr(v), v.grad_fn.name(), x.unbind()[0].grad_fn.name(), x.chunk(2)[0].grad_fn.name()
        x.mul_(2)
        return before, repr(v), v.requires_grad

    agree(program)


PERMUTED = {
    "expanded": lambda y: y.expand(3, *y.shape),
    "windows": lambda y: y.unfold(-1, 2, 2),
    "expanded as another": lambda y: y[:, :1].expand_as(y),
}


@pytest.mark.parametrize("order", [(0, 1, 3, 2), (0, 2, 1, 3), (3, 1, 2, 0), (3, 2, 1, 0)])
@pytest.mark.parametrize("name", PERMUTED)
def test_views_of_memory_in_any_order(name, order):
    """What comes of a permuted tensor lies as that does: neither in order nor in the reverse of it."""
    def changed(t):
        x = t.arange(120.0).reshape(2, 3, 4, 5).requires_grad_()
        y = x.permute(order) * 2
        view = PERMUTED[name](y)
        product = (view * view).sum()
        with t.no_grad():
            y.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            product.backward()
        if name == "windows":
            view.mul_(3)
            y.sum().backward()
            return view.detach(), x.grad
        return (view.detach(),)

    for ours, expected in zip(changed(minitorch), changed(torch), strict=True):
        assert ours.tolist() == expected.tolist()
