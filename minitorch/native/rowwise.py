"""Softmax and log-softmax along the last dim as kernels, for matrices of any size in float32.

    softmax       m = max x      y = exp(x - m), s = Σ y      y / s
    log_softmax   m = max x      s = Σ exp(x - m)             (x - m) - log s

A row is gone over three times while it is in the nearest cache; NumPy goes over the whole matrix five times. The sum may
be taken in any order. NaN stays in its row, and fills it.

torch: vec_host_softmax_lastdim in ATen/native/cpu/SoftMaxKernel.cpp
"""

import math
from functools import lru_cache

from .gemm import Code
from .kernel import Kernel
from .mathematics import constant, spell, support
from .text import Text

__all__ = ["rowwise"]

GRAIN = 1 << 13
"""Numbers that are worth a claim."""


def exponential(text, x, largest):
    shifted = text.let("shifted", f"fsub float {text.load('float', x)}, {largest}")
    return spell(text, "exp", "float", [shifted])


def write_row(text, x, y, columns, logarithm):
    """One row, of ``columns`` numbers, from x to y."""
    with text.loop("i", 0, columns, carry=[("float", constant(-math.inf, "float"))]) as i:
        value = text.load("float", text.at(x, i, "float"))
        i.carry(spell(text, "maximum", "float", [i.values[0], value]))
    (largest,) = i.values

    with text.loop("i", 0, columns, carry=[("float", constant(0, "float"))]) as i:
        e = exponential(text, text.at(x, i, "float"), largest)
        if not logarithm:
            text.store("float", e, text.at(y, i, "float"))
        i.carry(text.let("sum", f"fadd reassoc float {i.values[0]}, {e}"))
    total = spell(text, "log", "float", i.values) if logarithm else i.values[0]

    with text.loop("i", 0, columns) as i:
        place = text.at(y, i, "float")
        if logarithm:
            shifted = text.let("shifted", f"fsub float {text.load('float', text.at(x, i, 'float'))}, {largest}")
            value = text.let("y", f"fsub float {shifted}, {total}")
        else:
            value = text.let("y", f"fdiv float {text.load('float', place)}, {total}")
        text.store("float", value, place)


def rowwise_text(name):
    """The kernel, as text. A chunk is a row."""
    text = Text()
    with text.function("internal void @body(ptr noalias %x, ptr noalias %y, i64 %columns, i64 %begin, i64 %end)"):
        with text.loop("row", "%begin", "%end") as row:
            start = text.multiply(row, "%columns")
            write_row(text, text.at("%x", start, "float"), text.at("%y", start, "float"), "%columns", name == "log_softmax")
    with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        x, y = (text.load("ptr", text.at("%p", number, "ptr")) for number in (2, 3))
        columns = text.load("i64", text.at("%p", 6, "i64"))
        text.do(f"call void @body(ptr {x}, ptr {y}, i64 {columns}, i64 %begin, i64 %end)")
    return support(str(text)) + str(text)


@lru_cache(None)
def rowwise(name):
    """The function (x, out, shared) of that name, for contiguous arrays that share no memory; None without a compiler.

    >>> import numpy
    >>> x, out = numpy.zeros((1, 4), "float32"), numpy.empty((1, 4), "float32")
    >>> rowwise("softmax")(x, out, False)
    >>> out.tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    try:
        kernel = Kernel(Code(rowwise_text(name), None, None, 0), 2, "loops", 3)
    except ImportError:
        return None

    def run(x, out, shared):
        columns = x.shape[-1]
        rows = x.size // columns
        if x.size <= GRAIN and kernel.enter is not None:
            kernel.enter(x, out, rows, rows, columns)
            return
        grain = max(1, min(GRAIN // columns, rows // 8))
        kernel(x, out, words=(rows, grain, columns), shared=shared)

    return run
