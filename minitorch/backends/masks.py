"""Choosing by a condition."""

import math

import numpy

__all__ = ["put_elsewhere", "where"]

SMALL = 1 << 12
"""Elements up to which NumPy's ``where`` is as fast as bits."""


def where(condition, x, y):
    if x.__class__ is numpy.ndarray and (y.__class__ is float or y.__class__ is int):
        if x.dtype.char == "f" and x.size > SMALL and condition.size * 4 <= x.size and x.flags.c_contiguous:
            return masked(condition, x, y)
    return numpy.where(condition, x, y)


def masked(condition, x, y):
    """The same for a condition that is repeated, as an attention's mask, and a number: by bits, in a quarter of the time."""
    kept = numpy.negative(condition.astype(numpy.int32))  # all ones where x is kept
    result = numpy.bitwise_and(x.view(numpy.int32), kept)
    if y != 0 or math.copysign(1, y) < 0:
        number = numpy.float32(y).view(numpy.int32)
        numpy.bitwise_or(result, numpy.bitwise_and(numpy.invert(kept), number), result)
    return result.view(numpy.float32)


def put_elsewhere(x, condition, number):
    """Write a number to ``x``, an array of float32 that lies in one piece, wherever the condition doesn't hold.

    By bits, as above: NumPy's ``copyto`` goes one by one, which takes eight times as long.
    """
    kept, bits = condition.astype(numpy.int32), x.view(numpy.int32)
    numpy.negative(kept, kept)
    numpy.bitwise_and(bits, kept, bits)
    if number != 0:
        numpy.invert(kept, kept)
        numpy.bitwise_and(kept, numpy.float32(number).view(numpy.int32), kept)
        numpy.bitwise_or(bits, kept, bits)
