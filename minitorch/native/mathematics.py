"""The table's elementwise rows in LLVM's words, one a line.

A spelling takes the text that is being written, the kind of its operands and their registers, and gives the register of
the result. Comparisons give an i1. In float32 most functions are our own (functions.py, wide.py), so that loops over them become
vector code; in float64 they are the C library's.

Nothing here assumes that there is no NaN or infinity: ``contract`` alone allows a * b + c in one rounding.

torch: ATen/cpu/vec, torch/_inductor/codegen/cpp.py
"""

import math
import re

from .constants import FLOATS, constant, rounded
from .functions import FUNCTIONS as SINGLE
from .functions import SUFFIX, chosen, number
from .narrow import NARROW, narrowed, widened
from .wide import WIDE

__all__ = ["FLOAT_ONLY", "FUNCTIONS", "KINDS", "constant", "converted", "rounded", "spell", "spelled", "support"]

KINDS = {
    "float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8",
    "uint8": "i8", "bool": "i1", "float16": "i16", "bfloat16": "i16",
}  # fmt: skip
"""Our dtypes → LLVM's kinds. A bool is an i1 in a register and a byte in memory; of narrow types there are the bits."""

FUNCTIONS = {**SINGLE, **WIDE}
"""Name → the text of our own version in float32."""


# ------------------------------------------------------------------------------------------------------------ spellings


def arithmetic(float_word, int_word):
    def spelling(text, kind, x, y):
        word = f"{float_word} contract" if kind in FLOATS else int_word
        return text.let(float_word, f"{word} {kind} {x}, {y}")

    return spelling


def compared(float_word, signed):
    def spelling(text, kind, x, y):
        if kind in FLOATS:
            return text.let("is", f"fcmp {float_word} {kind} {x}, {y}")
        return text.let("is", f"icmp {signed} {kind} {x}, {y}")

    return spelling


def intrinsic(name):
    """An instruction, or a call of the C library, by LLVM's name for it."""

    def spelling(text, kind, *values):
        arguments = ", ".join([f"{kind} {x}" for x in values])
        return text.let(name.split(".")[0], f"call {kind} @llvm.{name}.{SUFFIX[kind]}({arguments})")

    return spelling


def function(name):
    """A function: ours in float32 where ``FUNCTIONS`` has it, else the C library's."""

    def spelling(text, kind, *values):
        ours = kind == "float" and name in FUNCTIONS
        called = f"minitorch_{name}" if ours else name + "f" * (kind == "float")
        return text.let(name, f"call {kind} @{called}({', '.join([f'{kind} {x}' for x in values])})")

    return spelling


def extreme(float_name, word):
    """The larger or the smaller; NaN if one of them is."""

    def spelling(text, kind, x, y):
        if kind in FLOATS:
            return intrinsic(float_name)(text, kind, x, y)
        is_so = text.let("is", f"icmp {word} {kind} {x}, {y}")
        return chosen(text, kind, is_so, x, y)

    return spelling


def negated(text, kind, x):
    return text.let("neg", f"fneg {kind} {x}" if kind in FLOATS else f"sub {kind} 0, {x}")


def absolute(text, kind, x):
    if kind in FLOATS:
        return intrinsic("fabs")(text, kind, x)
    return chosen(text, kind, compared("olt", "slt")(text, kind, x, 0), negated(text, kind, x), x)


def sign(text, kind, x):
    """-1, 0 or 1; of NaN 0."""
    zero, one = constant(0, kind), constant(1, kind)
    positive = chosen(text, kind, compared("ogt", "sgt")(text, kind, x, zero), one, zero)
    return chosen(text, kind, compared("olt", "slt")(text, kind, x, zero), constant(-1, kind), positive)


def relu(text, kind, x):
    return extreme("maximum", "sgt")(text, kind, x, constant(0, kind))


def keep(text, kind, x, y):
    zero = constant(0, kind)
    return chosen(text, kind, compared("ole", "sle")(text, kind, y, zero), zero, x)


