"""The names that tensors print for their history: ``grad_fn=<MulBackward0>``."""

import pytest
from oracle import agree

EXPRESSIONS = [
    "x + 1", "x + x", "x - 1", "x * 2", "x * x", "x / 2", "-x", "x ** 2", "x ** x", "2 ** x", "abs(x)", "x.exp()", "x.log()", "x.sqrt()", "x.rsqrt()", "x.sin()", "x.tanh()", "x.sigmoid()", "x.relu()", "x.erf()", "x.square()", "x.clamp(0, 1)",
    "x.maximum(x)", "x.sum()", "x.sum(0)", "x.sum((0,))", "x.mean()", "x.mean(1)", "x.prod()", "x.amax(0)", "x.softmax(0)", "x.log_softmax(0)", "x.cumsum(0)", "x.view(6)", "x.reshape(3, 2)", "x.permute(1, 0)", "x.T", "x[None].transpose(0, 2)", "x.unsqueeze(0)",
    "x[:1].squeeze()", "x.expand(4, 2, 3)", "x.flatten()", "x.flip(0)", "x[0]", "x[0, 1]", "x[:, 1:]", "x[..., 0]", "x[None]", "x[t.tensor([0, 1])]", "x[x > 0]", "x.gather(1, t.zeros(2, 1, dtype=t.int64))", "x @ x.t()", "x.mm(x.t())",
    "t.bmm(x[None], x[None].transpose(1, 2))", "t.cat([x, x])", "t.stack([x, x])", "x.clone()", "x.double()", "t.where(x > 0, x, 0.0)", "x.lerp(x, 0.5)", "t.nn.functional.linear(x, x, x[:, 0])", "t.nn.functional.linear(x, x)", "t.nn.functional.mse_loss(x, x * 2)", "t.nn.functional.relu(x)",
    "t.nn.functional.conv2d(x[None, None], x[None, None, :1, :1])", "t.nn.functional.pad(x, (1, 1))", "x.tril()", "x.diagonal()", "x.roll(1, 0)", "x.atan2(x)", "x.double().half()",
]  # fmt: skip


@pytest.mark.parametrize("text", dict.fromkeys(EXPRESSIONS))
def test_a_result_prints_pytorch_s_name(text):
    def program(t):
        x = (t.arange(6.0).reshape(2, 3) + 1.5).requires_grad_()
        y = eval(text, {"t": t, "x": x})
        return y.grad_fn.name(), repr(y).rpartition("grad_fn=")[2]

    agree(program)


def test_what_was_written_prints_pytorch_s_name():
    def program(t):
        x = t.ones(2, 3, requires_grad=True)
        names = []
        for write in ("y.add_(1)", "y.mul_(x)", "y.relu_()", "y.sin_()", "y[0].mul_(2)", "y.__setitem__(0, 5.0)", "y.__setitem__((slice(None), 1), x[:, 0])", "y.t().exp_()"):
            y = x * 1
            eval(write, {"x": x, "y": y})
            names.append(y.grad_fn.name().removeprefix("torch::autograd::"))
        return names

    agree(program)


def test_a_leaf_s_accumulator_and_next_functions():
    def program(t):
        x = t.ones(2, requires_grad=True)
        y = (x * 2).exp()
        node = y.grad_fn
        chain = []
        while node is not None:
            chain.append(node.name().removeprefix("torch::autograd::"))
            node = node.next_functions[0][0] if node.next_functions else None
        return chain

    agree(program)


def test_a_freed_step_still_has_a_name():
    def program(t):
        x = t.ones(2, 3, requires_grad=True)
        y = (x * x).exp().sum()
        y.backward()
        return repr(y)

    agree(program)
