"""Recurrent layers over a whole sequence, each one row forward and one back. Rows for speed.

What they compute is said step by step, in Tensors, in ``nn/recurrence.py``. These loops are the same on plain arrays, with
no gate between two steps; they have no vjps, for ``nn/recurrence.py`` joins them, and goes by the steps themselves where
gradients of gradients are wanted or somebody listens.

A sequence is packed: ``gates`` (N, G·H) has the input's part for the first step of all sequences, then for the second…
``sizes`` tells how many sequences have each step, never more than had the one before. What is kept of a pass is an array
of planes, (planes, N + B, H); behind the N steps the B last rows of a plane are the state as it is now, at last the final one.

A backend may have a kernel for all steps at once, ``xp.recurrent_pass``; it says whether it has done them.
"""

from functools import partial

from ..table import Primitive

__all__ = ["BACKWARD", "FORWARD", "STATES"]

STATES = {"LSTM": 2, "GRU": 1, "RNN_TANH": 1, "RNN_RELU": 1}
"""How many states a layer hands on: h, and LSTM's c. Plane h and the last rows are its result, which no way back reads."""


def steps(sizes, reverse):
    """(first row, number of rows) of each step, in the order in which they are taken."""
    found, start = [], 0
    for size in sizes:
        found.append((start, size))
        start += size
    return found[::-1] if reverse else found


def sigmoid(xp, x, out):
    """1 / (1 + e^-x)"""
    xp.negative(x, out)
    xp.exp(out, out)
    out += 1
    xp.reciprocal(out, out)


def planes_for(xp, gates, states, kept, keep):
    """Empty planes: one for each state, ``kept`` more; and the latter again, or if not ``keep`` a step's room instead."""
    n, (b, h) = len(gates), states[0].shape
    planes = xp.empty((len(states) + keep * kept, n + b, h), xp.dtype_of(gates))
    for plane, state in zip(planes, states, strict=False):
        plane[n:] = state
    return planes, planes[len(states) :] if keep else xp.empty((kept, b, h), xp.dtype_of(gates))


def split_flat(xp, like, *shapes):
    """An empty flat array, and views of its parts in these shapes."""
    sizes = [a * b for a, b in shapes]
    flat = xp.empty((sum(sizes),), xp.dtype_of(like))
    parts, start = [], 0
    for size, shape in zip(sizes, shapes, strict=True):
        parts.append(flat[start : start + size].reshape(shape))
        start += size
    return flat, parts


# ---------------------------------------------------------------------------------------------------------------- LSTM


def lstm(xp, gates, weight, h0, c0, sizes, reverse, keep):
    """Planes h, c before the step; and if ``keep`` h before the step, tanh c, and the gates i, f, g, o."""
    n, size = len(gates), h0.shape[1]
    planes, kept = planes_for(xp, gates, (h0, c0), 6, keep)
    if xp.recurrent_pass("LSTM", False, {"gates": gates, "planes": planes}, weight, sizes, reverse):
        return planes
    turned = weight.T
    for start, b in steps(sizes, reverse):
        rows = slice(start, start + b)
        at = rows if keep else slice(b)
        h, c = planes[0, n : n + b], planes[1, n : n + b]
        bent, act = kept[1, at], kept[2:, at]
        kept[0, at], planes[1, rows] = h, c
        z = xp.matmul(h, turned)
        z += gates[rows]
        z = z.reshape(b, 4, size).transpose(1, 0, 2)
        sigmoid(xp, z, act)
        xp.tanh(z[2], act[2])
        i, f, g, o = act
        c *= f
        c += i * g
        xp.tanh(c, bent)
        xp.multiply(o, bent, h)
        planes[0, rows] = h
    return planes


def lstm_back(xp, g_out, g_h, g_c, planes, weight, sizes, reverse):
    """The gradients of the gates, h0 and c0, flat one after the other."""
    n, (batch, size) = len(g_out), g_h.shape
    flat, (d_gates, dh, dc) = split_flat(xp, g_out, (n, 4 * size), (batch, size), (batch, size))
    dh[...], dc[...] = g_h, g_c
    arrays = {"planes": planes, "g_out": g_out, "d_gates": d_gates, "dh": dh, "dc": dc}
    if xp.recurrent_pass("LSTM", True, arrays, weight, sizes, reverse):
        return flat
    memory, bent, act = planes[1], planes[3], planes[4:]
    for start, b in steps(sizes, not reverse):
        rows = slice(start, start + b)
        g, gc, t = dh[:b], dc[:b], bent[rows]
        i, f, new, o = gate = act[:, rows]
        g += g_out[rows]
        slope = 1 - t * t
        slope *= o
        slope *= g
        gc += slope
        slopes = 1 - gate
        slopes *= gate
        xp.multiply(new, new, slopes[2])
        xp.subtract(1, slopes[2], slopes[2])
        d = d_gates[rows].reshape(b, 4, size)
        for k, factor in enumerate((new, memory[rows], i)):
            slopes[k] *= factor
            xp.multiply(slopes[k], gc, d[:, k])
        slopes[3] *= t
        xp.multiply(slopes[3], g, d[:, 3])
        gc *= f
        g[...] = xp.matmul(d_gates[rows], weight)
    return flat


# ----------------------------------------------------------------------------------------------------------------- GRU


