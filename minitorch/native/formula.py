"""Elementwise formulas as kernels, for arrays of any length in float32 or float64.

A formula is a row of steps, each a row of the table and its operands; here m ← m + w (g - m), where m is array 0, g array 1
and w number 0:

    steps   (("lerp", ("a0", "a1", "n0")),)          operands: a0 an array, n0 a number, t0 what step 0 gave, or a constant
    stores  ((0, "t0"),)                             array 0 gets what step 0 gave

All arrays are read and written at the same place at the same time, so one of them may be both input and output. (If two
share memory in another way the loop runs number by number.) Where several rows follow each other the memory is read once,
and not once for each row.

Arithmetic is rounded after each operation, as NumPy does: a formula of nothing else gives NumPy's bits (``EXACT``).

torch: TensorIterator's loops, ATen/native/cpu/Loops.h
"""

from functools import lru_cache

from .gemm import Code
from .kernel import Kernel
from .mathematics import FLOAT_ONLY, FUNCTIONS, constant, spell, support
from .text import Text

__all__ = ["EXACT", "Formula", "TRUTHS", "Writer", "formula", "has_spelling", "write_body"]

BLOCK = 1 << 13
"""Elements in a chunk."""

ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
EXPANDED = frozenset(["add_scaled", "addcdiv", "addcmul", "lerp", "rsqrt", "square"])
"""Rows that are several operations."""
EXACT = frozenset([*ARITHMETIC, *EXPANDED, "neg", "abs", "reciprocal", "sqrt"])
CHOICES = frozenset(["maximum", "minimum", "relu", "keep", "where", "sign"])
LOGIC = frozenset(["bitwise_and", "bitwise_or", "logical_and", "logical_or", "logical_not"])
TRUTHS = LOGIC | {"lt", "le", "gt", "ge", "eq", "ne"}
"""Rows that make a truth of truths, and those that give one: no array has any, but ``where`` reads them."""


def has_spelling(row, kind):
    """Whether a formula may have this row: in float64, functions are NumPy's business, who has vectors of them.

    >>> has_spelling("erf", "float"), has_spelling("erf", "double")
    (True, False)
    """
    if row in EXACT | CHOICES | TRUTHS:
        return True
    return kind == "float" and (row == "sigmoid" or (row in FUNCTIONS and row in FLOAT_ONLY))


class Writer:
    """Writes the steps at one place of the arrays."""

    def __init__(self, text, kind, numbers):
        self.text, self.kind, self.numbers, self.values = text, kind, numbers, {}

    def do(self, word, x, y):
        return self.text.let(word, f"{word} {self.kind} {x}, {y}")

    def number(self, operand):
        """A number as Python has it, in float64."""
        return self.numbers[operand] if operand.__class__ is str else constant(operand, "double")

    def rounded(self, double):
        return double if self.kind == "double" else self.text.let("number", f"fptrunc double {double} to float")

    def value(self, operand):
        """An operand's register, or itself as a constant."""
        if operand.__class__ is not str:
            return constant(operand, self.kind)
        return self.rounded(self.numbers[operand]) if operand in self.numbers else self.values[operand]

    def step(self, row, operands):
        if row == "lerp":
            return self.lerp(*operands)
        values = [self.value(operand) for operand in operands]
        if row in ("addcmul", "addcdiv"):
            x, y, z, factor = values
            return self.do("fadd", x, self.do("fmul", self.do("fmul" if row == "addcmul" else "fdiv", y, z), factor))
        if row == "add_scaled":
            return self.do("fadd", values[0], self.do("fmul", values[1], values[2]))
        if row in ARITHMETIC:
            return self.do(ARITHMETIC[row], *values)
        if row == "square":
            return self.do("fmul", values[0], values[0])
        if row == "rsqrt":
            return spell(self.text, "reciprocal", self.kind, [spell(self.text, "sqrt", self.kind, values)])
        return spell(self.text, row, "i1" if row in LOGIC else self.kind, values)

    def lerp(self, x, y, weight):
        """From the nearer end, as NumPy's row has it: x + w (y - x), or y - (1 - w)(y - x)."""
        w, x, y = self.number(weight), self.value(x), self.value(y)
        difference = self.do("fsub", y, x)
        rest = self.rounded(self.text.let("rest", f"fsub double {constant(1, 'double')}, {w}"))
        near = self.do("fadd", x, self.do("fmul", difference, self.rounded(w)))
        far = self.do("fsub", y, self.do("fmul", difference, rest))
        size = self.text.let("size", f"call double @llvm.fabs.f64(double {w})")
        is_near = self.text.let("near", f"fcmp olt double {size}, {constant(0.5, 'double')}")
        return self.text.let("lerp", f"select i1 {is_near}, {self.kind} {near}, {self.kind} {far}")


