"""A compiled forward whose backward is called from outside: what is kept for it, freed after it, and met on its way, as in PyTorch."""

import pytest
from courses import agrees, attempt

import minitorch


def third(torch):
    return torch.arange(3.0) / 3


def weights(torch):
    return torch.ones(3, requires_grad=True)


# ---------------------------------------------------------------------------------------------------------- what is kept


def written_before_backward(function, write):
    """A course: ``write(torch, x, w, results)`` comes between forward and backward, in the later calls."""

    def course(torch, compiled):
        w, v = weights(torch), weights(torch)
        f = compiled(lambda x: function(torch, x, w, v))
        for k in range(8):
            w.grad = v.grad = None
            x = third(torch)
            results = f(x)
            if k > 3:
                with torch.no_grad():
                    write(x, v, results)
            error = attempt(lambda k=k, results=results: results[k % 2].sum().backward())
            yield error, None if error else (w.grad, v.grad)  # some may have arrived before the error

    return course


FUNCTIONS = {
    "exp": lambda torch, x, w, v: ((x * w).exp(), (x * v).sigmoid()),
    "products": lambda torch, x, w, v: (x * w * v, x * w + 1),
    "activations": lambda torch, x, w, v: ((x * w).relu(), (x * w * v).tanh()),
    "composites": lambda torch, x, w, v: (torch.nn.functional.gelu(x * w), torch.nn.functional.softmax(x * v, 0)),
    "views": lambda torch, x, w, v: ((x * w).exp()[1:], (x * v).sum()),
    "sums": lambda torch, x, w, v: ((x + w).sum(), (x + v).sum()),
}

WRITES = {
    "the first result": lambda x, v, results: results[0].add_(1),
    "the second result": lambda x, v, results: results[1].mul_(2),
    "a part of a result": lambda x, v, results: results[0].view(-1)[:1].zero_(),
    "the argument": lambda x, v, results: x.add_(1),
    "a parameter": lambda x, v, results: v.add_(1),
}


# ------------------------------------------------------------------------------------------------ what is freed, and when


def one_backward_after_the_other(function):
    def course(torch, compiled):
        w, v = weights(torch), weights(torch)
        f = compiled(lambda x: function(torch, x, w, v))
        for k in range(8):
            w.grad = v.grad = None
            results = f(third(torch))
            for j in range(3):
                error = attempt(lambda j=j + k, results=results: results[j % 2].sum().backward())
                yield error, None if error else (w.grad, v.grad)

    return course


def shared(torch, x, w, v):
    h = (x * w).exp()
    return h * v, h.log()


# ------------------------------------------------------------------------------------------------------ what is met on the way


def inner_and_outer(torch, x, w):
    h = (x * w).exp()
    return h, h.square().sum()


def an_inner_gradient_that_is_retained(torch, compiled):
    w = weights(torch)
    f = compiled(lambda x: inner_and_outer(torch, x, w))
    for _ in range(6):
        w.grad = None
        h, loss = f(third(torch))
        h.retain_grad()
        loss.backward()
        yield h.grad, w.grad


def an_inner_gradient_that_a_hook_changes(torch, compiled):
    w = weights(torch)
    f = compiled(lambda x: inner_and_outer(torch, x, w))
    for _ in range(6):
        w.grad, seen = None, []
        h, loss = f(third(torch))
        h.register_hook(lambda g, seen=seen: seen.append(g.clone()) or g * 2)
        loss.backward()
        yield seen, w.grad


# ------------------------------------------------------------------------------------------------------ gradients of gradients


def of_gradients(function, change=lambda torch, state, x: None):
    """A course: the gradient of a gradient, after ``change`` did something to what the forward came of."""

    def course(torch, compiled):
        state = {"w": weights(torch), "norm": torch.nn.BatchNorm1d(3), "scale": 2.0}
        f = compiled(lambda batch: function(torch, batch, state))
        for _ in range(6):
            batch = [third(torch).repeat(4, 1).clone() ** 2 + torch.eye(4, 3)]
            y = f(batch)
            change(torch, state, batch)
            (g,) = torch.autograd.grad(y.square().sum(), state["w"], create_graph=True)
            (gg,) = torch.autograd.grad(g.square().sum(), state["w"])
            yield y, g, gg, state["norm"].running_mean, state["norm"].num_batches_tracked

    return course


def twice(torch, batch, state):
    return (batch[0] * state["w"]).tanh()


def normalised(torch, batch, state):
    return state["norm"]((batch[0] * state["w"]).exp())


def another_batch(torch, state, batch):
    batch[0] = torch.zeros(4, 3)


def what_it_kept(torch, compiled):
    state = {"h": torch.zeros(3)}
    w = weights(torch)

    def f(x):
        y = (x * w + state["h"]).exp()
        state["h"] = y.detach() * 0.1
        return y

    f = compiled(f)
    for _ in range(6):
        y = f(third(torch))
        yield torch.autograd.grad(y.sum(), w, create_graph=True)[0], state["h"]


COURSES = {
    **{f"{name}, then {what}": written_before_backward(FUNCTIONS[name], WRITES[what]) for name in FUNCTIONS for what in WRITES},
    **{f"backward of {name}": one_backward_after_the_other(function) for name, function in {**FUNCTIONS, "shared": shared}.items()},
    "twice": of_gradients(twice),
    "twice, then another batch": of_gradients(twice, another_batch),
    "with statistics": of_gradients(normalised),
    **{course.__name__: course for course in (
        an_inner_gradient_that_is_retained, an_inner_gradient_that_a_hook_changes, what_it_kept,
    )},
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_agrees_with_pytorch(course):
    agrees(course)


# --------------------------------------------------------------------------------------------- what can't be said once more


def refused(f, x, w, change=lambda: None):
    for _ in range(4):
        y = f(x)
    change()
    with pytest.raises(RuntimeError, match="torch.compile with aot_autograd does not currently support double backward"):
        minitorch.autograd.grad(y.sum(), w, create_graph=True)


def test_random_numbers_are_not_drawn_again():
    w = weights(minitorch)
    refused(minitorch.compile(lambda x: minitorch.nn.functional.dropout(x * w)), third(minitorch), w)


def test_what_counts_its_calls_is_not_called_again():
    w, state = weights(minitorch), {"calls": 0}

    def f(x):
        state["calls"] += 1
        return (x * w).exp() * state["calls"]

    refused(minitorch.compile(f), third(minitorch), w)


def test_what_reaches_something_else_now_is_not_called_again():
    w, scale = weights(minitorch), [2.0]
    refused(minitorch.compile(lambda x: (x * w * scale[0]).exp()), third(minitorch), w, lambda: scale.append(1.0))
