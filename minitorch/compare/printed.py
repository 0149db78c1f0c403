"""Two printed texts, line by line: equal words, and numbers within a tolerance."""

import re
from typing import NamedTuple

__all__ = ["DifferentLine", "different_line"]

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?<![\w.])[-+]?(?:inf|nan)\b")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class DifferentLine(NamedTuple):
    """The first line that differs; None where one text has ended."""

    number: int
    lines: tuple[str | None, str | None]


def different_line(texts, rtol):
    """The first DifferentLine of two texts, or None.

    >>> different_line(("step 1 loss 0.50001", "step 1 loss 0.50002"), 1e-4)
    >>> different_line(("step 1 loss 0.5", "step 2 loss 0.5"), 1e-4).number
    1
    """
    first, second = [text.splitlines() for text in texts]
    for number in range(max(len(first), len(second))):
        lines = tuple(text[number] if number < len(text) else None for text in (first, second))
        if None in lines or not alike(*lines, rtol):
            return DifferentLine(number + 1, lines)
    return None


def alike(a, b, rtol):
    if a == b:
        return True
    a, b = [ADDRESS.sub("0x", line) for line in (a, b)]
    if NUMBER.sub("#", a).split() != NUMBER.sub("#", b).split():
        return False
    return all(close(x, y, rtol) for x, y in zip(NUMBER.findall(a), NUMBER.findall(b)))


def close(a, b, rtol):
    """Whole numbers must be equal; others may differ by ``rtol``, and by one in the last digit printed."""
    if a == b:
        return True
    if a.lstrip("+-").isdecimal() and b.lstrip("+-").isdecimal():
        return False
    x, y = float(a), float(b)
    return x == y or abs(x - y) <= rtol * max(abs(x), abs(y)) + 1.01 * max(last_digit(a), last_digit(b))


def last_digit(text):
    """What one in the last digit is worth: 0.01 of "3.14", 10 of "2.5e2"."""
    digits, _, exponent = text.lower().partition("e")
    places = len(digits.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - places) if any(c.isdigit() for c in digits) else 0.0
