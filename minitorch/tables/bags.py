"""Bags of rows: which bag each index is in. A row because offsets must be looked at, also by a program that was compiled."""

from ..dtypes import int64
from ..table import indexing

__all__ = ["bag_numbers"]


def numbers(xp, offsets, count, n):
    """For each of n indices the number of its bag, of which ``count`` begin at the first of the sorted offsets."""
    if len(offsets) and xp.SYNCHRONOUS:
        first, last = int(offsets[0]), int(offsets[-1])
        if first != 0:
            raise RuntimeError(
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got "
                f"{first}"
            )
        if last > n:
            raise RuntimeError(f"offsets[-1] can not be greater than input's length {n} but got offsets[-1] of {last}")
    return xp.searchsorted_rows(offsets[:count], xp.arange(0, 1, n, int64), True) - 1


bag_numbers = indexing("bag_numbers", numbers)
