"""The contract of the engine: a number that remembers. Also a script: ``python test/test_engine.py``.

The seed's example is kept to the letter; everything else is run with PyTorch too.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import pytest  # noqa: E402
import torch  # noqa: E402
from oracle import Raised, agree  # noqa: E402

from minitorch.engine import Tensor  # noqa: E402


def pytorch(number):
    """PyTorch's counterpart of ``Tensor(number)``: a number that wants its gradient."""
    return torch.tensor(float(number), requires_grad=True)


def test_the_seed_s_example():
    a = Tensor(4)
    b = Tensor(3)
    c = Tensor(2)
    d = a + b
    e = d * c
    e.backward()
    assert a.grad == 2 and b.grad == 2 and c.grad == 7
    assert f"{a.grad} {b.grad} {c.grad}" == "2.0 2.0 7.0"

    x, y, z = pytorch(4), pytorch(3), pytorch(2)
    ((x + y) * z).backward()
    assert f"{x.grad} {y.grad} {z.grad}" == f"{a.grad} {b.grad} {c.grad}"


def test_what_tensor_of_a_number_is():
    a = Tensor(4)
    assert (a.shape, str(a.dtype), a.requires_grad, a.is_leaf, a.item()) == ((), "torch.float32", True, True, 4.0)
    assert not Tensor([1, 2]).requires_grad and str(Tensor([1, 2]).dtype) == "torch.float32"
    assert Tensor(2, 3).shape == torch.Tensor(2, 3).shape == (2, 3)
    assert Tensor().shape == torch.Tensor().shape == (0,)


EXPRESSIONS = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a**b, lambda a, b: a**3,
    lambda a, b: 2**a, lambda a, b: 1 - a, lambda a, b: 1 / a, lambda a, b: 3 * a + b * 2 - 1, lambda a, b: -a, lambda a, b: a.exp(),
    lambda a, b: a.log(), lambda a, b: a.relu() + (-a).relu(), lambda a, b: a.tanh(), lambda a, b: b.sigmoid(),
    lambda a, b: (a * b + b**3).relu() + (a + b + 1), lambda a, b: (a // b).detach() * a, lambda a, b: a % b, lambda a, b: (7 // a).detach() * b, lambda a, b: abs(a - b),
    lambda a, b: a.maximum(b) * a.minimum(b), lambda a, b: (a > b) * a + (a <= b) * b,
]  # fmt: skip


def test_every_expression_of_two_numbers():
    for expression in EXPRESSIONS:
        for first, second in ((4, 3), (0.5, 2), (2.5, -1.5)):
            a, b = Tensor(first), Tensor(second)
            x, y = pytorch(first), pytorch(second)
            got, expected = expression(a, b), expression(x, y)
            got.backward()
            expected.backward()
            for g, e in ((got, expected), (a.grad, x.grad), (b.grad, y.grad)):
                assert (g is None) == (e is None)
                if e is not None:
                    e, g = float(e.detach()), float(g.detach())
                    assert abs(e - g) <= 1e-5 * abs(e) + 1e-6 or (e != e and g != g), (first, second)


def test_a_variable_used_many_times_accumulates():
    for make in (Tensor, pytorch):
        a = make(3)
        b = a + a
        c = a * b + b
        c.backward()
        assert a.grad == 14
        (a * 2).backward()
        assert a.grad == 16


def test_micrograd_s_larger_example():
    results = []
    for make in (Tensor, pytorch):
        a, b = make(-4.0), make(2.0)
        c = a + b
        d = a * b + b**3
        c = c + c + 1
        c = c + 1 + c + (-a)
        d = d + d * 2 + (b + a).relu()
        d = d + 3 * d + (b - a).relu()
        e = c - d
        f = e**2
        g = f / 2.0
        g = g + 10.0 / f
        g.backward()
        results.append([float(x) for x in (g.detach(), a.grad, b.grad)])
    expected, got = results[1], results[0]
    assert all(abs(x - y) <= 1e-5 * abs(x) for x, y in zip(expected, got)), results