def sigmoid(text, kind, x):
    """1 / (1 + exp(-x))."""
    one = constant(1, kind)
    e = function("exp")(text, kind, negated(text, kind, x))
    return text.let("sigmoid", f"fdiv {kind} {one}, {arithmetic('fadd', 'add')(text, kind, e, one)}")


def reciprocal(text, kind, x):
    return text.let("reciprocal", f"fdiv {kind} {constant(1, kind)}, {x}")


def power(text, kind, x, y):
    """x^y by the C library, but for the powers that programs use."""
    if y == constant(2, kind):
        return arithmetic("fmul", "mul")(text, kind, x, x)
    if y == constant(0.5, kind):
        return intrinsic("sqrt")(text, kind, x)
    if y == constant(3, kind):
        return arithmetic("fmul", "mul")(text, kind, arithmetic("fmul", "mul")(text, kind, x, x), x)
    return function("pow")(text, kind, x, y)


def where(text, kind, x, condition, y):
    return chosen(text, kind, condition, veiled(text, kind, x), veiled(text, kind, y))


VEIL = "@minitorch_infinity = weak global float 0x7FF0000000000000\n"
"""Infinity as LLVM can't know it."""


def veiled(text, kind, x):
    """-infinity, unknown to LLVM: a masked maximum, maximum(m, c ? x : -infinity), would become c ? maximum(m, x) : m, of
    which it makes no vector code.
    """
    if kind != "float" or x != number(-math.inf):
        return x
    return text.let("veiled", f"fneg float {text.load('float', '@minitorch_infinity')}")


def unordered(text, kind, x):
    return text.let("isnan", f"fcmp uno {kind} {x}, {x}") if kind in FLOATS else "false"


def logic(word):
    def spelling(text, kind, x, y):
        return text.let(word, f"{word} i1 {truth(text, kind, x)}, {truth(text, kind, y)}")

    return spelling


def truth(text, kind, x):
    if kind == "i1":
        return x
    return text.let("true", f"fcmp une {kind} {x}, {constant(0, kind)}" if kind in FLOATS else f"icmp ne {kind} {x}, 0")


def logical_not(text, kind, x):
    return text.let("not", f"xor i1 {truth(text, kind, x)}, true")


def inverted(text, kind, x):
    """Every bit the other way."""
    return text.let("not", f"xor {kind} {x}, {'true' if kind == 'i1' else '-1'}")


def bits(word):
    return lambda text, kind, x, y: text.let(word, f"{word} {kind} {x}, {y}")


SPELLINGS = {
    "add": arithmetic("fadd", "add"), "sub": arithmetic("fsub", "sub"), "mul": arithmetic("fmul", "mul"),
    "div": arithmetic("fdiv", None), "neg": negated, "abs": absolute, "sign": sign, "reciprocal": reciprocal,
    "maximum": extreme("maximum", "sgt"), "minimum": extreme("minimum", "slt"), "relu": relu, "keep": keep,
    "pow": power, "sqrt": intrinsic("sqrt"), "exp": function("exp"), "log": function("log"), "tanh": function("tanh"),
    "erf": function("erf"), "erfc": function("erfc"), "sigmoid": sigmoid, "exp2": function("exp2"),
    "expm1": function("expm1"), "log1p": function("log1p"), "log2": function("log2"), "log10": function("log10"),
    "sin": function("sin"), "cos": function("cos"), "tan": function("tan"), "asin": function("asin"),
    "acos": function("acos"), "atan": function("atan"), "sinh": function("sinh"), "cosh": function("cosh"),
    "asinh": function("asinh"), "acosh": function("acosh"), "atanh": function("atanh"), "atan2": function("atan2"),
    "hypot": function("hypot"), "floor": intrinsic("floor"), "ceil": intrinsic("ceil"), "trunc": intrinsic("trunc"),
    "round": intrinsic("roundeven"), "where": where, "isnan": unordered,
    "eq": compared("oeq", "eq"), "ne": compared("une", "ne"), "lt": compared("olt", "slt"), "le": compared("ole", "sle"),
    "gt": compared("ogt", "sgt"), "ge": compared("oge", "sge"), "logical_and": logic("and"), "logical_or": logic("or"),
    "logical_xor": logic("xor"), "logical_not": logical_not, "bitwise_and": bits("and"), "bitwise_or": bits("or"),
    "bitwise_xor": bits("xor"), "bitwise_not": inverted, "copy": lambda text, kind, x: x,
}  # fmt: skip
"""Row → its spelling. What isn't here NumPy computes (kernels.Foreign)."""