def write_body(body, kind, arrays, numbers, steps, stores, apart=False):
    """The function ``@body``: a formula for the elements from ``%start`` to ``%stop``. ``apart``: no two arrays share memory."""
    written = {place for place, _ in stores}
    operands = {x for _, operands in steps for x in operands} | {x for _, x in stores}
    read = {f"a{k}" for k in range(arrays)} & operands
    pointer = "ptr noalias" if apart else "ptr"
    arguments = [*[f"{pointer} %a{k}" for k in range(arrays)], *[f"double %n{j}" for j in range(numbers)]]
    with body.function(f"internal void @body({', '.join([*arguments, 'i64 %start', 'i64 %stop'])})"):
        with body.loop("i", "%start", "%stop") as i:
            writer = Writer(body, kind, {f"n{j}": f"%n{j}" for j in range(numbers)})
            places = {f"a{k}": body.at(f"%a{k}", i, kind) for k in range(arrays) if f"a{k}" in read or k in written}
            for name in sorted(read):
                writer.values[name] = body.load(kind, places[name])
            for k, (row, operands) in enumerate(steps):
                writer.values[f"t{k}"] = writer.step(row, operands)
            for place, operand in stores:
                body.store(kind, writer.value(operand), places[f"a{place}"])


def formula_text(kind, arrays, numbers, steps, stores):
    """The kernel of a formula, as text."""
    text, body = Text(), Text()
    write_body(body, kind, arrays, numbers, steps, stores)
    with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        pointers = [text.load("ptr", text.at("%p", arrays + k, "ptr")) for k in range(arrays)]
        length = text.load("i64", text.at("%p", 2 * arrays + 2, "i64"))
        values = [text.load("double", text.at("%p", 2 * arrays + 3 + j, "double")) for j in range(numbers)]
        start, stop = text.multiply("%begin", BLOCK), text.minimum(text.multiply("%end", BLOCK), length)
        given = [*[f"ptr {x}" for x in pointers], *[f"double {x}" for x in values], f"i64 {start}", f"i64 {stop}"]
        text.do(f"call void @body({', '.join(given)})")
    return support(str(body)) + str(body) + str(text)


class Formula:
    """``formula(*arrays, numbers=(), shared=False)``: the arrays are contiguous, of one size and of the formula's dtype."""

    def __init__(self, kind, arrays, numbers, steps, stores):
        code = Code(formula_text(kind, arrays, numbers, steps, stores), None, None, 0)
        self.kernel = Kernel(code, arrays, "loops", 3, numbers)

    def __call__(self, *arrays, numbers=(), shared=False):
        size = arrays[0].size
        chunks = -(-size // BLOCK)
        if chunks <= 1 and self.kernel.enter is not None:
            self.kernel.enter(*arrays, chunks, 1, size, *numbers)
            return
        self.kernel(*arrays, words=(chunks, max(1, chunks // 8), size), numbers=numbers, shared=shared)


@lru_cache(256)
def formula(kind, arrays, numbers, steps, stores):
    """The Formula, or None where there is no compiler.

    >>> import numpy
    >>> double = formula("float", 2, 0, (("add", ("a0", "a0")),), ((1, "t0"),))
    >>> x, y = numpy.arange(3, dtype="float32"), numpy.empty(3, "float32")
    >>> double(x, y)
    >>> y.tolist()
    [0.0, 2.0, 4.0]
    """
    try:
        return Formula(kind, arrays, numbers, steps, stores)
    except ImportError:
        return None
