"""Rows on small float32 arrays of any shape, as functions that Python enters at once: what small networks compute forward.

    linear(x, weight, bias, out)             x Wᵀ + b, for matrices
    relu(x, out)                             max(x, 0)
    squared_error_mean(x, y, out)            the mean of (x - y)²

They give back ``out``, which is written to; or None where an array isn't contiguous, of float32 and of a shape that fits.
Their bits are NumPy's: products are made as in sequence.py, and sums are taken in NumPy's order.

torch: aten/src/ATen/native/{LinearAlgebra, Activation, Loss}.cpp
"""

from functools import lru_cache

from .arrays import ALIGNED, CONTIGUOUS, Asking
from .blas import PLAIN, ROW_MAJOR, TURNED, Blas, Unfit
from .entry import AVAILABLE, declared, entry, python_symbols
from .link import host, load, object_of
from .mathematics import constant
from .text import Text

__all__ = ["rows"]

NAMES = "linear", "relu", "squared_error_mean"

BLOCK, LANES = 128, 8
"""NumPy adds up so many elements in one go, in so many sums; of more than that it adds up two halves, each for itself."""

SQUARES = 1 << 12
"""Elements that squared_error_mean takes at most."""

ZERO = constant(0, "float")


def function(text, name):
    """A function that Python enters."""
    return text.function(f"ptr @{name}(ptr %self, ptr %arguments, i64 %count)", result="ptr null")


def write_linear(text, functions):
    """x: (m, k), W: (n, k), b: (n) → (m, n). Where m or n is 1 it is a matrix times a vector for NumPy."""
    with function(text, "linear"):
        asking = Asking(text, 4)
        x, weight, bias, out = asking.given
        for array, rank in ((x, 2), (weight, 2), (bias, 1), (out, 2)):
            asking.array(array, rank, ALIGNED | CONTIGUOUS)
        (m, k), n = [asking.size(x, d) for d in (0, 1)], asking.size(weight, 0)
        for found, size in ((asking.size(weight, 1), k), (asking.size(bias, 0), n), (asking.size(out, 0), m), (asking.size(out, 1), n)):
            asking.expect("i64", found, size)
        a, b, c, y = [asking.data(array) for array in (x, weight, bias, out)]
        asking.expect("i1", text.let("several", f"icmp sgt i64 {k}, 1"), "true")
        asking.expect("i1", text.let("others", f"icmp ne ptr {a}, {b}"), "true")  # of x xᵀ NumPy computes one half

        blas = Blas(text, "float", functions)
        tall, wide = [text.let("several", f"icmp sgt i64 {count}, 1") for count in (m, n)]
        low, narrow = [text.let("one", f"icmp eq i64 {count}, 1") for count in (m, n)]
        with text.when(text.let("both", f"and i1 {tall}, {wide}")):
            blas.matrices(m, n, k, (PLAIN, a, k), (TURNED, b, k), y)
        with text.when(text.let("column", f"and i1 {tall}, {narrow}")):
            blas.vector(ROW_MAJOR, m, k, a, k, b, 1, y)
        with text.when(text.let("row", f"and i1 {low}, {wide}")):
            blas.vector(ROW_MAJOR, n, k, b, k, a, 1, y)
        with text.when(text.let("number", f"and i1 {low}, {narrow}")):
            text.store("float", blas.dot(k, a, 1, b, 1), y)
        with text.loop("i", 0, m) as i:
            row = text.at(y, text.multiply(str(i), n), "float")
            with text.loop("j", 0, n) as j:
                place = text.at(row, str(j), "float")
                more = text.load("float", text.at(c, str(j), "float"))
                text.store("float", text.let("sum", f"fadd float {text.load('float', place)}, {more}"), place)
        asking.answer(out)
    return "".join(sorted(blas.called))


def write_relu(text):
    """NaN stays, and -0.0 becomes 0."""
    with function(text, "relu"):
        asking = Asking(text, 2)
        x, out = asking.given
        size = same_matrices(asking, x, out)
        a, y = asking.data(x), asking.data(out)
        with text.loop("i", 0, size) as i:
            value = text.load("float", text.at(a, str(i), "float"))
            above = text.let("above", f"fcmp ugt float {value}, {ZERO}")
            result = text.let("relu", f"select i1 {above}, float {value}, float {ZERO}")
            text.store("float", result, text.at(y, str(i), "float"))
        asking.answer(out)


