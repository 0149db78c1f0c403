"""Derivatives of functions, nested and of nested arguments, against torch.func."""

import warnings

import pytest
import torch
from oracle import agree, assert_same, outcome

import minitorch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.func.jvp(torch.sin, (torch.ones(1),), (torch.ones(1),))  # its first call compiles, and warns of it

A, B = "t.tensor([0.5, -1.0, 2.0], dtype=t.float64)", "t.tensor([[1., 2., 3.], [-1., 0., 1.]], dtype=t.float64)"

EXPRESSIONS = {
    "grad": "f.grad(lambda x: (x ** 3).sum())(a)",
    "grad twice": "f.grad(lambda x: f.grad(lambda y: (y ** 3).sum())(x).sum())(a)",
    "grad three times": "f.grad(f.grad(f.grad(t.sin)))(a[0])",
    "of the second": "f.grad(lambda x, y: (x * y).sum(), argnums=1)(a, b)",
    "of the last": "f.grad(lambda x, y: (x * y).sum(), argnums=-1)(a, b)",
    "of both": "f.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(a, b)",
    "with aux": "f.grad(lambda x: ((x * x).sum(), x * 3), has_aux=True)(a)",
    "and value": "f.grad_and_value(lambda x: (x * x).sum())(a)",
    "and value, with aux": "f.grad_and_value(lambda x: ((x * x).sum(), {'k': x}), has_aux=True)(a)",
    "of a dict": "f.grad(lambda p, x: (p['w'] * x + p['b']).sum())({'w': a, 'b': a * 2}, b)",
    "of nested": "f.grad(lambda p: (p[0]['w'] * p[1][0]).sum())([{'w': a}, (b, a)])",
    "independent": "f.grad(lambda x: b.sum())(a)",
    "a number in no_grad": "t.no_grad()(f.grad(lambda x: (x * x).sum()))(a)",
    "a parameter from outside": "outside(t, f, lambda w, x: f.grad(lambda y: (w * y * y).sum())(x))",
    "inside autograd": "outside(t, f, lambda w, x: f.grad(lambda y: (y ** 3).sum())(w))",
    "value inside autograd": "outside(t, f, lambda w, x: f.grad_and_value(lambda y: (y ** 3 * w).sum())(x)[1])",
    "vjp": "(lambda out, back: (out, back(t.ones_like(out)), back(out)))(*f.vjp(lambda x: x.sin() * 2, a))",
    "vjp of two": "(lambda out, back: back(out))(*f.vjp(lambda x, y: (x * y, {'s': x.sum()}), a, b))",
    "vjp with aux": "(lambda out, back, aux: (out, back(out), aux))(*f.vjp(lambda x: (x * x, x), a, has_aux=True))",
    "jvp": "f.jvp(lambda x: x.sin(), (a,), (a * 2,))",
    "jvp of two": "f.jvp(lambda x, y: (x * y, y.sum()), (a, b), (a, b + 1))",
    "jvp of a constant": "f.jvp(lambda x: x * 0 + 1, (a,), (a,))",
    "jvp with aux": "f.jvp(lambda x: (x * x, x + 1), (a,), (a,), has_aux=True)",
    "jvp, linear": "f.jvp(lambda x: x * 2, (a,), (a,))",
    "grad of jvp": "f.grad(lambda x: f.jvp(lambda y: y ** 3, (x,), (a,))[1].sum())(a)",
    "jacrev": "f.jacrev(lambda x: x ** 2)(a)",
    "jacrev of a matrix": "f.jacrev(lambda x: x.mT @ x)(b)",
    "jacrev of two": "f.jacrev(lambda x, y: {'p': x * y, 's': y.sum(0)}, argnums=(0, 1))(a, b)",
    "jacrev with aux": "f.jacrev(lambda x: (x * x, x.sum()), has_aux=True)(a)",
    "jacrev, independent": "f.jacrev(lambda x: b * 1)(a)",
    "jacfwd": "f.jacfwd(lambda x, y: x * y, argnums=1)(a, b)",
    "jacfwd of jacrev": "f.jacfwd(f.jacrev(lambda x: x ** 3))(a)",
    "hessian": "f.hessian(lambda x: (x ** 3).sum() * x[0])(a)",
    "hessian of two": "f.hessian(lambda x, y: (x * y).sum() ** 2, argnums=(0, 1))(a, b[0])",
    # what is refused
    "not one number": "f.grad(lambda x: x)(a)",
    "no tensor": "f.grad(lambda x: 3)(a)",
    "of no tensor": "f.grad(lambda x: x)(3)",
    "no such argument": "f.grad(lambda x: x.sum(), argnums=1)(a)",
    "twice the same": "f.grad(lambda x, y: x.sum(), argnums=(0, -2))(a, b)",
    "no argument": "f.grad(lambda x: x.sum(), argnums=())(a)",
    "a name": "f.grad(lambda x: x.sum(), argnums='x')(a)",
    "no aux": "f.grad(lambda x: x.sum(), has_aux=True)(a)",
    "jvp of no tuple": "f.jvp(t.sin, a, a)",
}


def outside(t, f, function):
    """The value of ``function`` of a leaf and a constant, and the leaf's gradient."""
    w, x = t.tensor([1.0, 2.0, 3.0], requires_grad=True), t.tensor([0.5, -1.0, 2.0])
    value = function(w, x)
    if value.requires_grad:
        value.sum().backward()
    return value, w.grad


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_derivative(name):
    def program(t):
        names = {"t": t, "f": t.func, "a": eval(A, {"t": t}), "b": eval(B, {"t": t}), "outside": outside}
        return eval(EXPRESSIONS[name], names)

    agree(program)


def test_a_training_step_as_a_function():
    def program(t):
        t.manual_seed(0)
        model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1))
        parameters = {name: p.detach() for name, p in model.named_parameters()}

        def loss(parameters, x, y):
            return (t.func.functional_call(model, parameters, (x,)) - y).square().mean()

        x, y = t.linspace(-1, 1, 15).reshape(5, 3), t.linspace(0, 1, 5).reshape(5, 1)
        for _ in range(3):
            gradients = t.func.grad(loss)(parameters, x, y)
            parameters = {name: p - 0.1 * gradients[name] for name, p in parameters.items()}
        each = t.vmap(t.func.grad(loss), in_dims=(None, 0, 0))(parameters, x, y)  # for each sample its own
        return parameters, each

    agree(program)


def test_linearize():
    def program(t):
        x, y = t.tensor([1.0, 2.0]), t.tensor([3.0, 4.0])
        value, along = t.func.linearize(lambda x, y: (x * y.sin(), {"a": x + y}), x, y)
        changes = along(x, y), along(y, x), along(t.zeros(2), t.ones(2))
        refused = []
        for tangents in ((t.ones(3), y), (x.double(), y)):
            try:
                along(*tangents)
            except RuntimeError as error:
                refused.append(str(error))
        return value, changes, refused, t.func.linearize(lambda x: x.relu().sum(), x - 1.5)[1](y)

    assert_same(outcome(program, torch)[0], outcome(program, minitorch)[0])  # PyTorch's warns of how it is compiled