def gru(xp, gates, weight, h0, bias, sizes, reverse, keep):
    """Planes h; and if ``keep`` h before the step, the gates r, u, n, and the state's part of n."""
    n, size = len(gates), h0.shape[1]
    planes, kept = planes_for(xp, gates, (h0,), 5, keep)
    if xp.recurrent_pass("GRU", False, {"gates": gates, "bias": bias, "planes": planes}, weight, sizes, reverse):
        return planes
    turned = weight.T
    for start, b in steps(sizes, reverse):
        rows = slice(start, start + b)
        at = rows if keep else slice(b)
        h = planes[0, n : n + b]
        before, act, new, hidden = kept[0, at], kept[1:3, at], kept[3, at], kept[4, at]
        x = gates[rows].reshape(b, 3, size).transpose(1, 0, 2)
        z = xp.matmul(h, turned)
        z += bias
        z = z.reshape(b, 3, size).transpose(1, 0, 2)
        sigmoid(xp, x[:2] + z[:2], act)
        r, u = act
        hidden[...] = z[2]
        xp.multiply(r, hidden, new)
        new += x[2]
        xp.tanh(new, new)
        before[...] = h
        h -= new
        h *= u
        h += new
        planes[0, rows] = h
    return planes


def gru_back(xp, g_out, g_h, planes, weight, sizes, reverse):
    """The gradients of the gates, of the state's part of the gates, and of h0, flat one after the other."""
    n, (batch, size) = len(g_out), g_h.shape
    flat, (d_gates, d_state, dh) = split_flat(xp, g_out, (n, 3 * size), (n, 3 * size), (batch, size))
    dh[...] = g_h
    arrays = {"planes": planes, "g_out": g_out, "d_gates": d_gates, "d_state": d_state, "dh": dh}
    if xp.recurrent_pass("GRU", True, arrays, weight, sizes, reverse):
        return flat
    for start, b in steps(sizes, not reverse):
        rows = slice(start, start + b)
        g = dh[:b]
        before, r, u, new, hidden = planes[1:, rows]
        g += g_out[rows]
        slopes = 1 - planes[2:4, rows]
        dn = g * slopes[1]
        dn *= 1 - new * new
        slopes *= planes[2:4, rows]
        slopes[0] *= hidden
        slopes[0] *= dn
        slopes[1] *= before - new
        slopes[1] *= g
        dx, dz = d_gates[rows].reshape(b, 3, size), d_state[rows].reshape(b, 3, size)
        dx[:, :2] = dz[:, :2] = slopes.transpose(1, 0, 2)
        dx[:, 2] = dn
        xp.multiply(dn, r, dz[:, 2])
        g *= u
        g += xp.matmul(d_state[rows], weight)
    return flat


# ----------------------------------------------------------------------------------------------------------------- RNN


RNNS = "RNN_TANH", "RNN_RELU"


def rnn(xp, gates, weight, h0, sizes, reverse, keep, relu):
    """Planes h; and if ``keep`` h before the step and after."""
    n = len(gates)
    planes, kept = planes_for(xp, gates, (h0,), 2, keep)
    if xp.recurrent_pass(RNNS[relu], False, {"gates": gates, "planes": planes}, weight, sizes, reverse):
        return planes
    turned = weight.T
    for start, b in steps(sizes, reverse):
        rows = slice(start, start + b)
        h = planes[0, n : n + b]
        at = rows if keep else slice(b)
        kept[0, at] = h
        z = xp.matmul(h, turned)
        z += gates[rows]
        after = kept[1, at]
        if relu:
            xp.relu(z, after)
        else:
            xp.tanh(z, after)
        h[...] = planes[0, rows] = after
    return planes


def rnn_back(xp, g_out, g_h, planes, weight, sizes, reverse, relu):
    """The gradients of the gates and of h0, flat one after the other."""
    n, (batch, size) = len(g_out), g_h.shape
    flat, (d_gates, dh) = split_flat(xp, g_out, (n, size), (batch, size))
    dh[...] = g_h
    arrays = {"planes": planes, "g_out": g_out, "d_gates": d_gates, "dh": dh}
    if xp.recurrent_pass(RNNS[relu], True, arrays, weight, sizes, reverse):
        return flat
    for start, b in steps(sizes, not reverse):
        rows = slice(start, start + b)
        g, h, d = dh[:b], planes[2, rows], d_gates[rows]
        g += g_out[rows]
        if relu:
            xp.multiply(g, h > 0, d)
        else:
            xp.multiply(h, h, d)
            xp.subtract(1, d, d)
            d *= g
        g[...] = xp.matmul(d, weight)
    return flat


def row(name, forward):
    return Primitive(name, "sequence", forward)


FORWARD = {
    "LSTM": row("lstm", lstm),
    "GRU": row("gru", gru),
    "RNN_TANH": row("rnn_tanh", partial(rnn, relu=False)),
    "RNN_RELU": row("rnn_relu", partial(rnn, relu=True)),
}
"""The pass over a sequence. Inputs: gates, weight, the states, GRU's bias; params: sizes, reverse, keep."""

BACKWARD = {
    "LSTM": row("lstm_back", lstm_back),
    "GRU": row("gru_back", gru_back),
    "RNN_TANH": row("rnn_tanh_back", partial(rnn_back, relu=False)),
    "RNN_RELU": row("rnn_relu_back", partial(rnn_back, relu=True)),
}
"""The way back. Inputs: the gradients of the output and of the final states, planes, weight; params: sizes, reverse."""
