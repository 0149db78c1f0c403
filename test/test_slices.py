"""Gradients of slices, which are added up at their places in the whole's: the same as PyTorch's."""

import pytest
from oracle import agree

import minitorch

SLICES = [
    "[x[k] for k in range(4)]",
    "x.unbind(1)",
    "x.split(2)",
    "[*x.chunk(3, 1), x]",
    "[x[1:3], x[2:], x[0], x[::2, 1]]",
    "[x[:, None, 0], x[..., -1], x[2, 2]]",
    "[x[0], x[0], x * 2, x[1].expand(2, 3)]",
    "[x.T[0], x.T[1], x.reshape(2, 6)[1], x[3]]",
    "[x[1:][1:], x[1:][0], x[2]]",
    "[x[k].float() for k in range(4)]",
]


@pytest.mark.parametrize("leaf", [True, False])
@pytest.mark.parametrize("text", SLICES)
def test_slices(text, leaf):
    def program(t):
        w = t.arange(12.0, dtype=t.float64).reshape(4, 3).requires_grad_()
        x = w if leaf else w * w
        total = sum([(y * (k + 1) * y).sum().double() for k, y in enumerate(eval(text, {"x": x}))])
        total.backward(retain_graph=True)
        once = w.grad.clone()
        total.backward()
        return once, w.grad

    agree(program)


@pytest.mark.parametrize("text", SLICES)
def test_slices_to_second_order(text):
    def program(t):
        w = t.arange(12.0, dtype=t.float64).reshape(4, 3).requires_grad_()
        total = sum([(y * y * (k + 1) * y).sum().double() for k, y in enumerate(eval(text, {"x": w * w}))])
        (g,) = t.autograd.grad(total, w, create_graph=True)
        return g, t.autograd.grad((g * g).sum(), w)

    agree(program)


@pytest.mark.parametrize("hook", ["x.register_hook(note)", "x[1].grad_fn.register_hook(lambda *_: None)", "w.register_hook(note)",
                                  "parts[1].register_hook(lambda g: g * 3)", "parts[0].grad_fn.register_prehook(lambda gs: (gs[0] * 2,))",
                                  "x.retain_grad()", "w.register_post_accumulate_grad_hook(lambda w: note(w.grad))"])  # fmt: skip
@pytest.mark.parametrize("leaf", [True, False])
def test_hooks_see_the_sum(hook, leaf):
    if leaf and "retain" in hook:
        hook = "None"

    def program(t):
        w = t.arange(12.0).reshape(4, 3).requires_grad_()
        x = w if leaf else w * w
        parts, seen = [x[k] for k in range(4)], []
        eval(hook, {"x": x, "w": w, "parts": parts, "note": lambda g: seen.append(g.clone())})
        sum([(y * (k + 1)).sum() for k, y in enumerate(parts)]).backward()
        return w.grad, seen, None if leaf else x.requires_grad and "retain" in hook and x.grad

    agree(program)


def test_gradients_of_some_inputs_and_of_nobody():
    def program(t):
        w, v = [t.arange(6.0).reshape(2, 3).requires_grad_() for _ in range(2)]
        x = w * v
        total = (x[0] * x[1]).sum() + w[0].sum()
        first = t.autograd.grad(total, [w], retain_graph=True)
        total.backward(inputs=[v])
        return first, w.grad, v.grad

    agree(program)
    (minitorch.ones(3).requires_grad_() * 1)[0].backward()  # its leaf is gone


def test_an_earlier_gradient_that_somebody_holds_is_not_touched():
    w = minitorch.ones(4, 2).requires_grad_()
    for _ in range(2):
        sum([w[k].sum() * k for k in range(4)]).backward()
        held = w.grad
        w.grad = None
    assert held[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]
