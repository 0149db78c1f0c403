"""Our own functions in float32: within 2 units in the last place of the true value, and right at the edges."""

import ctypes

import numpy as np
import pytest
import torch

from minitorch.native.link import assembly, link
from minitorch.native.mathematics import FUNCTIONS, spell, support
from minitorch.native.target import Target
from minitorch.native.text import Text


def written(name):
    """The text of a loop over a function of ``%a``, and of ``%b`` where it has two arguments; and how many it has."""
    text, arguments = Text(), ["%a", "%b"] if name == "pow" else ["%a"]
    with text.function("void @run(ptr noalias %a, ptr noalias %b, ptr noalias %out, i64 %n)"), text.loop("i", 0, "%n") as i:
        value = spell(text, name, "float", [text.load("float", text.at(x, i, "float")) for x in arguments])
        text.store("float", value, text.at("%out", i, "float"))
    return support(str(text)) + str(text), len(arguments)


def loop(name):
    """``run(*x)``: the function of each element."""
    text, number = written(name)
    library = link(text)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(library.address("run"))

    def run(*x):
        out = np.empty_like(x[0])
        function(x[0].ctypes.data, x[number - 1].ctypes.data, out.ctypes.data, len(out))
        assert library is not None  # the code lives as long as its library
        return out

    return run


OF_ONE = sorted(FUNCTIONS.keys() - {"pow"})
EVERY = np.arange(0, 0x7F800000, 4099, dtype=np.uint32).view(np.float32)  # from 0 to the largest, all sizes alike


def assert_two_units(name, *inputs):
    """Within two units of the function's value in float64, and the same where that is no float32."""
    expected = getattr(torch, name)(*[torch.from_numpy(x).double() for x in inputs]).numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = expected.astype(np.float32)
    actual, finite = loop(name)(*inputs), np.isfinite(rounded)
    np.testing.assert_array_equal(actual[~finite], rounded[~finite])
    np.testing.assert_array_equal(np.signbit(actual[finite]), np.signbit(rounded[finite]))
    unit = np.spacing(np.abs(rounded[finite])).astype(np.float64)
    assert np.max(np.abs(actual[finite] - expected[finite]) / unit) <= 2


@pytest.mark.parametrize("name", OF_ONE)
def test_two_units_in_the_last_place(name):
    assert_two_units(name, np.concatenate([EVERY, -EVERY]))


def test_powers_of_all_sizes():
    """Those that a float32 can hold, and some that it can't."""
    x = np.repeat(EVERY[::13], 40)
    y = np.random.default_rng(0).uniform(-160, 160, len(x)) / np.maximum(np.abs(np.log2(x + np.float32(1e-45))), 1e-3)
    assert_two_units("pow", x, y.astype(np.float32))


def test_powers_at_the_edges():
    values = np.array([0, 1, 2, 3, 0.5, 1.5, 1e-40, 2**24, 2**24 - 1, 3e38, np.inf], np.float32)
    values = np.concatenate([values, -values, [np.float32(np.nan)]])
    x, y = np.repeat(values, len(values)), np.tile(values, len(values))
    assert_two_units("pow", x, y)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_loops_over_our_functions_are_vector_code(name):
    """With AVX-512 a loop over float32 is one over 16 of them, or over 8 where it is float64 inside."""
    text, _ = written(name)
    assert "%zmm" in assembly(text, Target.avx512())


@pytest.mark.parametrize("name", OF_ONE)
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
