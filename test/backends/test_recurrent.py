"""Recurrent layers in machine code: what NumPy's steps give, and PyTorch; whatever the lengths, the order and the layout."""

import numpy
import pytest
import torch

import minitorch
from minitorch.backends import large, native_recurrent, threads
from minitorch.backends import numpy as backend
from minitorch.tables.recurrent import BACKWARD, FORWARD, STATES

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
LENGTHS = {
    "all alike": ((19,) * 5, 33),
    "of several lengths": ((9, 9, 8, 3, 1, 1), 64),
    "one sequence": ((1,) * 4, 3),
    "one step": ((40,), 16),
    "many": ((70, 2), 5),
}
NEVER = 1 << 62


def arrays_of(mode, sizes, hidden):
    """(gates, weight, states, bias, gradients of the output and of the states)"""
    numbers, n, b, g = numpy.random.default_rng(0), sum(sizes), sizes[0], GATES[mode] * hidden

    def draw(*shape):
        return numbers.standard_normal(shape).astype("float32")

    states = [draw(b, hidden) for _ in range(STATES[mode])]
    bias = [draw(g)] if mode == "GRU" else []
    return draw(n, g), draw(g, hidden) / hidden**0.5, states, bias, (draw(n, hidden), *[draw(b, hidden) for _ in states])


def both_ways(mode, sizes, reverse, arrays):
    """The planes with what is kept, without, and the gradients."""
    gates, weight, states, bias, gradients = arrays
    planes, few = (FORWARD[mode].forward(backend, gates, weight, *states, *bias, sizes, reverse, keep) for keep in (True, False))
    flat = BACKWARD[mode].forward(backend, *gradients, planes, weight, sizes, reverse)
    planes[STATES[mode] :, sum(sizes) :] = 0  # nobody reads these rows
    return planes, few, flat


@pytest.fixture
def in_machine_code(monkeypatch):
    """A switch: machine code for every size, or for none. It tells whether machine code did all."""
    done = []

    def watched(*arguments):
        done.append(native_recurrent.recurrent_pass(*arguments))
        return done[-1]

    def switch(on):
        monkeypatch.setattr(large, "ENOUGH_FOR_STEPS", 0 if on else NEVER)
        return done

    monkeypatch.setattr(large, "import_module", lambda *what: type("module", (), {"recurrent_pass": staticmethod(watched)}))
    return switch


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_steps_agree_with_numpy(mode, reverse, lengths, in_machine_code):
    sizes, hidden = LENGTHS[lengths]
    arrays = arrays_of(mode, sizes, hidden)
    in_machine_code(False)
    wanted = both_ways(mode, sizes, reverse, arrays)
    done = in_machine_code(True)
    for x, y in zip(both_ways(mode, sizes, reverse, arrays), wanted, strict=True):
        numpy.testing.assert_allclose(x, y, 1e-5, 2e-6)
    assert done == [True] * 3


def trained(library, cell, layout, special=None):
    """What a layer and its gradients come to."""
    library.manual_seed(0)
    layer = getattr(library.nn, cell)(7, 20, num_layers=2, bidirectional=True, batch_first=layout == "batch first")
    x = numpy.random.default_rng(1).standard_normal((11, 6, 7)).astype("float32")
    if special is not None:
        x[3, 2, 1] = special
    x = library.tensor(x, requires_grad=True)
    given = x.transpose(0, 1) if layout == "transposed" else x
    if layout == "packed":
        given = library.nn.utils.rnn.pack_padded_sequence(x, library.tensor([11, 9, 9, 4, 1, 1]))
    out, states = layer(given)
    out = out.data if layout == "packed" else out
    last = states if cell != "LSTM" else states[0] + states[1]
    (out.sin().sum() + (last * last).sum()).backward()
    return [z.detach().numpy() for z in (out, last, x.grad, *[p.grad for p in layer.parameters()])]


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("layout", ["plain", "batch first", "transposed", "packed"])
def test_layers_agree_with_torch(cell, layout, in_machine_code):
    done = in_machine_code(True)
    for found, wanted in zip(trained(minitorch, cell, layout), trained(torch, cell, layout), strict=True):
        numpy.testing.assert_allclose(found, wanted, 1e-4, 1e-5)
    assert done == [True] * 8  # two layers, two directions, forward and back


@pytest.mark.parametrize("special", [numpy.nan, numpy.inf, -numpy.inf, 1e30], ids=str)
@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_nan_and_infinity_go_where_pytorch_lets_them(cell, special, in_machine_code):
    in_machine_code(True)
    with numpy.errstate(all="ignore"):
        found, wanted = [trained(library, cell, "plain", special) for library in (minitorch, torch)]
    for x, y in zip(found[:2], wanted[:2], strict=True):
        numpy.testing.assert_allclose(x, y, 1e-4, 1e-5)


def test_numbers_do_not_depend_on_the_threads(in_machine_code):
    before, found = threads.get_num_threads(), []
    in_machine_code(True)
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            found.append(both_ways("LSTM", (37,) * 9, False, arrays_of("LSTM", (37,) * 9, 50)))
    finally:
        threads.set_num_threads(before)
    for others in found[1:]:
        for x, y in zip(others, found[0], strict=True):
            numpy.testing.assert_array_equal(x, y)


def test_what_is_left_to_numpy(in_machine_code, monkeypatch):
    done = in_machine_code(True)
    gates, weight, (h,), _, _ = arrays_of("RNN_TANH", (3, 3), 4)
    wide = [x.astype("float64") for x in (gates, weight, h)]
    FORWARD["RNN_TANH"].forward(backend, *wide, (3, 3), False, True)
    monkeypatch.setattr(native_recurrent, "recurrent", lambda *what: None)  # as without a compiler
    FORWARD["RNN_TANH"].forward(backend, gates, weight, h, (3, 3), False, True)
    assert done == [False, False]
