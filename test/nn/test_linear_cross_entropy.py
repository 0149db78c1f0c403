"""LinearCrossEntropyLoss and CTCLoss as layers, against PyTorch; their functions are tested by themselves."""

import tracemalloc

import pytest
from oracle import agree

import minitorch
from minitorch.nn import LinearCrossEntropyOptions
from minitorch.nn.functional import linear_cross_entropy

LAYERS = [
    "(5, 4)", "(5, 4, bias=True, reduction='sum')", "(5, 4, reduction='none', ignore_index=1)",
    "(5, 4, weight=t.tensor([1., 2., 0.5, 1.]), label_smoothing=0.1)", "(5, 4, dtype=t.float64)",
    "(5, 4, options=t.nn.LinearCrossEntropyOptions(batch_chunk_size=2))",
]  # fmt: skip
REFUSED = ["(5, 4, weight=t.ones(3))", "(5, 4, label_smoothing=1.5)", "(5, 4, label_smoothing=-0.1)"]


@pytest.mark.parametrize("arguments", LAYERS)
def test_linear_cross_entropy(arguments):
    def program(t):
        t.manual_seed(0)
        module = eval(f"t.nn.LinearCrossEntropyLoss{arguments}", {"t": t})
        x = t.linspace(-1, 1, 30, dtype=module.linear.weight.dtype).reshape(6, 5).requires_grad_()
        out = module(x, t.tensor([0, 1, 2, 3, 1, 0]))
        out.sum().backward()
        return repr(module), out, x.grad, [p.grad for p in module.parameters()], dict(module.state_dict())

    agree(program)


def test_several_scores_for_a_sample():
    def program(t):
        t.manual_seed(0)
        module = t.nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True)
        return repr(module), module(t.linspace(-1, 1, 6).reshape(2, 3), t.tensor([[0, 3], [1, 2]]))

    agree(program)


@pytest.mark.parametrize("arguments", REFUSED)
def test_refused(arguments):
    agree(lambda t: eval(f"t.nn.LinearCrossEntropyLoss{arguments}", {"t": t}))


@pytest.mark.parametrize("arguments", ["()", "(blank=2, reduction='sum')", "(reduction='none', zero_infinity=True)"])
def test_ctc(arguments):
    def program(t):
        module = eval(f"t.nn.CTCLoss{arguments}", {"t": t})
        x = t.linspace(-3, 3, 60).reshape(5, 3, 4).sin().requires_grad_()
        out = module(x.log_softmax(2), t.tensor([[1, 3], [3, 1], [1, 1]]), t.tensor([5, 4, 3]), t.tensor([2, 1, 2]))
        out.sum().backward()
        return repr(module), out, x.grad

    agree(program)


def test_chunks_keep_no_scores_for_the_way_back():
    x, weight = minitorch.randn(512, 8).requires_grad_(), minitorch.randn(2000, 8).requires_grad_()
    target = minitorch.randint(0, 2000, (512,))

    def peak(options):
        linear_cross_entropy(x, weight, target, options=options).backward()  # the first call may load kernels
        tracemalloc.start()
        linear_cross_entropy(x, weight, target, options=options).backward()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    scores = 4 * 512 * 2000  # bytes
    assert peak(LinearCrossEntropyOptions(batch_chunk_size=32)) < scores / 2 < 2 * scores < peak(None)


def test_chunks_can_be_differentiated_twice():
    x, weight = minitorch.randn(5, 3, dtype=minitorch.float64), minitorch.randn(4, 3, dtype=minitorch.float64)
    options, target = LinearCrossEntropyOptions(batch_chunk_size=2), minitorch.tensor([0, 3, 1, 1, 2])
    inputs = x.requires_grad_(), weight.requires_grad_()
    assert minitorch.autograd.gradgradcheck(lambda a, b: linear_cross_entropy(a, b, target, options=options), inputs)
