"""Timers: what they measure is a time, of the statement that was given."""

import minitorch
from minitorch.utils import benchmark


def test_times():
    timer = benchmark.Timer("y.append(x + x)", globals={"x": minitorch.ones(2), "y": (seen := [])}, label="adding")
    measured = timer.timeit(5)
    assert measured.number_per_run == 5 and len(seen) == 7 and 0 < measured.median < 1 and measured.mean == measured.median
    measured = timer.blocked_autorange(min_run_time=0.01)
    assert len(measured.times) >= 1 and measured.iqr >= 0 and "adding" in repr(measured)
