"""Rows added at places: by whichever way, the sums are those of one after the other."""

import numpy
import pytest

from minitorch.backends.indexing import FEW, PLACES, add_rows

CASES = {  # places, rows that go to them
    "each once": (50, numpy.arange(50)[::-1]),
    "some several times": (1000, numpy.arange(2500) * 7 % 997),
    "few places": (3, numpy.arange(100) % 3),
    "few and many": (
        2 * PLACES,
        numpy.concatenate([numpy.arange(2 * PLACES), numpy.full(5 * FEW, 7), numpy.full(FEW + 1, 3)]),
    ),
    "sorted": (2 * PLACES, numpy.repeat(numpy.arange(2 * PLACES), 3)),
    "from the end": (1 << 17, numpy.array([-1, 5, (1 << 17) - 1, 70000, 5])),
    "the largest of short keys": (1 << 16, numpy.array([65535, 0, 65535])),
    "none": (4, numpy.array([], numpy.int64)),
}


@pytest.mark.parametrize("name", CASES)
def test_add_rows(name):
    n, rows = CASES[name]
    draws = numpy.random.default_rng(0)
    y, out = (
        draws.integers(-9, 9, (len(rows), 2)).astype(numpy.float64),
        draws.integers(-9, 9, (n, 2)).astype(numpy.float64),
    )
    expected = out.copy()
    numpy.add.at(expected, rows, y)
    add_rows(out, rows, y)
    numpy.testing.assert_array_equal(out, expected)


def test_rows_outside_are_refused():
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 0 with size 4"):
        add_rows(numpy.zeros((4, 2)), numpy.array([0, 4]), numpy.ones((2, 2)))
