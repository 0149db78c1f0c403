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


def weights_of(q, k, a, extras=()):
    scores = a.scale * (q @ np.swapaxes(k, 1, 2))
    for (role, number), x in zip(a.extras, extras, strict=True):
        if role == "added":
            scores = scores + x
        elif role != "kept":
            scores = np.where(x if role == "seen" else ~x, scores, number)
    if a.causal:
        scores = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, -np.inf)
    with np.errstate(invalid="ignore"):
        e = np.exp(scores - scores.max(-1, keepdims=True))
        weights = e / e.sum(-1, keepdims=True)
    return np.where((scores == -np.inf).all(-1, keepdims=True), 0, weights) if a.spared else weights


def kept_of(a, extras):
    return next((number * x for (role, number), x in zip(a.extras, extras, strict=True) if role == "kept"), 1)


def gradients_of(g, q, k, v, a, extras=()):
    p = weights_of(q, k, a, extras)
    kept = kept_of(a, extras)
    d = kept * (g @ np.swapaxes(v, 1, 2))
    s = a.scale * p * (d - (p * d).sum(-1, keepdims=True))
    for (role, _), x in zip(a.extras, extras, strict=True):
        s = np.where(x if role == "seen" else ~x, s, 0) if role in ("seen", "hidden") else s
    return s @ k, np.swapaxes(s, 1, 2) @ q, np.swapaxes(p * kept, 1, 2) @ g


def laid(x, pitch):
    """The numbers of a (batch, rows, n) array in rows of ``pitch``, with NaN between; and the strides (batch, row)."""
    whole = np.full((*x.shape[:2], pitch), np.nan, x.dtype)
    whole[..., : x.shape[2]] = x
    return whole.reshape(-1)[: whole.size - pitch + x.shape[2]], (x.shape[1] * pitch, pitch)


def ran(write, a, operands, outs, target, extras=()):
    """The contents of the kernel's outputs. operands, outs: {name: array}; outs are written over.   extras: arrays of any strides."""
    flat = {name: laid(x, x.shape[2] + 3) for name, x in (*operands.items(), *outs.items())}
    flat |= {f"X{k}": (x, tuple([s // x.itemsize for s in x.strides])) for k, x in enumerate(extras)}
    code = write("attention", replace(a, strides={name: strides for name, (_, strides) in flat.items()}), target, preamble(*flat))
    kernel = Kernel("attention", replace(code, text=support(code.text) + code.text), target, "loops")
    arrays = {name: x if name in outs or name.startswith("X") else guarded(x) for name, (x, _) in flat.items()}
    before = {name: np.isnan(arrays[name]) for name in outs}
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


def truths(random, *shape):
    return random.random(shape) > 0.4


def given(random, *shape):
    return random.standard_normal(shape)


EXTRAS = {  # name: (the attention, [(role, what makes it, its shape before it is broadcast, perhaps a number)])
    "a mask of its own for each": ("odd", [("seen", truths, (3, 37, 50))]),
    "one mask, and causal": ("odd, causal", [("hidden", truths, (50, 37))]),
    "keys that are padding": ("wide strips", [("seen", truths, (3, 1, 130))]),
    "added": ("odd", [("added", given, (37, 50))]),
    "added, and then masked": ("odd, causal", [("added", given, (3, 50, 37)), ("seen", truths, (50, 1))]),
    "dropout": ("a head of a GPT", [("kept", truths, (3, 64, 64))]),
    "a finite number": ("odd", [("seen", truths, (37, 50), -2.5)]),
    "all of it": ("double", [("hidden", truths, (33, 65)), ("added", given, (3, 1, 65)), ("seen", truths, (65,)), ("kept", truths, (3, 33, 65))]),
}


@pytest.mark.parametrize("target", RUNNABLE[:2], ids=lambda target: f"{target.width} bytes")
@pytest.mark.parametrize("name", EXTRAS)
def test_what_goes_over_scores_and_weights(name, target):
    """Queries that see nothing among them: they get zeros."""
    shape, wanted = EXTRAS[name]
    a, x = sample(shape)
    random = np.random.default_rng(1)
    whole = 3, a.queries, a.keys
    numbers = {"seen": -np.inf, "hidden": -np.inf, "added": 1.0, "kept": 1.25}
    extras = [make(random, *size).astype(bool if role in ("seen", "hidden") else TYPES[a.kind]) for role, make, size, *_ in wanted]
    extras = [np.broadcast_to(each, whole) for each in extras]
    a = replace(a, extras=tuple([(role, *(number or [numbers[role]])) for role, _, _, *number in wanted]), spared=True)
    exact = {name: array.astype(np.float64) for name, array in x.items()}
    tolerance = 1e-12 if a.kind == "double" else 3e-5
    weights = weights_of(exact["Q"], exact["K"], a, extras) * kept_of(a, extras)
    (out,) = ran(attention_text, a, {name: x[name] for name in "QKV"}, {"O": np.zeros_like(x["G"])}, target, extras)
    np.testing.assert_allclose(out, weights @ exact["V"], rtol=tolerance, atol=tolerance)
    outs = {"DQ": np.zeros_like(x["Q"]), "DK": np.zeros_like(x["K"]), "DV": np.zeros_like(x["V"])}
    made = ran(attention_gradient_text, a, {name: x[name] for name in "GQKV"}, outs, target, extras)
    for actual, expected in zip(made, gradients_of(*[exact[name] for name in "GQKV"], a, extras), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_fills_its_row_and_no_other(odd):
    a, x = sample("a head of a GPT")
    x["Q"][:, 5] = odd
    (out,) = ran(attention_text, a, {name: x[name] for name in "QKV"}, {"O": np.zeros_like(x["G"])}, RUNNABLE[0])
    rows = np.isnan(out).any((0, 2))
    assert np.isnan(out[:, 5]).all() and rows.sum() == 1
