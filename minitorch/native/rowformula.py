"""Formulas over the rows of a matrix, with sums along them, as kernels for matrices of any size in float32 or float64.

A formula is written as in formula.py; beside the table's elementwise rows there are "sum", "mean" and "amax" along a row.
Here x / Σ x, where x is array 0 and the result goes to array 1:

    steps   (("sum", ("a0",)), ("div", ("a0", "t0")))        arrays  ("matrix", "matrix")
    store   (1, "t1")

An array is a "matrix", a "column" with a number for each row, or a "row" with one for each column. What is stored to a
"total" is added up over the rows, chunk by chunk: it is a matrix with a row for each chunk.

    for each row                 first the sums that need no other sum, all in one loop; then those that need them; …;
        for each column …        at last a loop that stores

A row is in the nearest cache from its first loop on. What a later loop needs it computes again. Sums may be taken in any
order; the chunks, and so the totals, depend on shapes alone.

torch: what ATen/native/cpu/layer_norm_kernel.cpp and SoftMaxKernel.cpp write out by hand
"""

import math
from functools import lru_cache

from .formula import Writer, has_spelling
from .gemm import Code
from .kernel import Kernel
from .mathematics import constant, spell, support
from .target import SIZES
from .text import Text

__all__ = ["chunk_rows", "goes_along_rows", "row_formula"]

REDUCTIONS = frozenset(["sum", "mean", "amax"])

GRAIN = 1 << 13
"""Numbers in a chunk."""


def goes_along_rows(steps):
    """Whether there are sums among the steps."""
    return any([row in REDUCTIONS for row, _ in steps])


