"""How the tests of utils.data compare: the same program runs on both libraries."""

import warnings

import pytest
import torch

import minitorch as mt


def plain(value):
    """Without the library: tensors as their dtype and numbers."""
    if isinstance(value, (torch.Tensor, mt.Tensor)):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(plain(item) for item in value)
    return value


def outcome(program, lib):
    """What the program comes to: its value and warnings, or the type and first line of its error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = plain(program(lib, lib.utils.data))
        except Exception as error:
            return type(error).__name__, str(error).split("\n")[0]
        return value, [str(warning.message).split("\n")[0] for warning in caught]


@pytest.fixture
def agree():
    """``agree(program)`` runs ``program(lib, lib.utils.data)`` on both, and returns PyTorch's outcome."""

    def run(program):
        expected = outcome(program, torch)
        assert expected == outcome(program, mt)
        return expected

    return run
