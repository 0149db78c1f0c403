"""Switches of the whole library, and what it says of itself."""

import pytest
from oracle import agree, same_first_line

import minitorch


@pytest.mark.parametrize(
    "text",
    [
        "t.set_float32_matmul_precision('high'), t.get_float32_matmul_precision(), t.set_float32_matmul_precision('highest')",
        "t.set_float32_matmul_precision('most')",
        "t.use_deterministic_algorithms(True), t.are_deterministic_algorithms_enabled(), t.get_deterministic_debug_mode()",
        "t.use_deterministic_algorithms(False), t.are_deterministic_algorithms_enabled(), t.get_deterministic_debug_mode()",
        "t.set_deterministic_debug_mode('warn'), t.is_deterministic_algorithms_warn_only_enabled(), t.set_deterministic_debug_mode(0)",
        "t.set_warn_always(False), t.is_warn_always_enabled(), t.is_vulkan_available()",
        "t.can_cast(t.float32, t.int32), t.can_cast(t.int64, t.uint8), t.can_cast(t.bool, t.complex64)",
        "t.version.cuda, t.version.hip, t.version.debug",
        "t.__version__ >= '2.2', t.__version__ < '2.2', t.__version__ > '2.13', t.__version__ >= (2, 13), t.__version__.split('.')[:2]",
        "t.range(0, 3), t.range(1, 2, 0.5), t.range(0, 3, dtype=t.int64)",
        "t.range(3)",
        "t.is_nonzero(t.ones(1)), t.is_distributed(t.ones(1))",
    ],
)
def test_as_in_pytorch(text):
    agree(lambda t: eval(text, {"t": t}))


@pytest.mark.parametrize("text", ["t.use_deterministic_algorithms(1)", "t.set_deterministic_debug_mode('all')", "t.set_deterministic_debug_mode(7)"])
def test_errors(text):
    same_first_line(lambda t: eval(text, {"t": t}))


def test_the_version_names_both_releases():
    assert minitorch.__version__ == "2.13.0+minitorch.0.1.0" and minitorch.version.__version__ is minitorch.__version__


def test_the_default_device():
    def program(t):
        t.set_default_device("cpu")
        before = t.get_default_device()
        with t.device("cpu"):
            inside = t.get_default_device(), t.zeros(1).device
        t.set_default_device("cuda:1")
        try:
            t.zeros(2)
            made = True
        except AssertionError:
            made = False
        t.set_default_device(None)
        return [str(d) for d in (before, *inside, t.get_default_device())], made, t.zeros(1)

    agree(program)
