"""ctc_loss against PyTorch's: every reduction, targets side by side or one after the other, and what can't be spelled."""

import numpy
import pytest
from oracle import agree

import minitorch


def spelled(seed, dtype="float64"):
    draw = numpy.random.default_rng(seed)
    frames, batch, classes, longest = draw.integers([1, 1, 2, 0], [9, 4, 5, 5])
    blank = int(draw.integers(0, classes))
    targets = draw.integers(0, classes, (batch, longest))
    targets = numpy.where(targets == blank, (blank + 1) % classes, targets)
    lengths = draw.integers(0, frames + 1, batch), draw.integers(0, longest + 1, batch)
    if seed % 2:
        targets = numpy.concatenate([row[:n] for row, n in zip(targets, lengths[1], strict=True)])
    return draw.standard_normal((frames, batch, classes)).astype(dtype), targets, *lengths, blank


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_pytorch(seed, reduction, zero_infinity):
    scores, targets, frames, lengths, blank = spelled(seed, "float32" if seed % 3 == 0 else "float64")

    def program(t):
        x = t.tensor(scores, requires_grad=True)
        given = t.tensor(targets), *(tuple(n.tolist()) if seed % 3 else t.tensor(n) for n in (frames, lengths))
        loss = t.nn.functional.ctc_loss(x.log_softmax(2), *given, blank, reduction, zero_infinity)
        loss.sum().backward()
        return loss, x.grad

    agree(program)


SCORES, TARGETS = numpy.random.default_rng(0).standard_normal((5, 2, 4)), numpy.array([[1, 2], [3, 1]])


@pytest.mark.parametrize("text", [
    "(x[:, 0], y[0], (5,), (2,), reduction='none')", "(x, y.int(), [5, 5], [2, 2])", "(x, y, (6, 5), (2, 2))", "(x, y, (5,), (2, 2))", "(x, y, (5, 5), (2,))", "(x, y, (5, 5), (2, 3))",
    "(x, y, (5, 5), (2, 2), blank=4)", "(x.half(), y, (5, 5), (2, 2))", "(x, y, (5, 5), (2, 2), reduction='all')", "(x, y, t.tensor([5.0, 5.0]), t.tensor([2, 2]))", "(x, y, (-1, 5), (2, 2))",
    "(x, y.flatten()[:3], (5, 5), (2, 2))", "(x, y[:1], (5, 5), (2, 2))", "(x, y.unsqueeze(0), (5, 5), (2, 2))", "(x, y, (5, 5), (2, -2))", "(x, y, (0, 5), (0, 2), reduction='none')",
])  # fmt: skip
def test_arguments(text):
    agree(lambda t: eval(f"t.nn.functional.ctc_loss{text}", {"t": t, "x": t.tensor(SCORES).log_softmax(2), "y": t.tensor(TARGETS)}))


def test_there_is_no_second_derivative():
    def program(t):
        x = t.tensor(SCORES, requires_grad=True)
        loss = t.nn.functional.ctc_loss(x, t.tensor(TARGETS), (5, 5), (2, 2))
        (g,) = t.autograd.grad(loss, x, create_graph=True)
        try:
            t.autograd.grad((g * g).sum(), x)
        except RuntimeError:
            return "refused"

    agree(program)


def test_a_compiled_loss_looks_at_the_lengths_of_each_call():
    x = minitorch.tensor(SCORES, requires_grad=True)

    @minitorch.compile(fullgraph=True)
    def step(frames, lengths):
        loss = minitorch.nn.functional.ctc_loss(x.log_softmax(2), minitorch.tensor(TARGETS), frames, lengths)
        return loss, *minitorch.autograd.grad(loss, x)

    def eager(frames, lengths):
        loss = minitorch.nn.functional.ctc_loss(x.log_softmax(2), minitorch.tensor(TARGETS), frames, lengths)
        return loss, *minitorch.autograd.grad(loss, x)

    for given in ([5, 5], [2, 2]), ([5, 5], [2, 2]), ([5, 4], [1, 2]), ([3, 5], [2, 0]):
        given = [minitorch.tensor(lengths) for lengths in given]
        for expected, found in zip(eager(*given), step(*given), strict=True):
            assert minitorch.allclose(expected, found)
    with pytest.raises(RuntimeError, match="Expected input_lengths to have value at most 5, but got value 6"):
        step(minitorch.tensor([6, 5]), minitorch.tensor([2, 2]))
