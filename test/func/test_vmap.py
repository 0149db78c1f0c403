"""Functions of one element on batches, against torch.vmap."""

import pytest
from oracle import agree

EXPRESSIONS = {
    "dot": "t.vmap(t.dot)(a, b)",
    "columns": "t.vmap(lambda x: x.sum(), in_dims=1)(a)",
    "negative dim": "t.vmap(lambda x: x * 2, in_dims=-1, out_dims=-1)(a)",
    "one for all": "t.vmap(lambda x, y: x * y, in_dims=(0, None))(a, c)",
    "out at 1": "t.vmap(lambda x: x * 2, out_dims=1)(a)",
    "two results": "t.vmap(lambda x: (x.sum(), x * 2), out_dims=(0, 1))(a)",
    "a dict": "t.vmap(lambda p: {'s': p['x'] + p['y']}, in_dims=({'x': 0, 'y': None},))({'x': a, 'y': c})",
    "one dim for a dict": "t.vmap(lambda p, k: p['x'] + k, in_dims=(0, None))({'x': a}, 3)",
    "by keyword": "t.vmap(lambda x, y: x + y)(a, y=b)",
    "twice": "t.vmap(t.vmap(lambda x, y: x * y))(a, b)",
    "all pairs": "t.vmap(lambda x: t.vmap(lambda y: (x - y).square().sum())(b))(a)",
    "in chunks": "t.vmap(t.dot, chunk_size=1)(a, b)",
    "one result, dims in a tuple": "t.vmap(lambda x: x, out_dims=(1,))(a)",
    "in autograd": "backward(t, a)",
    "per-sample": "t.vmap(t.func.grad(lambda w, x: (w * x).sum() ** 2), in_dims=(None, 0))(c, a)",
    # what is refused
    "sizes differ": "t.vmap(t.dot)(a, a.mT)",
    "nothing to map": "t.vmap(t.dot, in_dims=None)(a, b)",
    "nothing mapped": "t.vmap(t.dot, in_dims=(None, None))(a, b)",
    "no input": "t.vmap(lambda: 3)()",
    "no such dim": "t.vmap(t.dot, in_dims=2)(a, b)",
    "a number": "t.vmap(lambda x, y: x)(a, 3)",
    "a name": "t.vmap(lambda x: x, in_dims=('x',))(a)",
    "no tensor": "t.vmap(lambda x: 3)(a)",
    "randomness": "t.vmap(lambda x: x, randomness='some')(a)",
    "a draw": "t.vmap(lambda x: x + t.randn(x.shape))(a)",
    "dropout": "t.vmap(lambda x: t.nn.functional.dropout(x))(a)",
    "the same draw": "t.manual_seed(0).initial_seed(), t.vmap(lambda x: x + t.randn(x.shape), randomness='same')(a), t.rand(1)",
    "other draws": "t.manual_seed(0).initial_seed(), t.vmap(lambda x: x + t.randn(x.shape), randomness='different')(a), t.rand(1)",
    "no chunks": "t.vmap(lambda x: x, chunk_size=0)",
}


def backward(t, a):
    a = a.clone().requires_grad_()
    out = t.vmap(lambda x: x.exp() / x.exp().sum())(a)
    (out * out).sum().backward()
    return out, a.grad


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_vmap(name):
    def program(t):
        a = t.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        return eval(EXPRESSIONS[name], {"t": t, "a": a, "b": a * 10 - 5, "c": a[0] + 1, "backward": backward})

    agree(program)


@pytest.mark.parametrize("dims", ["in_dims=((0, 0),)", "out_dims=(0, 0)"])
def test_dims_of_another_structure(dims):
    def program(t):
        try:
            eval(f"t.vmap(lambda x: x, {dims})(t.ones(2, 2))", {"t": t})
        except ValueError as error:
            return str(error).split("`.")[0]

    agree(program)