FLOAT_ONLY = frozenset([
    "div", "reciprocal", "pow", "sqrt", "exp", "log", "tanh", "erf", "erfc", "sigmoid", "exp2", "expm1", "log1p", "log2",
    "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "atan2", "hypot",
    "floor", "ceil", "trunc", "round",
])  # fmt: skip
NO_BOOLS = frozenset(["add", "sub", "mul", "neg", "abs", "sign", "maximum", "minimum", "relu", "keep", "lt", "le", "gt", "ge"])
SIGNED_ONLY = frozenset(["maximum", "minimum", "lt", "le", "gt", "ge", "abs", "sign", "relu", "keep"])


def spelled(name, dtypes):
    """Whether a row can be written for operands of these dtypes (by name)."""
    if name in ("cast", "copy"):
        return all([d in KINDS for d in dtypes])
    if name not in SPELLINGS or any([d not in KINDS or d in NARROW for d in dtypes]):
        return False
    operands = dtypes if name != "where" else dtypes[::2]
    if name in FLOAT_ONLY:
        return all([d in ("float32", "float64") for d in operands])
    if "bool" in operands and name in NO_BOOLS:
        return False
    return not ("uint8" in operands and name in SIGNED_ONLY)


def spell(text, name, kind, values):
    """The register of what a row makes of ``values``."""
    return SPELLINGS[name](text, kind, *values)


def converted(text, x, source, target):
    """A value of one dtype (by name) in another, as C and NumPy convert it."""
    if source == target:
        return x
    if source in NARROW:
        return converted(text, widened(text, x, source), "float32", target)
    if target in NARROW:
        return narrowed(text, converted(text, x, source, "float32"), target)
    a, b = KINDS[source], KINDS[target]
    if target == "bool":
        return truth(text, a, x)
    if a == b:
        return x
    if a in FLOATS and b in FLOATS:
        return text.let("cast", f"{'fpext' if b == 'double' else 'fptrunc'} {a} {x} to {b}")
    if b in FLOATS:
        return text.let("cast", f"{'uitofp' if source in ('uint8', 'bool') else 'sitofp'} {a} {x} to {b}")
    if a in FLOATS:
        return whole_number(text, x, a, b, 64 if target in ("uint8", "int64") else 32)
    if int(b[1:]) < int(a[1:]):
        return text.let("cast", f"trunc {a} {x} to {b}")
    return text.let("cast", f"{'zext' if source in ('uint8', 'bool') else 'sext'} {a} {x} to {b}")


def whole_number(text, x, a, b, bits):
    """A float as an integer of so many bits, of which those of type ``b`` are the lowest. As on x86, what they can't hold, and NaN,
    is the least of them."""
    wide = text.let("wide", f"call i{bits} @llvm.fptosi.sat.i{bits}.{'f32' if a == 'float' else 'f64'}({a} {x})")
    held = text.let("held", f"fcmp olt {a} {x}, {constant(2.0 ** (bits - 1), a)}")
    wide = text.let("wide", f"select i1 {held}, i{bits} {wide}, i{bits} {-(2 ** (bits - 1))}")
    return wide if b == f"i{bits}" else text.let("cast", f"trunc i{bits} {wide} to {b}")


def support(text):
    """What the text of a module needs beside itself: our functions that it calls, and declarations of the C library's."""
    called = set(re.findall(r"call (float|double) @(\w+)\(([^)]*)\)", text))
    lines = [VEIL] if "@minitorch_infinity" in text else []
    for kind, name, arguments in sorted(called):
        if name.startswith("minitorch_"):
            lines.append(FUNCTIONS[name.removeprefix("minitorch_")])
        else:
            lines.append(f"declare {kind} @{name}({', '.join([kind] * (arguments.count(',') + 1))})\n")
    return "".join(dict.fromkeys(lines))