def chunk_rows(columns):
    """How many rows a chunk has.

    >>> chunk_rows(128)
    64
    """
    return max(1, GRAIN // columns)


class RowWriter:
    """Writes what is done with one row. ``places``: where each array's part for it begins."""

    def __init__(self, text, kind, arrays, steps):
        self.text, self.kind, self.arrays, self.steps = text, kind, arrays, steps

    def rounds(self, operand):
        """How many loops must have ended before an operand is known everywhere in its row.

        An element of x / Σ x is known after one, and max(x / Σ x) after two.
        """
        if operand.__class__ is not str or operand[0] != "t":
            return 0
        row, operands = self.steps[int(operand[1:])]
        return max([self.rounds(x) for x in operands]) + (row in REDUCTIONS)

    def reductions(self, operands):
        """The steps that are reductions, among those that the operands need."""
        found, todo = set(), list(operands)
        while todo:
            operand = todo.pop()
            if operand.__class__ is str and operand[0] == "t" and operand not in found:
                row, needed = self.steps[int(operand[1:])]
                todo += needed
                if row in REDUCTIONS:
                    found.add(operand)
        return sorted(found, key=lambda t: int(t[1:]))

    def value(self, writer, operand, i):
        """An operand's register at column ``i``, with all that it needs; ``writer.values`` has what is known."""
        if operand.__class__ is not str or operand in writer.values:
            return writer.value(operand)
        k = int(operand[1:])
        if operand[0] == "a":
            place = self.places[k]
            found = writer.text.load(self.kind, place if self.arrays[k] == "column" else writer.text.at(place, i, self.kind))
        else:
            row, operands = self.steps[k]
            for x in operands:
                self.value(writer, x, i)
            found = writer.step(row, operands)
        writer.values[operand] = found
        return found

    def row(self, places, stores):
        """All loops of one row."""
        text, kind = self.text, self.kind
        self.places = places
        known, needed = {}, self.reductions([x for _, x in stores])
        for turn in range(1, max([self.rounds(x) for x in needed], default=0) + 1):
            now = [x for x in needed if self.rounds(x) == turn]
            rows = [self.steps[int(x[1:])] for x in now]
            first = [constant(-math.inf if row == "amax" else 0, kind) for row, _ in rows]
            with text.loop("i", 0, "%columns", carry=[(kind, x) for x in first]) as i:
                writer = self.writer(known)
                values = [self.value(writer, x, i) for _, (x,) in rows]
                i.carry(*[self.added(row, sum, x) for (row, _), sum, x in zip(rows, i.values, values)])
            for x, (row, _), result in zip(now, rows, i.values):
                known[x] = text.let("mean", f"fdiv {kind} {result}, %count") if row == "mean" else result
        with text.loop("i", 0, "%columns") as i:
            writer = self.writer(known)
            for k, operand in stores:
                value, place = self.value(writer, operand, i), text.at(places[k], i, kind)
                if self.arrays[k] == "total":
                    value = text.let("total", f"fadd {kind} {text.load(kind, place)}, {value}")
                text.store(kind, value, place)

    def writer(self, known):
        writer = Writer(self.text, self.kind, {})
        writer.values.update(known)
        return writer

    def added(self, row, sum, x):
        if row == "amax":
            return spell(self.text, "maximum", self.kind, [sum, x])
        return self.text.let("sum", f"fadd reassoc {self.kind} {sum}, {x}")


def formula_text(kind, arrays, steps, stores):
    """The kernel of a formula, as text."""
    text, count = Text(), len(arrays)
    pointers = ", ".join([f"ptr noalias %a{k}" for k in range(count)])
    with text.function(f"internal void @body({pointers}, i64 %rows, i64 %columns, i64 %tall, i64 %begin, i64 %end)"):
        text.do(f"%count = uitofp i64 %columns to {kind}")
        writer = RowWriter(text, kind, arrays, steps)
        with text.loop("chunk", "%begin", "%end") as chunk:
            start = text.multiply(chunk, "%tall")
            stop = text.minimum(text.add(start, "%tall"), "%rows")
            own = text.multiply(chunk, "%columns")
            totals = {k: text.at(f"%a{k}", own, kind) for k in range(count) if arrays[k] == "total"}
            for place in totals.values():
                size = text.multiply("%columns", SIZES[kind])
                text.do(f"call void @llvm.memset.p0.i64(ptr {place}, i8 0, i64 {size}, i1 false)")
            with text.loop("r", start, stop) as r:
                begins = {"matrix": text.multiply(r, "%columns"), "column": r, "row": 0}
                places = [totals[k] if k in totals else text.at(f"%a{k}", begins[arrays[k]], kind) for k in range(count)]
                writer.row(places, stores)
    with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        given = [f"ptr {text.load('ptr', text.at('%p', count + k, 'ptr'))}" for k in range(count)]
        given += [f"i64 {text.load('i64', text.at('%p', 2 * count + k, 'i64'))}" for k in (2, 3, 4)]
        text.do(f"call void @body({', '.join(given)}, i64 %begin, i64 %end)")
    return support(str(text)) + str(text)


class RowFormula:
    """``formula(*arrays, rows=m, columns=n, shared=False)``: the arrays are contiguous, of one dtype, and share no memory."""

    def __init__(self, kind, arrays, steps, stores):
        code = Code(formula_text(kind, arrays, steps, stores), None, None, 0)
        self.kernel = Kernel(code, len(arrays), "loops", 5)

    def __call__(self, *arrays, rows, columns, shared=False):
        tall = chunk_rows(columns)
        chunks = -(-rows // tall)
        self.kernel(*arrays, words=(chunks, max(1, chunks // 16), rows, columns, tall), shared=shared)


@lru_cache(256)
def row_formula(kind, arrays, steps, stores):
    """The RowFormula; None where there is no compiler, or a step that has no spelling.

    >>> import numpy
    >>> share = row_formula("float", ("matrix", "matrix"), (("sum", ("a0",)), ("div", ("a0", "t0"))), ((1, "t1"),))
    >>> x, y = numpy.ones((3, 2), "float32"), numpy.empty((3, 2), "float32")
    >>> share(x, y, rows=3, columns=2)
    >>> y.tolist()
    [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    """
    if not all([row in REDUCTIONS or has_spelling(row, kind) for row, _ in steps]):
        return None
    try:
        return RowFormula(kind, arrays, steps, stores)
    except ImportError:
        return None
