"""One program, run with PyTorch and with ours: both must come to the same."""

import re
import warnings

import pytest
import torch as pytorch

import minitorch


def outcome(program, lib):
    """What ``program(lib)`` returned, or the type and first line of what it raised; and its warnings."""
    lib.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = program(lib)
        except Exception as error:
            result = type(error).__name__, first_line(error)
    return plain(result), [(warning.category, first_line(warning.message)) for warning in caught]


def first_line(text):
    lines = str(text).splitlines()
    return same_names(lines[0].split(" See https://")[0]) if lines else ""


def same_names(text):
    """``text`` with the paths to both libraries' layers shortened: torch.nn.modules.linear.Linear is torch.nn.Linear."""
    return re.sub(r"\btorch\.nn\.([a-z_]+\.)*(?=[A-Z])", "torch.nn.", text.replace("minitorch.", "torch."))


def plain(value):
    """Tensors as dtype, shape and numbers; containers of them likewise; anything else as it is."""
    if isinstance(value, (pytorch.Tensor, minitorch.Tensor)):
        return str(value.dtype), tuple(value.shape), value.detach().tolist(), value.requires_grad
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return same_names(value) if isinstance(value, str) else value


@pytest.fixture
def agree():
    """``agree(program)`` asserts that ``program(minitorch)`` comes to what ``program(torch)`` comes to."""

    def agree(program):
        expected, actual = outcome(program, pytorch), outcome(program, minitorch)
        assert expected == actual

    return agree
