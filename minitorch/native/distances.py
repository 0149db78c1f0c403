"""Distances of all rows of x from all rows of y, and how their gradient pulls at x, without the differences in memory.

    distances   d[i, j] = √ Σ_k (x[i, k] - y[j, k])²         vectors along j: y comes turned, (k, m)
    pull        out[i, k] = Σ_j w[i, j] (x[i, k] - y[j, k])   vectors along k

Four rows of x at once: what was fetched of y serves all of them. Rows of what vectors run along are as long as whole vectors.

torch: ATen/native/cpu/DistanceOpsKernel.cpp
"""

from functools import lru_cache

from .gemm import Code
from .kernel import Kernel
from .link import Written, host
from .text import Text
from .vectors import Vectors

__all__ = ["distances", "pull"]

ABREAST = 4
"""Rows of x at once."""

WORDS = "chunks", "grain", "n", "steps", "width"
"""What comes with a call. steps: what is added up, k or m; width: of the result's rows, whole vectors."""


class Writer:
    def __init__(self, name, kind):
        self.name, self.kind, self.text = name, kind, Text()
        self.v = Vectors(self.text, kind, host().lanes(kind))

    def kernel(self):
        """A chunk is so many rows of a matrix, or those that are left at its end."""
        text = self.text
        for rows in (ABREAST, 1):
            self.some(rows)
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            w, x, y, out = (text.load("ptr", text.at("%p", 4 + i, "ptr")) for i in range(4))
            n, steps, width = (text.load("i64", text.at("%p", 8 + WORDS.index(name), "i64")) for name in WORDS[2:])
            blocks = text.divide(text.add(n, ABREAST - 1), ABREAST)[0]
            with text.loop("chunk", "%begin", "%end") as chunk:
                matrix, block = text.divide(chunk, blocks)
                begin = text.multiply(block, ABREAST)
                end = text.minimum(text.add(begin, ABREAST), n)
                y_part = text.at(y, text.multiply(matrix, text.multiply(steps, width)), self.kind)
                whole = text.let("whole", f"icmp eq i64 {text.subtract(end, begin)}, {ABREAST}")
                with text.when(whole):
                    self.call(ABREAST, (w, x, out), y_part, text.add(text.multiply(matrix, n), begin), steps, width)
                with text.when(text.let("rest", f"xor i1 {whole}, true")), text.loop("i", begin, end) as i:
                    self.call(1, (w, x, out), y_part, text.add(text.multiply(matrix, n), i), steps, width)
        return str(text)

    def call(self, rows, arrays, y, row, steps, width):
        text = self.text
        lengths = steps, steps if self.name == "distances" else width, width
        w, x, out = (text.at(a, text.multiply(row, length), self.kind) for a, length in zip(arrays, lengths))
        text.do(f"call fastcc void @some{rows}(ptr {w}, ptr {x}, ptr {y}, ptr noalias {out}, i64 {steps}, i64 {width})")

    def some(self, rows):
        """``@some``: so many rows of the result, vector by vector."""
        text, v = self.text, self.v
        with text.function(f"internal fastcc void @some{rows}(ptr %w, ptr %x, ptr %y, ptr noalias %out, i64 %steps, i64 %width)"):
            with text.loop("j", 0, "%width", v.lanes) as j:
                fixed = [v.load(self.place("%x", r, "%width", j)) for r in range(rows)] if self.name == "pull" else []
                with text.loop("p", 0, "%steps", carry=[(v.type, v.zero)] * rows) as p:
                    other = v.load(self.place("%y", p, "%width", j))
                    p.carry(*[self.added(r, p, other, fixed[r] if fixed else None, p.values[r]) for r in range(rows)])
                for r, total in enumerate(p.values):
                    if self.name == "distances":
                        total = text.let("root", f"call {v.type} @llvm.sqrt.{v.suffix}({v.type} {total})")
                    v.store(total, self.place("%out", r, "%width", j))

    def added(self, r, p, other, own, total):
        """A sum with the next term."""
        text, v = self.text, self.v
        number = v.spread(text.load(self.kind, self.place("%x" if own is None else "%w", r, "%steps", p)))
        difference = text.let("difference", f"fsub {v.type} {number if own is None else own}, {other}")
        return v.multiply_add(difference if own is None else number, difference, total)

    def place(self, array, row, length, column):
        return self.text.at(array, self.text.add(self.text.multiply(row, length), column), self.kind)


def compiled(name, kind):
    """(kernel, lanes), or None without a compiler."""
    try:
        code = Code(Written(lambda: Writer(name, kind).kernel(), name, kind), None, None, 0)
        return Kernel(code, 4, "vectors", len(WORDS)), host().lanes(kind)
    except ImportError:
        return None


@lru_cache(None)
def distances(kind):
    """(kernel of (any, x, y turned, out), a vector's lanes) for contiguous (matrices, n, k), (matrices, k, m) and (matrices, n, m)."""
    return compiled("distances", kind)


@lru_cache(None)
def pull(kind):
    """(kernel of (w, x, y, out), a vector's lanes) for contiguous (matrices, n, m), (matrices, n, k), (matrices, m, k), as x."""
    return compiled("pull", kind)
