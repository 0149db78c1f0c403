"""Native functions as builtin functions of Python: values, errors, lifetimes, and no reference lost or kept."""

import gc
import sys
import threading
import weakref

import numpy
import pytest

from minitorch.native.entry import AVAILABLE, declared, entry, python_symbols
from minitorch.native.formula import Formula
from minitorch.native.link import link

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="this Python can't be entered so")

TEXT = declared("Py_IncRef") + """
define ptr @last(ptr %self, ptr %arguments, i64 %count) {
  %at = sub i64 %count, 1
  %place = getelementptr ptr, ptr %arguments, i64 %at
  %x = load ptr, ptr %place
  call void @Py_IncRef(ptr %x)
  %words.at = getelementptr i8, ptr %self, i64 16
  %words = load ptr, ptr %words.at
  store i64 %count, ptr %words
  ret ptr %x
}"""


def last():
    return entry(link(TEXT, symbols=python_symbols("Py_IncRef")), "last", [7])


def scaled():
    """The builtin function (x, y, 1, 1, length, factor): y becomes x times the factor."""
    return Formula("float", 2, 1, (("mul", ("a0", "n0")),), ((1, "t0"),)).kernel.enter


def test_it_gets_its_arguments_and_finds_its_words():
    function = last()
    assert function.__self__[0] == 7
    assert [function(1), function(1, "b"), function(*range(9))] == [1, "b", 8]
    assert function.__self__[0] == 9


def test_it_may_be_part_of_a_ring():
    library = link(TEXT, symbols=python_symbols("Py_IncRef"))
    for _ in range(100):
        function = entry(library, "last", [7])
        function.__self__.ring = [function]
        assert function("x") == "x"
    words = weakref.ref(function.__self__)
    del function
    gc.collect()
    assert words() is None


def test_it_keeps_its_code_alive_and_lets_go_of_it():
    function = last()
    words, library = weakref.ref(function.__self__), weakref.ref(function.__self__.held[0])
    gc.collect()
    assert function("x") == "x" and words() is not None
    del function
    gc.collect()
    assert words() is None and library() is None


@pytest.mark.parametrize("length", [0, 1, 3, 5000])
def test_a_kernel_entered_so_gives_what_it_gives_by_ctypes(length):
    formula = Formula("float", 2, 1, (("mul", ("a0", "n0")),), ((1, "t0"),))
    x = numpy.random.default_rng(0).normal(size=length).astype("float32")
    expected, y = numpy.empty_like(x), numpy.empty_like(x)
    words = (-(-length // 4096), 1, length)
    formula.kernel(x, expected, words=words, numbers=(1.5,), shared=False)
    assert formula.kernel.enter(x, y, *words, 1.5) is y
    assert y.tolist() == expected.tolist() == (x * numpy.float32(1.5)).tolist()


@pytest.mark.parametrize("arguments", [(), (1, 1, 3), (1, 1, 3, "a"), (1, "a", 3, 1.0), (1, 1, 2**70, 1.0), (1, 1, 3, 1.0, 1.0)])
def test_wrong_arguments_are_refused(arguments):
    x, y = numpy.ones(3, "float32"), numpy.zeros(3, "float32")
    with pytest.raises((TypeError, OverflowError)):
        scaled()(x, y, *arguments)
    assert y.tolist() == [0, 0, 0]


def test_no_reference_is_lost_or_kept():
    enter, factor = scaled(), 1.0 + float(len(sys.argv))
    x, y = numpy.ones(3, "float32"), numpy.zeros(3, "float32")
    before = [sys.getrefcount(thing) for thing in (x, y, factor, enter, enter.__self__)]
    for _ in range(10_000):
        enter(x, y, 1, 1, 3, factor)
    with pytest.raises(TypeError):
        enter(x, y)
    assert [sys.getrefcount(thing) for thing in (x, y, factor, enter, enter.__self__)] == before


def test_threads_enter_at_once():
    enter, wrong = scaled(), []

    def work(factor):
        x, y = numpy.full(3, factor, "float32"), numpy.empty(3, "float32")
        for _ in range(2000):
            if enter(x, y, 1, 1, 3, factor).tolist() != [factor * factor] * 3:
                wrong.append(factor)

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
