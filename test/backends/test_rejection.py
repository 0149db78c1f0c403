"""Numbers drawn ahead for many elements are those that would be drawn one by one, and no more of the stream is used."""

import numpy
import pytest

from minitorch.backends.mt19937 import Stream
from minitorch.backends.rejection import MANY

RATES = numpy.linspace(0.2, 40, 5 * MANY)
DRAWS = {
    "gamma": lambda stream, x: stream.standard_gamma(x),
    "poisson": lambda stream, x: stream.poisson(x),
    "binomial": lambda stream, x: stream.binomial(numpy.floor(x), x / 80),
}


@pytest.mark.parametrize("name", DRAWS)
def test_ahead_is_as_one_by_one(name):
    whole, single = Stream(3), Stream(3)
    expected = numpy.concatenate([DRAWS[name](single, RATES[i : i + 1]) for i in range(len(RATES))])
    numpy.testing.assert_array_equal(DRAWS[name](whole, RATES), expected)
    assert whole.raw32(1) == single.raw32(1) and whole.get_state().tolist() == single.get_state().tolist()
