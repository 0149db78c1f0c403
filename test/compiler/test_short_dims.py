"""Loops of few turns against the reference interpreter: written one by one, or in two stretches that overlap."""

import numpy
import pytest
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build
from minitorch.compiler.graph import run
from minitorch.nn import functional as F


def sum_of_squares(x):
    """Of a square that is read both ways, so that its dims can't be one."""
    y = (x[:1].view(1, -1) + x[:1].view(-1, 1)).view(x.shape[1], x.shape[1], 1) * x[0, :3]
    return (y + y.transpose(0, 1)).sum((0, 1)).sum()


WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17)
CASES = {
    "pool": lambda x: F.max_pool2d(x.view(1, 3, 2, -1), 2),
    "pool's gradient": lambda x: F.avg_pool2d(x.view(1, 3, 2, -1), 2),
    "with gaps": lambda x: x[:, ::2] * x[:, 1::2],
    "in turn": lambda x: torch.stack([x[:, ::2] - x[:, 1::2], x[:, 1::2] * 3], 2).flatten(1),
    "turned": lambda x: x.view(3, 2, -1).transpose(1, 2) * 2,
    "softmax": lambda x: F.softmax(x.view(3, 2, -1), 1).sum(1) + F.softmax(x, 1).view(3, 2, -1).logsumexp(2).sum(),
    "rows of sums": lambda x: x.view(3, 2, -1).var((1, 2)),
    "down columns": lambda x: (x.view(2, 3, -1) + x.view(3, 2, -1).transpose(0, 1)).sum((0, 1)) + sum_of_squares(x),
    "running totals": lambda x: x.view(3, -1, 2).cumsum(2),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_few_turns(name, width):
    function = CASES[name]
    x = torch.tensor(numpy.random.default_rng(0).standard_normal((6, 2 * width), "float32"))

    def step(x):
        x = x.detach().requires_grad_()
        y = function(x)
        (y * y.detach()).sum().backward()
        return y.detach(), x.grad

    recorded = Recorded(lambda: (step, [x]))
    expected = run(recorded.graph, recorded.arrays)
    program = build(recorded.graph, recorded.strides, recorded.places)
    fresh = recorded.fresh()
    program.call(recorded.arrays, fresh)
    for a, b in zip(expected, recorded.results(recorded.arrays, fresh), strict=True):
        numpy.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_stored_where_it_was_read_is_taken_once(width):
    x, y = [numpy.random.default_rng(0).standard_normal(shape, "float32") for shape in ((6, width, 2), (6, 1, 2))]
    y = torch.tensor(y)

    def step(x):
        x *= y

    ours, eager = torch.tensor(x), torch.tensor(x)
    compiled = torch.compile(step)
    for _ in range(4):
        compiled(ours)
        step(eager)
    assert (ours == eager).all()