def test_the_graph_is_dynamic():
    def as_long_as_it_takes(t):
        x = t.tensor(1.5, requires_grad=True)
        y, steps = x, 0
        while y < 20:
            y = y * x if steps % 2 else y + x
            steps += 1
        y.backward()
        return steps, y, x.grad

    assert not isinstance(agree(as_long_as_it_takes), Raised)


def test_the_order_is_topological():
    def diamond(t):
        a = t.tensor(2.0, requires_grad=True)
        b = a * 3
        late = a * b
        early = b + 1
        out = late * early + b * late
        out.backward()
        return out, a.grad

    agree(diamond)


def test_a_chain_of_a_million_operations_goes_backward():
    x = y = Tensor(1)
    for _ in range(1_000_000):
        y = y + 1
    y.backward()
    assert x.grad == 1 and y.item() == 1_000_001
    del y  # a million nodes are let go without recursion


def test_true_tensors():
    def layers(t):
        x = t.arange(12.0).reshape(4, 3) / 10
        w = (t.arange(6.0).reshape(3, 2) / 5).requires_grad_()
        b = t.zeros(2, requires_grad=True)
        h = (x @ w + b).tanh()
        loss = (h - t.ones(4, 2)).square().mean()
        loss.backward()
        return loss, w.grad, b.grad

    assert not isinstance(agree(layers), Raised)


def test_second_derivatives():
    def curvature(t):
        x = t.tensor([0.5, 1.0], requires_grad=True)
        (slope,) = t.autograd.grad((x.sin() * x**3).sum(), x, create_graph=True)
        return slope, t.autograd.grad(slope.sum(), x)

    assert not isinstance(agree(curvature), Raised)


ERRORS = [
    lambda t: t.zeros(2, 3) @ t.zeros(2, 3), lambda t: t.zeros(3) + t.zeros(4), lambda t: t.zeros(2, requires_grad=True).backward(),
    lambda t: t.zeros(()).backward(), lambda t: t.zeros(3).reshape(2, 2), lambda t: t.zeros(3).sum(5), lambda t: t.zeros(3)[4],
    lambda t: bool(t.zeros(2)), lambda t: t.zeros(2).item(), lambda t: len(t.zeros(())), lambda t: t.zeros(2, requires_grad=True).numpy(),
]  # fmt: skip


def test_errors_are_pytorch_s():
    for program in ERRORS:
        assert isinstance(agree(program), Raised)


COMPLEX_BACKWARD = {
    "a real leaf gets the real part": lambda t: ((x := t.tensor([1.0, 2.0], requires_grad=True)), (x * (1 + 2j)).abs().sum().backward(), x.grad),
    "the way uphill": lambda t: ((x := t.tensor([1 + 2j, 3 - 1j], requires_grad=True)), (x * x).real.sum().backward(), x.grad),
    "written through a part": lambda t: (
        (x := t.tensor([1 + 2j, 3 - 1j], requires_grad=True)), (y := x * 2), y.real.mul_(t.tensor([3.0, 4.0])), y.abs().sum().backward(), y, x.grad,
    ),
    "set a part": lambda t: (
        (x := t.tensor([1 + 2j], requires_grad=True)), (y := x * 2j), (r := t.ones(1, requires_grad=True)), setattr(y, "imag", r * 3),
        (y * y).abs().sum().backward(), y, x.grad, r.grad,
    ),
    "no implicit gradient": lambda t: t.tensor([1j], requires_grad=True).sum().backward(),
    "nor a real one": lambda t: t.tensor([1j], requires_grad=True).backward(t.ones(1)),
    "nor a complex one of a real": lambda t: t.autograd.grad((x := t.tensor([1j], requires_grad=True)).abs(), x, t.tensor([1j])),
    "integers have none": lambda t: setattr(t.tensor([1]), "requires_grad", True),
    "as a method": lambda t: t.tensor([1]).requires_grad_(),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPLEX_BACKWARD)
def test_complex_numbers_go_back(name):
    agree(COMPLEX_BACKWARD[name])


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name} ok")
