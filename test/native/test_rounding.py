"""Arrays of 16-bit numbers from float32 and to it: NumPy's bits for every number, and for all that lie between."""

import ml_dtypes
import numpy
import pytest

from minitorch.backends.rounding import converted

ALL = numpy.arange(1 << 16, dtype=numpy.uint16)
TYPES = {"bfloat16": numpy.dtype(ml_dtypes.bfloat16), "float16": numpy.dtype("float16")}


@pytest.mark.parametrize("name", TYPES)
def test_every_number_there_and_back(name):
    narrow = ALL.view(TYPES[name])
    wide = narrow.astype(numpy.float32)
    if name == "float16":
        numpy.testing.assert_array_equal(converted(narrow, wide.dtype), wide)
    numpy.testing.assert_array_equal(converted(wide, narrow.dtype).astype(numpy.float32), wide)


@pytest.mark.parametrize("name", TYPES)
def test_halfway_goes_to_the_even_number(name):
    x = numpy.sort(ALL.view(TYPES[name]).astype(numpy.float32))
    x = x[numpy.isfinite(x)]
    middle = (x[:-1].astype(numpy.float64) + x[1:]) / 2
    for y in (middle, numpy.nextafter(middle, numpy.inf), numpy.nextafter(middle, -numpy.inf)):
        y = y.astype(numpy.float32)
        numpy.testing.assert_array_equal(converted(y, TYPES[name]), y.astype(TYPES[name]))


def test_the_order_in_memory_stays():
    x = numpy.random.default_rng(0).standard_normal((200, 300)).astype(numpy.float32).T
    found = converted(x, TYPES["bfloat16"])
    assert found.strides == x.astype(TYPES["bfloat16"]).strides
    numpy.testing.assert_array_equal(found, x.astype(TYPES["bfloat16"]))


def test_what_numpy_does():
    x = numpy.ones((300, 300), numpy.float32)
    for y, name in ((x[:5], "float16"), (x[::2, ::2], "float16"), (x.astype(numpy.float64), "float16"), (x.astype(">f4"), "bfloat16")):
        assert converted(y, TYPES[name]) is None
