"""How the tests of autograd compare: the same program runs on both libraries."""

import math
import warnings

import pytest
import torch

import minitorch as mt


def plain(value):
    """Without the library: tensors as their dtype, shape, whether they want a gradient, and numbers."""
    if isinstance(value, (torch.Tensor, mt.Tensor)):
        return "tensor", str(value.dtype), tuple(value.shape), value.requires_grad, value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(plain(item) for item in value)
    return value


def same(expected, got):
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=1e-5, abs_tol=1e-6) or (math.isnan(expected) and math.isnan(got))
    if type(expected) is not type(got):
        return False
    if isinstance(expected, dict):
        return expected.keys() == got.keys() and all(same(expected[key], got[key]) for key in expected)
    if isinstance(expected, (tuple, list)):
        return len(expected) == len(got) and all(map(same, expected, got))
    return expected == got


def outcome(program, lib):
    """What the program comes to: its value and warnings, or the type and first line of its error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = plain(program(lib))
        except Exception as error:
            return type(error).__name__, str(error).split("\n")[0]
        return value, [str(warning.message).split("\n")[0] for warning in caught]


@pytest.fixture
def agree():
    """``agree(program)`` runs ``program(lib)`` on both, and returns PyTorch's outcome."""

    def run(program):
        expected, got = outcome(program, torch), outcome(program, mt)
        assert same(expected, got), f"expected {expected}\n     got {got}"
        return expected

    return run
