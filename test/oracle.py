"""PyTorch as the oracle: the same program runs on both libraries, and must come to the same.

A program is a function of the library, ``program(t)``, with ``t`` standing for ``torch``. What it returns is described
without the library (``plain``): a tensor by its dtype, shape, whether it wants a gradient, and its numbers. What it raises
is described by the exception's type and the first line of its text.
"""

import math
import numbers
import re
import warnings
from typing import NamedTuple

import numpy
import torch

import minitorch

__all__ = [
    "Described",
    "Raised",
    "TOLERANCE",
    "agree",
    "assert_same",
    "expression",
    "make",
    "outcome",
    "plain",
    "same_first_line",
]

TOLERANCE = {
    "float64": (1e-9, 1e-12), "float32": (2e-5, 1e-6), "float16": (2e-3, 1e-6), "bfloat16": (1.6e-2, 1e-6),
    "complex64": (2e-5, 1e-6), "complex128": (1e-10, 1e-12),
}  # fmt: skip
"""By dtype, the relative and absolute difference that two orders of summation may make. Other dtypes must be equal."""


class Described(NamedTuple):
    """A tensor, without its library."""

    dtype: str
    shape: tuple
    requires_grad: bool
    numbers: numpy.ndarray


class Raised(NamedTuple):
    """An exception: the name of its type, the first line of its text."""

    kind: str
    line: str


def plain(value):
    """``value`` with the tensors in it described."""
    if isinstance(value, (torch.Tensor, minitorch.Tensor)):
        x = value.detach()
        dtype = str(x.dtype).removeprefix("torch.")
        array = (x.float() if dtype == "bfloat16" else x).numpy(force=True).copy()
        return Described(dtype, tuple(x.shape), value.requires_grad, array)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (torch.dtype, minitorch.dtype)):
        return str(value)
    return value


def outcome(program, lib):
    """What ``program(lib)`` comes to, described; and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = plain(program(lib))
        except Exception as error:
            value = Raised(type(error).__name__, first_line(error))
    told = [(w.category.__name__, first_line(w.message)) for w in caught]
    return value, [warning for warning in told if not warning[1].startswith(NEEDLESS)]


def first_line(error):
    line = str(error).partition("\n")[0].partition(" (Triggered internally at")[0]
    return re.sub(PRODUCER, "", line.strip())


NEEDLESS = (
    "Using backward() with create_graph=True will create a reference cycle", "The PyTorch API of nested tensors is in prototype"
)  # fmt: skip
"""Warnings that we have no reason to give: our leaves are held weakly, and nested tensors aren't what we compute with."""

PRODUCER = r", which is output \d+ of [\w:]+,"
"""PyTorch names the node that an overwritten tensor has by now, ours the one that the lost value came from."""


def assert_same(expected, got, tolerance=TOLERANCE, where=""):
    """Raise AssertionError unless two descriptions agree: numbers within ``tolerance``, all else exactly."""
    where = where or "the result"
    if isinstance(expected, Described):
        assert isinstance(got, Described), f"{where}: expected {expected}, got {got}"
        assert expected[:3] == got[:3], f"{where}: expected {expected[:3]}, got {got[:3]}"
        rtol, atol = tolerance.get(expected.dtype, (0, 0))
        numpy.testing.assert_allclose(got.numbers, expected.numbers, rtol, atol, err_msg=where)
        return
    if isinstance(expected, Raised) or isinstance(got, Raised):
        assert expected == got, f"{where}: expected {str(expected)[:250]}, got {str(got)[:250]}"
    elif isinstance(expected, list):
        assert isinstance(got, list) and len(expected) == len(got), f"{where}: expected {expected}, got {got}"
        for i, (a, b) in enumerate(zip(expected, got, strict=True)):
            assert_same(a, b, tolerance, f"{where}[{i}]")
    elif isinstance(expected, dict):
        assert list(expected) == list(got), f"{where}: expected {expected}, got {got}"
        for key, item in expected.items():
            assert_same(item, got[key], tolerance, f"{where}[{key!r}]")
    elif isinstance(expected, float) and isinstance(got, float):
        close = math.isclose(expected, got, rel_tol=2e-5, abs_tol=1e-6) or (math.isnan(expected) and math.isnan(got))
        assert close, f"{where}: expected {expected}, got {got}"
    else:
        same_kind = type(expected) is type(got) or not isinstance(expected, numbers.Number)
        assert same_kind and expected == got, f"{where}: expected {expected!r}, got {got!r}"


def agree(program, tolerance=TOLERANCE):
    """Assert that ``program(minitorch)`` comes to what ``program(torch)`` comes to, which is returned."""
    expected, expected_warnings = outcome(program, torch)
    got, got_warnings = outcome(program, minitorch)
    assert_same(expected, got, tolerance)
    assert expected_warnings == got_warnings, f"warnings: expected {expected_warnings}, got {got_warnings}"
    return expected


def same_first_line(program):
    """Assert that both raise the same type of exception with the same first line."""
    expected = agree(program)
    assert isinstance(expected, Raised), f"PyTorch raised nothing, it returned {expected}"


def expression(text, **arrays):
    """The program that evaluates ``text``: an expression of the library ``t`` and of tensors, given as NumPy arrays.

    It returns the value, or several; the gradients of all real and complex tensors, sent back from every such result with
    weights that tell its elements apart; and the tensors as they are afterwards.
    """

    def program(t):
        x = {name: make(t, a, requires_grad=a.dtype.kind in "fc") for name, a in arrays.items()}
        value = eval(text, {"t": t, **x})
        results = [v for v in flat(value) if isinstance(v, t.Tensor) and v.requires_grad and v.grad_fn is not None]
        results = [t.view_as_real(v.resolve_conj()) if v.is_complex() else v for v in results]
        total = sum(
            [(v.double() * t.arange(1.0, v.numel() + 1, dtype=t.float64).reshape(v.shape)).sum() for v in results]
        )
        if results:
            total.backward()
        return value, [v.grad for v in x.values()], [v.detach() for v in x.values()]

    return program


def flat(value):
    """All that is in nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        return [inner for item in value for inner in flat(item)]
    return [value]


def make(lib, array, dtype=None, requires_grad=False):
    """The NumPy ``array`` as a tensor of ``lib``, in the same layout: of dtype ``dtype`` (a name), if given.

    Strides are kept, 0 and holes included; the tensor's memory is its own.
    """
    base = array
    while isinstance(base.base, numpy.ndarray):
        base = base.base
    if base is array or base.dtype != array.dtype or not base.flags.c_contiguous:
        made = lib.from_numpy(array.copy())
    else:
        made = same_layout(lib.from_numpy(base.copy()), base, array)
    if dtype is not None and dtype != str(array.dtype):
        made = made.to(getattr(lib, dtype))
    return made.requires_grad_() if requires_grad else made


def same_layout(tensor, base, array):
    """The view of ``tensor``, a copy of ``base``, that ``array`` is of ``base``."""
    owner = tensor.numpy()
    start = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    view = numpy.ndarray(array.shape, array.dtype, owner, start, array.strides)
    return (torch if isinstance(tensor, torch.Tensor) else minitorch).from_numpy(view)
