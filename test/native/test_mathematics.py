"""Our own functions in float32: within 2 units in the last place of the true value, and right at the edges."""

import ctypes

import numpy as np
import pytest
import torch

from minitorch.native.link import assembly, link
from minitorch.native.mathematics import FUNCTIONS, spell, support
from minitorch.native.target import Target
from minitorch.native.text import Text


def loop(name):
    """``run(x)``: the function of each element."""
    text = Text()
    with text.function("void @run(ptr noalias %x, ptr noalias %y, i64 %n)"), text.loop("i", 0, "%n") as i:
        value = spell(text, name, "float", [text.load("float", text.at("%x", i, "float"))])
        text.store("float", value, text.at("%y", i, "float"))
    library = link(support(str(text)) + str(text))
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(library.address("run"))

    def run(x):
        y = np.empty_like(x)
        function(x.ctypes.data, y.ctypes.data, len(x))
        assert library is not None  # the code lives as long as its library
        return y

    return run


EVERY = np.arange(0, 0x7F800000, 4099, dtype=np.uint32).view(np.float32)  # from 0 to the largest, all sizes alike


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_two_units_in_the_last_place(name):
    x = np.concatenate([EVERY, -EVERY])
    expected = getattr(torch, name)(torch.from_numpy(x).double()).numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = expected.astype(np.float32)
    actual, finite = loop(name)(x), np.isfinite(rounded)
    np.testing.assert_array_equal(actual[~finite], rounded[~finite])
    unit = np.spacing(np.abs(rounded[finite])).astype(np.float64)
    assert np.max(np.abs(actual[finite] - expected[finite]) / unit) <= 2


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_edges(name):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 88.7, 89.5, -103.5, -104.5], np.float32)
    expected = getattr(torch, name)(torch.from_numpy(x).double()).numpy()
    with np.errstate(over="ignore"):
        expected = expected.astype(np.float32)
    actual = loop(name)(x)
    np.testing.assert_allclose(actual, expected, rtol=3e-7, atol=3e-45)
    np.testing.assert_array_equal(np.signbit(actual)[~np.isnan(expected)], np.signbit(expected)[~np.isnan(expected)])


def test_a_masked_maximum_is_vector_code():
    """LLVM would fold the mask into the maximum if it knew that masked places are -infinity, and then compute one by one."""
    text = Text()
    with text.function("void @run(ptr noalias %x, ptr noalias %seen, ptr noalias %y)"):
        with text.loop("i", 0, 64, carry=[("float", "0xFFF0000000000000")]) as i:
            seen = text.let("seen", f"trunc i8 {text.load('i8', text.at('%seen', i, 'i8'))} to i1")
            value = spell(text, "where", "float", [text.load("float", text.at("%x", i, "float")), seen, "0xFFF0000000000000"])
            i.carry(spell(text, "maximum", "float", [*i.values, value]))
        text.store("float", i.values[0], "%y")
    assert "vmaxps" in assembly(support(str(text)) + str(text), Target.avx512())
