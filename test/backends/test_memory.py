"""Where arrays lie."""

import ml_dtypes
import numpy
import pytest

from minitorch.backends import memory

BASE = numpy.arange(24, dtype="float32").reshape(4, 6)
ARRAYS = {
    "whole": BASE, "a region": BASE[1:, 2:5], "transposed": BASE.T[2:], "backwards": BASE[::-1, ::-2], "0-d": numpy.asarray(1.5),
    "an element": BASE[2, 3, ...], "empty": BASE[:, 6:], "expanded": numpy.broadcast_to(BASE[1], (3, 6)), "narrow": BASE.astype(ml_dtypes.bfloat16)[1:],
    "a subclass": BASE.view(numpy.recarray)[1:], "of another dtype": BASE.view("int16")[:, 1:],
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_begins_where_numpy_says(name):
    x = ARRAYS[name]
    assert memory.start_of(x) == memory.start_as_told(x) == x.ctypes.data


def test_where_an_array_begins_is_read_from_the_object():
    assert memory.start_of is memory.start_as_kept
