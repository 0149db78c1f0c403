"""Products by the functions of BLAS that NumPy calls, called as NumPy calls them: so they have NumPy's bits.

    blas = Blas(text, "float", functions)      functions: {"sgemm": (symbol, address, bits of its integers), …}
    blas.matrices(32, 16, 2, (PLAIN, "%x", 2), (TURNED, "%w", 2), "%out")

torch: aten/src/ATen/native/CPUBlas.cpp.   NumPy: cblas_matrixproduct in numpy/_core/src/common/cblasfuncs.c
"""

from .mathematics import constant

__all__ = ["Blas", "COLUMN_MAJOR", "PLAIN", "ROW_MAJOR", "TURNED", "Unfit"]

ROW_MAJOR, COLUMN_MAJOR, PLAIN, TURNED = 101, 102, 111, 112
"""CBLAS's words for how a matrix lies, and whether it is taken transposed."""


class Unfit(Exception):
    """Something that has no exact spelling."""


class Blas:
    """Writes calls into a text. Numbers of elements are Python's, or registers of 64 bits.   called: declarations for the module."""

    def __init__(self, text, kind, functions):
        self.text, self.kind, self.functions, self.called = text, kind, functions, set()

    def matrices(self, m, n, k, a, b, out):
        """out ← a b, (m, k) and (k, n). A factor is how it is taken, its address, and the distance of its rows as it lies."""
        one, zero = (self.kind, constant(1, self.kind)), (self.kind, constant(0, self.kind))
        words = [("i32", ROW_MAJOR), ("i32", a[0]), ("i32", b[0])]
        self.call("gemm", *words, m, n, k, one, ("ptr", a[1]), a[2], ("ptr", b[1]), b[2], zero, ("ptr", out), n)

    def vector(self, order, rows, columns, a, distance, x, step, out):
        """out ← a x, (rows, columns) and (columns); ``step`` lies between the elements of x."""
        one, zero = (self.kind, constant(1, self.kind)), (self.kind, constant(0, self.kind))
        words = [("i32", order), ("i32", PLAIN)]
        self.call("gemv", *words, rows, columns, one, ("ptr", a), distance, ("ptr", x), step, zero, ("ptr", out), 1)

    def dot(self, n, x, step, y, other):
        """The sum of the products of two vectors' elements."""
        return self.call("dot", n, ("ptr", x), step, ("ptr", y), other, result=self.kind)

    def call(self, name, *arguments, result="void"):
        """Call a function; ``arguments`` are (kind, value), or numbers of elements."""
        prefix = {"float": "s", "double": "d"}[self.kind]
        if prefix + name not in self.functions:
            raise Unfit
        symbol, _, bits = self.functions[prefix + name]
        arguments = [x if x.__class__ is tuple else (f"i{bits}", self.integer(x, bits)) for x in arguments]
        kinds = ", ".join([kind for kind, _ in arguments])
        self.called.add(f"declare {result} @{symbol}({kinds})\n")
        call = f"call {result} ({kinds}) @{symbol}({', '.join([f'{kind} {x}' for kind, x in arguments])})"
        return self.text.do(call) if result == "void" else self.text.let("product", call)

    def integer(self, x, bits):
        return x if x.__class__ is int or bits == 64 else self.text.let("short", f"trunc i64 {x} to i32")
