"""Checkpointing: the same numbers, gradients and draws as without, and as in PyTorch."""

import gc
import warnings

import pytest
from oracle import agree

import minitorch


def quiet(program):
    def run(t):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return program(t)

    return run


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradients(reentrant):
    def program(t):
        t.manual_seed(0)
        block = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Dropout(0.5), t.nn.Linear(4, 3))
        x = t.arange(6.0).reshape(2, 3).requires_grad_()
        y = t.utils.checkpoint.checkpoint(block, x * 2, use_reentrant=reentrant) + t.utils.checkpoint.checkpoint(block, x, use_reentrant=reentrant)
        y.square().sum().backward()
        return y, x.grad, [p.grad for p in block.parameters()], t.rand(1)

    agree(program)


@pytest.mark.parametrize("reentrant", [True, False])
def test_several_results_and_keywords(reentrant):
    def program(t):
        def f(a, b, n):
            return a * b, n, (a + b).sum(), a.detach()

        a, b = t.ones(2, requires_grad=True), t.full((2,), 3.0, requires_grad=True)
        p, n, s, d = t.utils.checkpoint.checkpoint(f, a, b, 7, use_reentrant=reentrant)
        (p.sum() * s).backward()
        return p, n, s, d.requires_grad and not reentrant, a.grad, b.grad

    agree(program)


def test_parameters_alone_need_no_input_with_a_gradient():
    def program(t):
        t.manual_seed(0)
        layer = t.nn.Linear(2, 2)
        t.utils.checkpoint.checkpoint(layer, t.ones(1, 2), use_reentrant=False).sum().backward()
        return layer.weight.grad, t.utils.checkpoint.checkpoint(layer, t.ones(1, 2), use_reentrant=True)

    agree(program)


def test_derivatives_on_request_and_twice():
    def program(t):
        x = t.arange(1.0, 4.0).requires_grad_()
        y = t.utils.checkpoint.checkpoint(lambda v: v**3, x, use_reentrant=False).sum()
        (g,) = t.autograd.grad(y, x, create_graph=True)
        (h,) = t.autograd.grad(g.sum(), x)
        return g, h

    agree(program)


def test_sequential_and_nested():
    def program(t):
        t.manual_seed(0)
        net = t.nn.Sequential(*[t.nn.Linear(2, 2) for _ in range(5)])
        x = t.ones(1, 2, requires_grad=True)
        y = t.utils.checkpoint.checkpoint_sequential(net, 2, x, use_reentrant=False)
        z = t.utils.checkpoint.checkpoint(lambda v: t.utils.checkpoint.checkpoint(net, v, use_reentrant=False) * 2, x, use_reentrant=False)
        (y + z).sum().backward()
        return y, z, x.grad, [p.grad for p in net.parameters()]

    agree(program)


def test_words():
    agree(lambda t: t.utils.checkpoint.checkpoint(lambda v: v * 2, t.ones(2)))
    agree(lambda t: t.utils.checkpoint.checkpoint(lambda v: v * 2, t.ones(2), use_reentrant=True))


def test_autocast_is_on_again():
    def program(t):
        w = t.full((2, 2), 1.001, requires_grad=True)
        with t.autocast("cpu"):
            y = t.utils.checkpoint.checkpoint(lambda v: v @ v, w, use_reentrant=False)
        y.float().sum().backward()
        return y, w.grad

    agree(program, {"float32": (1e-2, 1e-2), "bfloat16": (1e-2, 1e-2)})


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_layer_before_and_within(reentrant):
    """Gradients go back through what was before the part once, and not from within it as well."""

    def program(t):
        t.manual_seed(0)
        layer = t.nn.Linear(3, 3)
        x = t.arange(6.0).reshape(2, 3).requires_grad_()
        t.utils.checkpoint.checkpoint(lambda v: layer(v.tanh()), layer(x), use_reentrant=reentrant).square().sum().backward()
        return x.grad, [p.grad for p in layer.parameters()]

    agree(program)


def test_what_is_between_is_forgotten():
    from weakref import ref

    kept = []

    def f(v):
        middle = (v * 2).exp()
        kept.append(ref(middle._storage))
        return middle * middle

    y = minitorch.utils.checkpoint.checkpoint(f, minitorch.ones(2, requires_grad=True), use_reentrant=False)
    gc.collect()
    assert kept[0]() is None and y.requires_grad
