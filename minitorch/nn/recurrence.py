"""What a recurrent layer computes over a sequence: the same step again and again, with the state of the step before.

    r = step(x, z, *state)       x: the input's part of the gates, z: the state's, W h + b
    h = the first of the state

The steps here are the mathematics. Over a whole sequence they run as one row of ``tables/recurrent.py``, forward and back,
unless somebody listens at the gate or differentiates the gradient: then, or in dtypes the row isn't for, step by step.

torch: aten/src/ATen/native/RNN.cpp
"""

from .. import primitives as rows
from ..autograd.function import Function
from ..autograd.reverse import grad
from ..dtypes import float32, float64
from ..modes import MODE, enable_grad
from ..ops.joining import cat
from ..tables.recurrent import BACKWARD, FORWARD, STATES
from . import functional as F

__all__ = ["sequence"]


def lstm_step(x, z, _h, c):
    """i, f, o = σ(…), g = tanh(…);   c' = f c + i g;   h' = o tanh c'.   Hochreiter & Schmidhuber 1997"""
    i, f, g, o = (x + z).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(x, z, h):
    """r, u = σ(…);   n = tanh(x_n + r z_n);   h' = (1 - u) n + u h.   Cho et al. 2014, arXiv:1406.1078"""
    (x_gates, x_new), (z_gates, z_new) = [y.split([2 * h.shape[-1], h.shape[-1]], -1) for y in (x, z)]
    r, u = (x_gates + z_gates).sigmoid().chunk(2, -1)
    new = (x_new + r * z_new).tanh()
    return (new + u * (h - new),)


STEP = {
    "LSTM": lstm_step,
    "GRU": gru_step,
    "RNN_TANH": lambda x, z, _h: ((x + z).tanh(),),
    "RNN_RELU": lambda x, z, _h: ((x + z).relu(),),
}


def sequence(mode, gates, sizes, reverse, weight, bias, states, projection=None):
    """The output of each step, (N, H), and the final states, each (B, H).

    gates: (N, G·H), the input's part, with the first step of all sequences first; sizes: how many sequences have each step;
    weight: (G·H, H), bias: (G·H) or None, for the state's part; states: as many as the mode has, each (B, H);
    projection: LSTM's, (P, H), which makes h (B, P).
    """
    inputs = (gates, weight, *states) if bias is None else (gates, weight, *states, bias)
    if projection is not None or MODE.listeners or not _for_the_row(mode, inputs):
        return _step_by_step(mode, gates, sizes, reverse, weight, bias, states, projection)
    if MODE.grad and any([x.requires_grad for x in inputs]):
        output, *states = _Pass.apply(mode, sizes, reverse, *inputs)
        return output, states
    planes = gates._apply(FORWARD[mode], inputs, (sizes, reverse, False))
    output, *states = _results(mode, planes, len(gates))
    return output, states


def _for_the_row(mode, inputs):
    dtype = inputs[0].dtype
    count = 2 + STATES[mode] + (mode == "GRU")
    return dtype in (float32, float64) and len(inputs) == count and all([x.dtype is dtype for x in inputs])


def _step_by_step(mode, gates, sizes, reverse, weight, bias, states, projection=None):
    step, batch = STEP[mode], states[0].shape[0]
    pieces = gates.split(list(sizes))
    outputs = [None] * len(sizes)
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        b = sizes[t]
        current = states if b == batch else [s[:b] for s in states]
        new = step(pieces[t], F.linear(current[0], weight, bias), *current)
        if projection is not None:
            new = (F.linear(new[0], projection), *new[1:])
        outputs[t] = new[0]
        states = new if b == batch else [cat([n, s[b:]]) for n, s in zip(new, states, strict=True)]
    return cat(outputs), list(states)


def _results(mode, planes, n):
    """The output and the final states, as tensors of their own: the way back doesn't read them, so they may be written to."""
    end = planes.shape[1]
    return (_part(planes, 0, (0, n, 1)).data, *[_part(planes, k, (n, end, 1)).data for k in range(STATES[mode])])


def _part(x, *key):
    """x[key], for a key as the row has it: for each dim a number or (start, stop, step)."""
    return x._apply(rows.slice, (x,), (key,))


class _Pass(Function):
    """A pass over the sequence by its row."""

    @staticmethod
    def forward(ctx, mode, sizes, reverse, gates, weight, *states):
        ctx.mode, ctx.sizes, ctx.reverse = mode, sizes, reverse
        planes = gates._apply(FORWARD[mode], (gates, weight, *states), (sizes, reverse, True))
        ctx.save_for_backward(planes, gates, weight, *states)
        return _results(mode, planes, len(gates))

    @staticmethod
    def backward(ctx, g_output, *g_states):
        planes, *inputs = ctx.saved_tensors
        if MODE.grad or MODE.listeners:
            return None, None, None, *_again(ctx, inputs, (g_output, *g_states))
        flat = planes._apply(BACKWARD[ctx.mode], (g_output, *g_states, planes, inputs[1]), (ctx.sizes, ctx.reverse))
        gates, weight, *rest = inputs
        count, gru = STATES[ctx.mode], ctx.mode == "GRU"
        parts = _cut(flat, [gates, gates, *rest[:count]] if gru else [gates, *rest[:count]])
        d_gates, d_state = parts[0], parts[gru]
        d_weight = None
        if ctx.needs_input_grad[4]:
            d_weight = d_state.mT.matmul(_part(planes, count, (0, len(gates), 1)))
        d_bias = [d_state.sum(0)] if gru else []
        return None, None, None, d_gates, d_weight, *parts[gru + 1 :], *d_bias


def _cut(flat, like):
    """The parts of a flat tensor, each in the shape of another tensor."""
    parts, start = [], 0
    for x in like:
        end = start + x.numel()
        parts.append(_part(flat, (start, end, 1)).view(x.shape))
        start = end
    return parts


def _again(ctx, inputs, gradients):
    """The gradients of the inputs by way of the steps, so that they can be differentiated, or listened to."""
    wanting = [x for x in inputs if x.requires_grad]
    gates, weight, *rest = inputs
    count = STATES[ctx.mode]
    with enable_grad():
        bias = rest[count] if len(rest) > count else None
        output, states = _step_by_step(ctx.mode, gates, ctx.sizes, ctx.reverse, weight, bias, rest[:count])
    found = iter(grad([output, *states], wanting, list(gradients), create_graph=MODE.grad, allow_unused=True))
    return [next(found) if x.requires_grad else None for x in inputs]
