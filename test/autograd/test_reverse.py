"""autograd.grad and autograd.backward: the gradients, and the errors, of PyTorch."""

from collections import UserDict

import pytest
import torch

import minitorch as mt


def leaf(lib, *values):
    return lib.tensor(values, requires_grad=True)


def pair(lib):
    return leaf(lib, 1.0, 2.0), leaf(lib, 3.0, -1.0)


def twice(lib, **options):
    """Gradients of gradients of gradients."""
    x = leaf(lib, 0.5, 2.0)
    results = []
    y = (x**4 * x.exp()).sum()
    for _ in range(3):
        (g,) = lib.autograd.grad(y, x, create_graph=True)
        results.append(g)
        y = g.sum()
    return results


def untouched(lib):
    x, z = pair(lib)
    lib.autograd.grad((x * z).sum(), x)
    return x.grad, z.grad


def through_the_middle(lib):
    x, z = pair(lib)
    h = x * z
    y = h.exp()
    return lib.autograd.grad(y.sum(), [h, x, y], retain_graph=True), lib.autograd.grad(y.sum(), h)


def some_output(lib):
    x, z = pair(lib)
    y = x * 2
    return lib.autograd.grad([y, y.sum(), (y * z).sum()], [y, x, z], [lib.ones(2), None, None])


def same_input_twice(lib):
    x, _ = pair(lib)
    return lib.autograd.grad((x * x).sum(), [x, x])


def views(lib):
    x, z = pair(lib)
    y = x * z
    first, last = y[0], y[1]
    return lib.autograd.grad((first * last).sum(), [y, first, last, x], allow_unused=True)


def after_a_write(lib):
    x, z = pair(lib)
    y = x * 2
    w = y * z
    w[0] = 5.0
    return lib.autograd.grad(w.sum(), [x, z, y])


def hooks(lib):
    x, _ = pair(lib)
    h = x * 2
    x.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: g + 1)
    y = (h * h).sum()
    return lib.autograd.grad(y, h, retain_graph=True), lib.autograd.grad(y, x)


def retained(lib):
    x, _ = pair(lib)
    y = (x * x).sum()
    lib.autograd.grad(y, x, retain_graph=True)
    lib.autograd.grad(y, x)
    lib.autograd.grad(y, x)


def batched(lib, **options):
    x, z = pair(lib)
    return lib.autograd.grad([x * z, x.sum()], [x, z], [lib.eye(2), lib.ones(2)], is_grads_batched=True, **options)


def batched_unused(lib):
    x, z = pair(lib)
    return lib.autograd.grad(x * x, [x, z], lib.eye(2), is_grads_batched=True, allow_unused=True)


def batched_once(lib):
    x, _ = pair(lib)
    y = x * x
    lib.autograd.grad(y, x, lib.eye(2), is_grads_batched=True)
    lib.autograd.grad(y, x, lib.eye(2), is_grads_batched=True)


def penalty(lib):
    """A gradient in the loss, as in gradient penalties."""
    x, z = pair(lib)
    (g,) = lib.autograd.grad((x * z).tanh().sum(), x, create_graph=True)
    ((g.norm() - 1) ** 2).backward()
    return x.grad, z.grad


def several(lib, inputs=None):
    x, z = pair(lib)
    h = x * z
    lib.autograd.backward([h.sum(), h * 2], [None, leaf(lib, 1.0, 10.0)], inputs=inputs and inputs(x, z, h))
    return x.grad, z.grad, h.grad if h.retains_grad else None


def accumulated(lib):
    x, z = pair(lib)
    for _ in range(2):
        lib.autograd.backward((x * z).sum())
    return x.grad, z.grad


def variable(lib):
    x, _ = pair(lib)
    plain = lib.autograd.Variable(x * 2)
    wanting = lib.autograd.Variable(lib.ones(2), requires_grad=True)
    plain[0] = 7
    return plain, wanting, lib.autograd.Variable(data=lib.ones(1)), x