def write_squared_error_mean(text):
    with function(text, "squared_error_mean"):
        squares = text.let("squares", f"alloca [{SQUARES} x float], align 64")
        asking = Asking(text, 3)
        x, y, out = asking.given
        size = same_matrices(asking, x, y)
        asking.array(out, 0, ALIGNED)
        asking.expect("i1", text.let("few", f"icmp sle i64 {size}, {SQUARES}"), "true")
        asking.expect("i1", text.let("some", f"icmp sgt i64 {size}, 0"), "true")
        a, b, result = [asking.data(array) for array in (x, y, out)]
        with text.loop("i", 0, size) as i:
            one, other = [text.load("float", text.at(data, str(i), "float")) for data in (a, b)]
            difference = text.let("difference", f"fsub float {one}, {other}")
            square = text.let("square", f"fmul float {difference}, {difference}")
            text.store("float", square, text.at(squares, str(i), "float"))
        total = text.let("total", f"call float (ptr, i64) @pairwise(ptr {squares}, i64 {size})")
        count = text.let("count", f"sitofp i64 {size} to float")
        text.store("float", text.let("mean", f"fdiv float {total}, {count}"), result)
        asking.answer(out)


def same_matrices(asking, x, y):
    """How many elements the matrices ``x`` and ``y`` have, which are of one shape."""
    for array in (x, y):
        asking.array(array, 2, ALIGNED | CONTIGUOUS)
    rows, columns = [asking.size(x, d) for d in (0, 1)]
    asking.expect("i64", asking.size(y, 0), rows)
    asking.expect("i64", asking.size(y, 1), columns)
    return asking.text.multiply(rows, columns)


def write_pairwise(text):
    """The sum of floats, in the order in which NumPy takes it."""
    with text.function("internal float @pairwise(ptr %x, i64 %n)", result=f"float {ZERO}"):
        with text.when(text.let("few", f"icmp slt i64 %n, {LANES}")):
            text.leave(f"float {total_of(text, 0, ZERO)}")
        with text.when(text.let("many", f"icmp sgt i64 %n, {BLOCK}")):
            half = text.let("half", "udiv i64 %n, 2")
            half = text.subtract(half, text.divide(half, LANES)[1])
            rest, second = text.subtract("%n", half), text.at("%x", half, "float")
            parts = [f"call float (ptr, i64) @pairwise(ptr {x}, i64 {n})" for x, n in (("%x", half), (second, rest))]
            a, b = [text.let("part", part) for part in parts]
            text.leave(f"float {text.let('sum', f'fadd float {a}, {b}')}")
        first = [("float", text.load("float", text.at("%x", lane, "float"))) for lane in range(LANES)]
        even = text.subtract("%n", text.divide("%n", LANES)[1])
        with text.loop("i", LANES, even, LANES, carry=first) as i:
            more = [text.load("float", text.at("%x", text.add(str(i), lane), "float")) for lane in range(LANES)]
            i.carry(*[text.let("sum", f"fadd float {a}, {b}") for a, b in zip(i.values, more, strict=True)])
        sums = i.values
        while len(sums) > 1:
            sums = [text.let("sum", f"fadd float {a}, {b}") for a, b in zip(sums[::2], sums[1::2], strict=True)]
        text.leave(f"float {total_of(text, even, sums[0])}")


def total_of(text, start, total):
    """``total`` and the elements of x from ``start`` on, one after another."""
    with text.loop("i", start, "%n", carry=[("float", total)]) as i:
        x = text.load("float", text.at("%x", str(i), "float"))
        i.carry(text.let("sum", f"fadd float {i.values[0]}, {x}"))
    return i.values[0]


@lru_cache(1)
def rows(functions, known):
    """{name: builtin function}, empty where there can't be any.

    functions: NumPy's BLAS, as in sequence.py.   known: the addresses of NumPy's class of arrays and of float32.
    """
    if not AVAILABLE:
        return {}
    text, functions = Text(), dict(functions)
    try:
        declarations = write_linear(text, functions)
        write_relu(text)
        write_squared_error_mean(text)
        write_pairwise(text)
        compiled = object_of(declared("Py_IncRef") + declarations + str(text), host(), "loops")
    except (Unfit, ImportError):
        return {}
    symbols = {symbol: address for symbol, address, _ in functions.values()}
    library = load([compiled], symbols | python_symbols("Py_IncRef"))
    return {name: entry(library, name, (*known, id(None))) for name in NAMES}
