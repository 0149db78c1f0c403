"""Numbers as LLVM writes them."""

import math
import struct

__all__ = ["FLOATS", "bits_of", "constant", "rounded"]

FLOATS = ("float", "double")


def constant(number, kind):
    """A Python number as LLVM writes one of that kind.

    >>> constant(0.5, "float"), constant(True, "i1"), constant(3, "double")
    ('0x3FE0000000000000', 'true', '0x4008000000000000')
    """
    if kind == "i1":
        return "true" if number else "false"
    if kind in FLOATS:
        return hexadecimal(float(number), kind)
    return str(int(number))


def rounded(x, kind):
    """A float as a constant of that kind holds it.

    >>> rounded(0.1, "float"), rounded(1e300, "float"), rounded(0.1, "double")
    (0.10000000149011612, inf, 0.1)
    """
    if kind != "float":
        return x
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def hexadecimal(x, kind):
    """A float as the bits of a double, as LLVM wants it; one for a float32 is rounded to that first."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded(x, kind)))[0]:016X}"


def bits_of(x):
    """The bits of a float32, as an integer."""
    return struct.unpack("<i", struct.pack("<f", x))[0]
