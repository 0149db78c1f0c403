"""Turning a matrix on its way into a panel: B's columns are what is contiguous, and the panel wants its rows behind each other.

    squares of lanes x lanes numbers        a vector from each column; log2(lanes) rounds of shuffles; a vector to each row

In machine code the shuffles are half of a product. All products use one function, which is told strides and lengths; a process
compiles it once (``link.shared``), so each of them compiles in half the time.
"""

from functools import partial

from .link import SHARED, Written, host, job_of
from .target import SIZES
from .text import Text
from .vectors import Vectors
from .worklist import EXPECTED

__all__ = ["write_turned"]

NAME = "minitorch_turn_{}_{}"
"""The function for a kind of number and a number of lanes."""


def write_turned(text, kind, lanes, place, step, to, width, columns, k):
    """Call the function: ``columns`` of B from ``place`` on, ``step`` apart, k numbers each, as rows ``width`` apart in ``to``.

    k is at least a vector's length. Up to the next vector beyond the columns the last one is repeated: nobody stores it in C.
    Integers are moved as if they were numbers with a fraction.
    """
    kind = {4: "float", 8: "double"}[SIZES[kind]]
    declared = f"declare void @{NAME.format(kind, lanes)}(ptr, i64, ptr, i64, i64, i64)"
    if declared not in text.lines:
        text.lines.insert(0, declared)
    numbers = f"ptr {place}, i64 {step}, ptr {to}, i64 {width}, i64 {columns}, i64 {k}"
    text.do(f"call void @{NAME.format(kind, lanes)}({numbers})")


def turning_text(kind, lanes):
    """The function. The last square along k begins early enough to be whole."""
    text = Text()
    v = Vectors(text, kind, lanes)
    parameters = "ptr %b, i64 %step, ptr %to, i64 %width, i64 %columns, i64 %k"
    with text.function(f"void @{NAME.format(kind, lanes)}({parameters})", "nounwind"):
        final, bottom = text.subtract("%columns", 1), text.subtract("%k", lanes)
        with text.loop("p", 0, "%k", lanes) as turn, text.loop("s", 0, "%columns", lanes) as start:
            p = text.minimum(turn, bottom)
            squares = []
            for lane in range(lanes):
                column = text.minimum(text.add(start, lane), final)
                squares.append(v.load(text.at(text.at("%b", text.multiply(column, "%step"), kind), p, kind)))
            corner = text.at("%to", text.add(text.multiply(p, "%width"), start), kind)
            for i, row in enumerate(v.transpose(squares)):
                v.store(row, text.at(corner, text.multiply("%width", i), kind))
    return str(text)


def expected():
    name = NAME.format("float", host().lanes("float"))
    return job_of(Written(partial(turning_text, "float", host().lanes("float")), name), host(), "vectors")


EXPECTED.append(expected)
SHARED.update({NAME.format(kind, lanes): (turning_text, kind, lanes) for kind in ("float", "double") for lanes in (2, 4, 8, 16)})
