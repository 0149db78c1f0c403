"""Rows of a matrix added up at places of another, as an embedding's gradient has it: out[places[r]] += x[r], r after r.

A chunk is a strip of columns, for all rows. So no two threads write to one number, and the order of a sum is that of the rows.

torch: embedding_dense_backward_cpu in ATen/native/Embedding.cpp
"""

from functools import cache

from .gemm import Code
from .kernel import Kernel
from .text import Text

__all__ = ["row_adder"]

STRIP = 64
"""Columns in a chunk."""


def adding_text(kind):
    """The kernel, as text."""
    text = Text()
    signature = "ptr noalias %places, ptr noalias %x, ptr noalias %out, i64 %rows, i64 %columns, i64 %begin, i64 %end"
    with text.function(f"internal void @body({signature})"):
        start = text.multiply("%begin", STRIP)
        stop = text.minimum(text.multiply("%end", STRIP), "%columns")
        with text.loop("r", 0, "%rows") as r:
            place = text.load("i64", text.at("%places", r, "i64"))
            x, out = (text.at(array, text.multiply(row, "%columns"), kind) for array, row in (("%x", r), ("%out", place)))
            with text.loop("i", start, stop) as i:
                to = text.at(out, i, kind)
                number = text.load(kind, text.at(x, i, kind))
                text.store(kind, text.let("sum", f"fadd {kind} {text.load(kind, to)}, {number}"), to)
    with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        given = [f"ptr {text.load('ptr', text.at('%p', 3 + k, 'ptr'))}" for k in range(3)]
        given += [f"i64 {text.load('i64', text.at('%p', 8 + k, 'i64'))}" for k in range(2)]
        text.do(f"call void @body({', '.join(given)}, i64 %begin, i64 %end)")
    return str(text)


@cache
def row_adder(kind):
    """The function (places, x, out): int64 within ``out``, and two contiguous matrices of as many columns; None without a compiler.

    >>> import numpy
    >>> out = numpy.zeros((2, 3), "float32")
    >>> row_adder("float")(numpy.array([1, 1]), numpy.ones((2, 3), "float32"), out)
    >>> out.tolist()
    [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]
    """
    try:
        kernel = Kernel(Code(adding_text(kind), None, None, 0), 3, "loops", 4)
    except ImportError:
        return None

    def run(places, x, out):
        rows, columns = x.shape
        kernel(places, x, out, words=(-(-columns // STRIP), 1, rows, columns))

    return run
