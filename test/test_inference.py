"""Inference mode: what is made there is remembered, and refused where gradients need it."""

import pytest
from oracle import agree

PROGRAMS = """
x=t.ones(2);I: y=x*2 | y.is_inference(), x.is_inference(), t.is_inference(y)
I: y=t.ones(2) | y.is_inference(), y.requires_grad, (y*2).is_inference(), y.view(-1).is_inference(), y[0].is_inference(), y.detach().is_inference(), y.clone().is_inference()
x=t.ones(2);I: y=x.view(-1) | y.is_inference()
I: y=t.ones(2) | y.add_(1)
I: y=t.ones(2) | w*y
I: y=t.ones(2) | w+y
I: y=t.ones(2) | y._version
I: y=t.ones(2) | y.requires_grad_()
I: y=t.ones(2,requires_grad=True) | y.requires_grad, y.is_inference()
I: y=t.ones(2).add_(1) | y, y.is_inference()
x=t.ones(2);I: x.add_(1) | x, x._version
z=w*1;I: z.add_(1) | z.sum().item(), z._version
z=w*1;I: v=z.view(-1) | v.add_(1)
z=w*1;I: v=z[0] | v.is_inference(), (v*2).item()
z=w*1;v=z[:1];I: v.add_(1) | (v*2).sum().backward(), w.grad
z=w*1;I: v=z[:1] | z.add_(1), v*2
I: y=t.ones(2) | y.view(-1).add_(1)
I: y=t.ones(2) | t.stack([y,y]).is_inference(), y.sum().item(), y.tolist()
I: y=t.tensor([1.,2.]) | y.is_inference(), y.numpy().sum()
I: y=t.nn.Linear(2,2) | y.weight.is_inference(), y.weight.requires_grad
m=t.nn.Linear(2,2);I: y=m(x0) | y.is_inference(), y.requires_grad, m.weight.is_inference()
I: y=t.ones(2) | N(lambda: y.add_(1))
I: y=t.ones(2) | N(lambda: y*w)
I: y=t.ones(2) | N(lambda: y.view(-1)).is_inference()
x=t.ones(2);I: y=x.clone() | x.copy_(y), w.detach().mul_(y)
I: y=t.ones(2) | w.mul(2).mul_(y)
I: y=t.ones(2) | t.add(x0[0],1,out=y)
I: y=t.randn(2); y=t.zeros_like(y) | y.is_inference()
I: y=t.ones(2) | y.data.is_inference(), y.t().is_inference()
I: y=t.ones(2) | y.copy_(x0[0])
I: y=t.ones(2) | y.zero_()
I: y=t.ones(2) | y.__setitem__(0,3.)
I: y=t.nn.Parameter(t.ones(2)) | (y*2).sum().backward(), y.grad
I: y=w.exp() | y.requires_grad, y.is_leaf, y.grad_fn
I: y=t.arange(3) | w[y[:1]], w.index_select(0,y[:1])
""".strip().splitlines()
"""Before the block; in it, after "I:"; and what is asked for afterwards."""


@pytest.mark.parametrize("line", PROGRAMS)
def test_as_in_pytorch(line):
    steps, asked = line.rsplit(" | ", 1)
    before, inside = steps.split("I:")

    def program(t):
        def without_grad(function):
            with t.no_grad():
                return function()

        scope = {"t": t, "w": t.ones(2, requires_grad=True), "x0": t.ones(1, 2), "N": without_grad}
        exec(before.strip().rstrip(";"), scope)
        with t.inference_mode():
            exec(inside.strip(), scope)
        return eval(asked, scope)

    agree(program)