GRAD = {
    "one": lambda lib: lib.autograd.grad((leaf(lib, 2.0) ** 3).sum(), []),
    "twice": twice,
    "no .grad": untouched,
    "middle": through_the_middle,
    "outputs": some_output,
    "same twice": same_input_twice,
    "views": views,
    "after a write": after_a_write,
    "hooks": hooks,
    "freed": retained,
    "penalty": penalty,
    "batched": batched,
    "batched, again": batched_once,
    "batched, differentiable": lambda lib: batched(lib, create_graph=True),
    "batched, unused": batched_unused,
    "batched, no gradient": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * x, x, is_grads_batched=True),
    "dict": lambda lib: lib.autograd.grad((x := pair(lib)[0]).sum(), {"x": x}),
    "mapping": lambda lib: lib.autograd.grad((x := pair(lib)[0]).sum(), UserDict(x=x)),
    "iterator": lambda lib: lib.autograd.grad((x := pair(lib)[0]).sum(), iter([x])),
    "no scalar": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x),
    "no output wants it": lambda lib: lib.autograd.grad(lib.ones(()), pair(lib)[0]),
    "second output doesn't": lambda lib: lib.autograd.grad([(x := pair(lib)[0]).sum(), lib.ones(())], x),
    "integers": lambda lib: lib.autograd.grad((x := pair(lib)[0]).sum().long(), x),
    "no input wants it": lambda lib: lib.autograd.grad(pair(lib)[0].sum(), lib.ones(2)),
    "second input doesn't": lambda lib: lib.autograd.grad(
        (x := pair(lib)[0]).sum(), [x, lib.ones(2)], allow_unused=True
    ),
    "unused": lambda lib: lib.autograd.grad((p := pair(lib))[0].sum(), p),
    "unused, allowed": lambda lib: lib.autograd.grad((p := pair(lib))[0].sum(), p, allow_unused=True),
    "unused, zero": lambda lib: lib.autograd.grad((p := pair(lib))[0].sum(), p, materialize_grads=True),
    "unused, zero, again": lambda lib: lib.autograd.grad(
        (p := pair(lib))[0].exp().sum(), p, materialize_grads=True, create_graph=True
    ),
    "unused, not allowed": lambda lib: lib.autograd.grad(
        (p := pair(lib))[0].sum(), p, materialize_grads=True, allow_unused=False
    ),
    "detached": lambda lib: lib.autograd.grad((x := pair(lib)[0]).detach().requires_grad_().sum(), x),
    "gradient": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x, lib.tensor([3.0, 4.0])),
    "gradient in a list": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, [x], [lib.tensor([3.0, 4.0])]),
    "gradient of another dtype": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x, lib.ones(2).double()),
    "gradient of integers": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x, lib.ones(2).long()),
    "gradient's shape": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x, lib.ones(3)),
    "gradient's type": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x, [3]),
    "too many gradients": lambda lib: lib.autograd.grad((x := pair(lib)[0]) * 2, x, [lib.ones(2), lib.ones(2)]),
    "too few gradients": lambda lib: lib.autograd.grad([(x := pair(lib)[0]) * 2, x], x, [lib.ones(2)]),
    "input's type": lambda lib: lib.autograd.grad(pair(lib)[0].sum(), 3),
}

BACKWARD = {
    "several": several,
    "several, inputs": lambda lib: several(lib, lambda x, z, h: [x]),
    "several, middle": lambda lib: several(lib, lambda x, z, h: [h, z]),
    "several, input": lambda lib: several(lib, lambda x, z, h: x),
    "several, dict": lambda lib: several(lib, lambda x, z, h: {"z": z}),
    "accumulated": accumulated,
    "none": lambda lib: lib.autograd.backward([]),
    "no inputs": lambda lib: lib.autograd.backward(pair(lib)[0].sum(), inputs=[]),
    "input that doesn't want it": lambda lib: lib.autograd.backward(pair(lib)[0].sum(), inputs=lib.ones(2)),
    "no scalar": lambda lib: lib.autograd.backward(pair(lib)[0] * 2),
    "no scalar, none": lambda lib: lib.autograd.backward(pair(lib)[0] * 2, [None]),
    "no history": lambda lib: lib.autograd.backward([lib.ones(()), pair(lib)[0].sum()]),
    "too few": lambda lib: lib.autograd.backward([pair(lib)[0].sum()] * 2, [None]),
    "old name": lambda lib: lib.autograd.backward(pair(lib)[0].sum(), grad_variables=lib.tensor(2.0)),
    "variable": variable,
    "volatile": lambda lib: lib.autograd.Variable(lib.ones(1), volatile=True),
}


@pytest.mark.parametrize("program", GRAD.values(), ids=GRAD)
def test_grad(program, agree):
    agree(program)


@pytest.mark.parametrize("program", BACKWARD.values(), ids=BACKWARD)
def test_backward(program, agree):
    agree(program)


def test_a_deprecated_option_warns(agree):
    def program(lib):
        x, _ = pair(lib)
        with pytest.warns(FutureWarning, match="only_inputs argument is deprecated and is ignored now"):
            return lib.autograd.grad(x.sum(), x, only_inputs=False)

    agree(program)


def test_a_gradient_handed_out_is_not_written_to_later(agree):
    """What ``grad`` returned, or a hook saw, stays as it was when backward goes on or again."""

    def program(lib):
        x, z = pair(lib)
        seen = []
        h = x * z
        h.register_hook(seen.append)
        y = (h * h).sum() + h.sum()
        found = lib.autograd.grad(y, [h, x], retain_graph=True)
        before = [g.tolist() for g in (*found, *seen)]
        y.backward(retain_graph=True)
        y.backward()
        return before, [g.tolist() for g in (*found, *seen)], x.grad

    agree(program)


def test_a_batch_of_gradients_of_another_shape():
    for lib in (torch, mt):
        x, _ = pair(lib)
        with pytest.raises(RuntimeError, match="If `is_grads_batched=True`, we interpret the first dimension of each"):
            lib.autograd.grad(x * x, x, lib.eye(3), is_grads_batched=True)


def test_a_variable_is_a_tensor():
    x = mt.autograd.Variable(mt.ones(2))
    assert type(x) is mt.Tensor


def test_errors_say_what_to_do():
    x, z = pair(mt)
    with pytest.raises(RuntimeError, match=r"this tensor has shape \(2,\): call .sum\(\)"):
        mt.autograd.grad(x * 2, x)
    with pytest.raises(RuntimeError, match=r"grad_output\[1\] has a shape of torch.Size\(\[2, 2\]\)"):
        mt.autograd.grad([x * 3, x * 2], x, [mt.ones(2), mt.ones(2, 2)])
    with pytest.raises(RuntimeError, match="through a detached copy"):
        mt.autograd.grad(x.sum(), z)
