"""Attention and its gradients, of any shape and layout, on every machine that this one can be, against the plain formulas."""

from dataclasses import replace

import numpy as np
import pytest
from machine import RUNNABLE, Kernel, guarded, preamble, view

from minitorch.native.attention import Attention, attention_gradient_text, attention_text
from minitorch.native.mathematics import support

TYPES = {"float": np.float32, "double": np.float64}
SHAPES = {  # queries, keys, features, values, causal, kind
    "a head of a GPT": (64, 64, 32, 32, True, "float"),
    "odd": (37, 50, 20, 17, False, "float"),
    "odd, causal": (50, 37, 5, 19, True, "float"),
    "wide strips": (300, 130, 40, 70, True, "float"),
    "double": (33, 65, 9, 40, True, "double"),
    "one of each": (1, 1, 1, 1, False, "double"),
}
CASES = [(name, target) for name in SHAPES for target in (RUNNABLE if name in ("odd, causal", "double") else RUNNABLE[:1])]


def weights_of(q, k, a):
    scores = a.scale * (q @ np.swapaxes(k, 1, 2))
    if a.causal:
        scores = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, -np.inf)
    with np.errstate(invalid="ignore"):
        e = np.exp(scores - scores.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)


def gradients_of(g, q, k, v, a):
    p = weights_of(q, k, a)
    d = g @ np.swapaxes(v, 1, 2)
    s = a.scale * p * (d - (p * d).sum(-1, keepdims=True))
    return s @ k, np.swapaxes(s, 1, 2) @ q, np.swapaxes(p, 1, 2) @ g


def laid(x, pitch):
    """The numbers of a (batch, rows, n) array in rows of ``pitch``, with NaN between; and the strides (batch, row)."""
    whole = np.full((*x.shape[:2], pitch), np.nan, x.dtype)
    whole[..., : x.shape[2]] = x
    return whole.reshape(-1)[: whole.size - pitch + x.shape[2]], (x.shape[1] * pitch, pitch)


def ran(write, a, operands, outs, target):
    """The contents of the kernel's outputs. operands, outs: {name: array}; outs are written over."""
    flat = {name: laid(x, x.shape[2] + 3) for name, x in (*operands.items(), *outs.items())}
    code = write("attention", replace(a, strides={name: strides for name, (_, strides) in flat.items()}), target, preamble(*flat))
    kernel = Kernel("attention", replace(code, text=support(code.text) + code.text), target, "loops")
    arrays = {name: guarded(x) if name in operands else x for name, (x, _) in flat.items()}
    before = {name: np.isnan(x) for name, x in arrays.items()}
    kernel(*arrays.values(), ranges=[(0, 1), (1, a.matrices)])
    assert code.chunks == a.matrices
    assert all([np.isnan(arrays[name][before[name]]).all() for name in outs]), "written between the rows"
    return [view(arrays[name], x.shape, (*flat[name][1], 1)) for name, x in outs.items()]


def sample(name):
    queries, keys, features, values, causal, kind = SHAPES[name]
    random = np.random.default_rng(0)
    sizes = {"Q": (queries, features), "K": (keys, features), "V": (keys, values), "G": (queries, values)}
    arrays = {name: random.standard_normal((3, *size)).astype(TYPES[kind]) for name, size in sizes.items()}
    return Attention(queries, keys, features, values, {}, 3, 0.3, causal, kind), arrays


@pytest.mark.parametrize(("name", "target"), CASES, ids=lambda x: x if isinstance(x, str) else f"{x.width} bytes")
def test_both_ways(name, target):
    a, x = sample(name)
    exact = {name: array.astype(np.float64) for name, array in x.items()}
    tolerance = 1e-12 if a.kind == "double" else 2e-5
    out = np.zeros_like(x["G"])
    (out,) = ran(attention_text, a, {name: x[name] for name in "QKV"}, {"O": out}, target)
    np.testing.assert_allclose(out, weights_of(exact["Q"], exact["K"], a) @ exact["V"], rtol=tolerance, atol=tolerance)
    outs = {"DQ": np.zeros_like(x["Q"]), "DK": np.zeros_like(x["K"]), "DV": np.zeros_like(x["V"])}
    made = ran(attention_gradient_text, a, {name: x[name] for name in "GQKV"}, outs, target)
    for actual, expected in zip(made, gradients_of(*[exact[name] for name in "GQKV"], a), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_fills_its_row_and_no_other(odd):
    a, x = sample("a head of a GPT")
    x["Q"][:, 5] = odd
    (out,) = ran(attention_text, a, {name: x[name] for name in "QKV"}, {"O": np.zeros_like(x["G"])}, RUNNABLE[0])
    rows = np.isnan(out).any((0, 2))
    assert np.isnan(out[:, 5]).all() and rows.sum() == 1
