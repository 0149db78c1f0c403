"""Recurrent layers on a GPU: what they make, and the gradients, are the CPU's; each step is one product and one kernel."""

import pytest

import minitorch as t
from minitorch import backends, nn

LAYERS = {
    "LSTM": lambda dtype: nn.LSTM(5, 7, 2, dtype=dtype), "LSTM both ways": lambda dtype: nn.LSTM(5, 3, bidirectional=True, dtype=dtype),
    "LSTM, batch first": lambda dtype: nn.LSTM(5, 40, batch_first=True, dtype=dtype), "GRU": lambda dtype: nn.GRU(5, 7, 2, dtype=dtype),
    "GRU both ways": lambda dtype: nn.GRU(5, 33, bidirectional=True, dtype=dtype), "RNN": lambda dtype: nn.RNN(5, 6, dtype=dtype),
    "RNN, relu": lambda dtype: nn.RNN(5, 6, 2, nonlinearity="relu", bidirectional=True, dtype=dtype),
}  # fmt: skip


def outcome(name, dtype, lengths, place):
    """The output, the final states and all gradients."""
    t.manual_seed(0)
    layer = LAYERS[name](dtype).to(place)
    x = t.randn(6, 4, 5, dtype=dtype)
    if layer.batch_first:
        x = x.transpose(0, 1).contiguous()
    x = x.to(place).requires_grad_()
    given = x if lengths is None else nn.utils.rnn.pack_padded_sequence(x, t.tensor(lengths), layer.batch_first, enforce_sorted=False)
    with t.no_grad():
        quiet = layer(given)[1]
    y, states = layer(given)
    y = y if lengths is None else y.data
    states = states if isinstance(states, tuple) else (states,)
    (y.square().sum() + sum([(k + 2) * s.sin().sum() for k, s in enumerate(states)])).backward()
    found = [y, *states, *(quiet if isinstance(quiet, tuple) else (quiet,)), x.grad, *[p.grad for p in layer.parameters()]]
    return [value.detach().cpu() for value in found]


@pytest.mark.parametrize("dtype", [t.float32, t.float64], ids=str)
@pytest.mark.parametrize("lengths", [None, (6, 2, 5, 1)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_that_of_the_cpu(name, lengths, dtype, device):
    tolerance = 1e-5 if dtype is t.float32 else 1e-12
    for expected, got in zip(outcome(name, dtype, lengths, "cpu"), outcome(name, dtype, lengths, device), strict=True):
        assert expected.dtype is got.dtype and expected.shape == got.shape
        assert expected.allclose(got, rtol=tolerance, atol=tolerance)


def test_nothing_is_computed_one_row_at_a_time(device, monkeypatch):
    """The kernels take every step, also of one sequence."""
    layer, done = nn.LSTM(3, 4).to(device), []
    (xp,) = backends.ACCELERATORS
    monkeypatch.setattr(xp, "recurrent_pass", lambda *what, first=xp.recurrent_pass: done.append(first(*what)) or done[-1])
    layer(t.randn(5, 1, 3, device=device))[0].sum().backward()
    assert done == [True, True]
