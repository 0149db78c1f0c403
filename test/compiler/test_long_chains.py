"""Long chains of small steps, and values that are read twice at each link: compiled whole, in a time that grows with their length."""

import numpy
import pytest
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import build


def sines(h, links):
    for _ in range(links):
        h = (h + 0.01).sin()
    return h


def turned(h, links):
    for _ in range(links):
        h = (h.t() + 0.01).sin()
    return h


def doubled(h, links):
    """Each link has two ways to the one before it, so there are 2 ** links ways to the first."""
    for _ in range(links):
        h = h * (1.5 - h.abs())
    return h


def rest(h):
    return h - h.sum(1, keepdim=True)


PROGRAMS = {
    "of an input": lambda x, y: sines(x, 400),
    "read by a reduction": lambda x, y: sines(x, 400).softmax(1),
    "read beside a reduction": lambda x, y: rest(y) + sines(x, 400),
    "turned round at each link": lambda x, y: turned(x, 400),
    "two ways, in one kernel": lambda x, y: rest(doubled(x, 30)),
    "two ways, beside a reduction": lambda x, y: rest(y) * doubled(x, 30) + doubled(x, 30),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_makes_what_the_function_does(name):
    x, y = torch.rand(8, 8), torch.rand(8, 8)
    recorded = Recorded(lambda: (PROGRAMS[name], (x, y)))
    fresh = recorded.fresh()
    program = build(recorded.graph, recorded.strides, recorded.places)
    program.call(recorded.arrays, fresh)
    assert not program.foreign
    numpy.testing.assert_allclose(fresh[0], PROGRAMS[name](x, y).numpy(), rtol=1e-4, atol=1e-5)


def test_constants_that_are_read_twice_may_be_looked_at():
    @torch.compile(fullgraph=True)
    def scaled(x):
        return x * doubled(torch.tensor([0.5, 0.25]), 30).sum().item()

    x = torch.rand(4)
    for _ in range(3):
        made = scaled(x)
    assert torch.equal(made, x * doubled(torch.tensor([0.5, 0.25]), 30).sum().item())
