"""Hooks on what is kept for backward."""

import pytest
from oracle import agree

PROGRAMS = ["x * x", "x.exp() * x.sin()", "(x @ x).relu() / (x * x + 1)", "x[0] * 2 + x[1]", "t.where(x > 0, x * x, x.tanh()).softmax(0)", "x + 1"]


@pytest.mark.parametrize("text", PROGRAMS)
def test_hooks_see_what_is_kept(text):
    def program(t):
        x = t.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
        packed, unpacked = [], []

        def pack(saved):
            packed.append(saved.detach().clone())
            return saved.detach() * 2

        def unpack(content):
            unpacked.append(1)
            return content / 2

        with t.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = eval(text, {"t": t, "x": x})
        (first,) = t.autograd.grad(y.sum(), x, retain_graph=True)
        y.sum().backward()
        return y, first, x.grad, bool(packed), bool(unpacked)

    agree(program)


def test_the_graph_is_freed_and_blocks_nest():
    def program(t):
        x = t.tensor([1.0, 2.0], requires_grad=True)
        seen = []

        def block(name):
            return t.autograd.graph.saved_tensors_hooks(lambda s: seen.append(name) or s, lambda s: s)

        with block("outer"):
            y = x.exp()
            with block("inner"):
                z = y.sin()
            w = z.cos()
        with t.autograd.graph.save_on_cpu():
            w = w * w
        w.sum().backward()
        try:
            w.sum().backward()
        except RuntimeError as error:
            return seen, x.grad, str(error).partition("\n")[0], isinstance(w.grad_fn, t.autograd.graph.Node)

    agree(program)
