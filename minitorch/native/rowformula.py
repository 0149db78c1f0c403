"""Formulas over the rows of a matrix, with sums along them, as kernels for matrices of any size in float32 or float64.

A formula is written as in formula.py; beside the table's elementwise rows there are "sum", "mean" and "amax" along a row,
and "inverse" is 1 / the numbers in a row. Here x / Σ x, where x is array 0 and the result goes to array 1:

    steps   (("sum", ("a0",)), ("div", ("a0", "t0")))        arrays  ("matrix", "matrix")
    store   (1, "t1")

An array is a "matrix", a "column" with a number for each row, or a "row" with one for each column. What is stored to a
"total" is added up over the rows, chunk by chunk: it is a matrix with a row for each chunk.

    for each row                 first the sums that need no other sum, all in one loop; then those that need them; …;
        for each column …        at last a loop that stores

A row is in the nearest cache from its first loop on. What a later loop needs it computes again. A row may also lie in
several ``parts``, as a channel does in the images of a batch: then the array is (parts, rows, columns). Sums may be taken in
any order; the chunks, and so the totals, depend on shapes alone.

torch: what ATen/native/cpu/layer_norm_kernel.cpp, batch_norm_kernel.cpp and SoftMaxKernel.cpp write out by hand
"""

import math
from functools import lru_cache

from .formula import Writer, has_spelling
from .gemm import Code
from .kernel import Kernel
from .mathematics import constant, spell, support
from .steps import REDUCTIONS, reductions, rounds
from .target import SIZES
from .text import Text

__all__ = ["chunk_rows", "goes_along_rows", "row_formula"]

GRAIN = 1 << 13
"""Numbers in a chunk."""


def goes_along_rows(steps):
    """Whether there are sums among the steps."""
    return any([row in REDUCTIONS for row, _ in steps])


def chunk_rows(columns):
    """How many rows of so many numbers a chunk has.

    >>> chunk_rows(128)
    64
    """
    return max(1, GRAIN // columns)


class RowWriter:
    """Writes what is done with one row. ``places``: where each array's part for it begins."""

    def __init__(self, text, kind, arrays, steps):
        self.text, self.kind, self.arrays, self.steps = text, kind, arrays, steps

    def value(self, writer, operand, i):
        """An operand's register at the place ``i`` of a row, (where its part begins, the column), with all that it needs.
        ``writer.values`` has what is known; for what every number of a row has in common i is None."""
        if operand.__class__ is not str or operand in writer.values:
            return writer.value(operand)
        k = int(operand[1:])
        if operand[0] == "a":
            found = writer.text.load(self.kind, self.place(k, i))
        else:
            row, operands = self.steps[k]
            for x in operands:
                self.value(writer, x, i)
            found = writer.step(row, operands)
        writer.values[operand] = found
        return found

    def place(self, k, i):
        """The address of array k's number at ``i``."""
        if self.arrays[k] == "column":
            return self.places[k]
        part, column = i
        start = self.text.at(self.places[k], part, self.kind) if self.arrays[k] == "matrix" else self.places[k]
        return self.text.at(start, column, self.kind)

    def loop(self, body, first=()):
        """Over all numbers of a row; ``body(place, values)`` gives the values that the next turn gets. The last ones."""
        text, kind = self.text, self.kind
        with text.loop("part", 0, "%parts", carry=[(kind, x) for x in first]) as part:
            start = text.multiply(part, "%apart")
            with text.loop("i", 0, "%columns", carry=[(kind, x) for x in part.values]) as i:
                i.carry(*body((start, i), i.values))
            part.carry(*i.values)
        return part.values

    def row(self, places, stores):
        """All loops of one row."""
        self.places, self.known = places, {"inverse": "%inverse"}
        needed = reductions(self.steps, [x for _, x in stores])
        for turn in range(1, max([rounds(self.steps, x) for x in needed], default=0) + 1):
            self.sums([x for x in needed if rounds(self.steps, x) == turn])
        for k, operand in stores:
            if self.arrays[k] == "column":
                self.text.store(self.kind, self.value(self.writer(self.known), operand, None), places[k])
        wide = [(k, operand) for k, operand in stores if self.arrays[k] != "column"]
        if wide:
            self.loop(lambda i, _: self.store(wide, i))

    def sums(self, together):
        """Reductions that one loop can take together."""
        text, kind = self.text, self.kind
        rows = [self.steps[int(x[1:])] for x in together]

        def body(i, sums):
            writer = self.writer(self.known)
            return [self.added(row, sum, self.value(writer, x, i)) for (row, (x,)), sum in zip(rows, sums)]

        results = self.loop(body, [constant(-math.inf if row == "amax" else 0, kind) for row, _ in rows])
        for x, (row, _), result in zip(together, rows, results):
            self.known[x] = text.let("mean", f"fdiv {kind} {result}, %count") if row == "mean" else result

    def store(self, stores, i):
        writer = self.writer(self.known)
        for k, operand in stores:
            value, place = self.value(writer, operand, i), self.place(k, i)
            if self.arrays[k] == "total":
                value = self.text.let("total", f"fadd {self.kind} {self.text.load(self.kind, place)}, {value}")
            self.text.store(self.kind, value, place)
        return []

    def writer(self, known):
        writer = Writer(self.text, self.kind, {})
        writer.values.update(known)
        return writer

    def added(self, row, sum, x):
        if row == "amax":
            return spell(self.text, "maximum", self.kind, [sum, x])
        return self.text.let("sum", f"fadd reassoc {self.kind} {sum}, {x}")


NUMBERS = "rows", "columns", "parts", "tall"
"""What comes with a call: the matrix's rows, a row's columns and parts, and a chunk's rows."""


def formula_text(kind, arrays, steps, stores):
    """The kernel of a formula, as text."""
    text, count = Text(), len(arrays)
    parameters = [*[f"ptr noalias %a{k}" for k in range(count)], *[f"i64 %{name}" for name in NUMBERS]]
    with text.function(f"internal void @body({', '.join(parameters)}, i64 %begin, i64 %end)"):
        text.do("%apart = mul nsw i64 %rows, %columns")
        text.do("%length = mul nsw i64 %parts, %columns")
        text.do(f"%count = uitofp i64 %length to {kind}")
        text.do(f"%inverse = fdiv {kind} {constant(1, kind)}, %count")
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
        given += [f"i64 {text.load('i64', text.at('%p', 2 * count + 2 + k, 'i64'))}" for k in range(len(NUMBERS))]
        text.do(f"call void @body({', '.join(given)}, i64 %begin, i64 %end)")
    return support(str(text)) + str(text)


class RowFormula:
    """``formula(*arrays, rows=m, columns=n, parts=1, shared=False)``: contiguous arrays of one dtype that share no memory."""

    def __init__(self, kind, arrays, steps, stores):
        code = Code(formula_text(kind, arrays, steps, stores), None, None, 0)
        self.kernel = Kernel(code, len(arrays), "loops", 2 + len(NUMBERS))

    def __call__(self, *arrays, rows, columns, parts=1, shared=False):
        tall = chunk_rows(columns * parts)
        chunks = -(-rows // tall)
        if not shared and self.kernel.enter is not None:
            self.kernel.enter(*arrays, chunks, chunks, rows, columns, parts, tall)
            return
        self.kernel(*arrays, words=(chunks, max(1, chunks // 16), rows, columns, parts, tall), shared=shared)


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
