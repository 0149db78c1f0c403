"""The table's elementwise rows in LLVM's words, one a line; and the functions that processors don't have.

A spelling takes the text that is being written, the kind of its operands and their registers, and gives the register of
the result. Comparisons give an i1. exp, log, tanh, erf, expm1 and log1p in float32 are our own (``FUNCTIONS``), so that loops over
them become vector code; in float64 they are the C library's.

Nothing here assumes that there is no NaN or infinity: ``contract`` alone allows a * b + c in one rounding.

torch: ATen/cpu/vec, torch/_inductor/codegen/cpp.py.   Polynomials: Moshier's Cephes for the form, coefficients by Remez;
erf by the power of a polynomial, and how log1p scales its argument: after Norbert Juffa
"""

import math
import re
import struct

from .narrow import NARROW, narrowed, widened
from .text import Text

__all__ = ["FLOAT_ONLY", "FUNCTIONS", "KINDS", "constant", "converted", "rounded", "spell", "spelled", "support"]

KINDS = {
    "float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8",
    "uint8": "i8", "bool": "i1", "float16": "i16", "bfloat16": "i16",
}  # fmt: skip
"""Our dtypes → LLVM's kinds. A bool is an i1 in a register and a byte in memory; of narrow types there are the bits."""

FLOATS = ("float", "double")


def constant(number, kind):
    """A Python number as LLVM writes one of that kind.

    >>> constant(0.5, "float"), constant(True, "i1"), constant(3, "double")
    ('0x3FE0000000000000', 'true', '0x4008000000000000')
    """
    if kind == "i1":
        return "true" if number else "false"
    if kind in FLOATS:
        return hexadecimal(float(number), kind)
    return str(int(number))


def rounded(x, kind):
    """A float as a constant of that kind holds it.

    >>> rounded(0.1, "float"), rounded(1e300, "float"), rounded(0.1, "double")
    (0.10000000149011612, inf, 0.1)
    """
    if kind != "float":
        return x
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def hexadecimal(x, kind):
    """A float as the bits of a double, as LLVM wants it; one for a float32 is rounded to that first."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded(x, kind)))[0]:016X}"


# ------------------------------------------------------------------------------------------------------------ spellings


def arithmetic(float_word, int_word):
    def spelling(text, kind, x, y):
        word = f"{float_word} contract" if kind in FLOATS else int_word
        return text.let(float_word, f"{word} {kind} {x}, {y}")

    return spelling


def compared(float_word, signed, unsigned=None):
    def spelling(text, kind, x, y):
        if kind in FLOATS:
            return text.let("is", f"fcmp {float_word} {kind} {x}, {y}")
        return text.let("is", f"icmp {signed} {kind} {x}, {y}")

    return spelling


def intrinsic(name):
    """An instruction, or a call of the C library, by LLVM's name for it."""

    def spelling(text, kind, *values):
        suffix = {"float": "f32", "double": "f64"}[kind]
        arguments = ", ".join([f"{kind} {x}" for x in values])
        return text.let(name.split(".")[0], f"call {kind} @llvm.{name}.{suffix}({arguments})")

    return spelling


def function(name):
    """A function: ours in float32 where ``FUNCTIONS`` has it, else the C library's."""

    def spelling(text, kind, *values):
        ours = kind == "float" and name in FUNCTIONS
        called = f"minitorch_{name}" if ours else name + "f" * (kind == "float")
        return text.let(name, f"call {kind} @{called}({', '.join([f'{kind} {x}' for x in values])})")

    return spelling


def chosen(text, kind, condition, x, y):
    return text.let("chosen", f"select i1 {condition}, {kind} {x}, {kind} {y}")


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
        wide = text.let("wide", f"call i64 @llvm.fptosi.sat.i64.{'f32' if a == 'float' else 'f64'}({a} {x})")
        return wide if b == "i64" else text.let("cast", f"trunc i64 {wide} to {b}")
    if int(b[1:]) < int(a[1:]):
        return text.let("cast", f"trunc {a} {x} to {b}")
    return text.let("cast", f"{'zext' if source in ('uint8', 'bool') else 'sext'} {a} {x} to {b}")


# ------------------------------------------------------------------------------------------------------------ functions

FUNCTIONS: dict[str, str] = {}
"""Name → the text of our own float32 version."""


def polynomial(text, x, coefficients):
    """c[0] + c[1] x + c[2] x² + …, from the last on."""
    result = constant(coefficients[-1], "float")
    for c in reversed(coefficients[:-1]):
        result = fma(text, result, x, constant(c, "float"))
    return result


def fma(text, a, b, c):
    return text.let("fma", f"call float @llvm.fma.f32(float {a}, float {b}, float {c})")


def own(name):
    """Puts a function of one float into ``FUNCTIONS``: the decorated one writes its body and gives the result's register."""

    def decorate(body):
        text = Text()
        text.lines.append(f"define internal float @minitorch_{name}(float %x) alwaysinline nounwind {{")
        text.open("entry")
        text.do(f"ret float {body(text, '%x')}")
        text.lines.append("}")
        FUNCTIONS[name] = str(text)
        return body

    return decorate


def number(x):
    return constant(x, "float")


def bits_of(x):
    """The bits of a float32, as an integer."""
    return struct.unpack("<i", struct.pack("<f", x))[0]


def two_to(text, n):
    """2^n, for an i32 in [-126, 127]."""
    shifted = text.let("exponent", f"shl i32 {text.let('biased', f'add i32 {n}, 127')}, 23")
    return text.let("power", f"bitcast i32 {shifted} to float")


NEAREST = 1.5 * 2.0**23
"""Added to a small number it leaves the nearest integer in the last bits."""


@own("exp")
def exp(text, x):
    """2^n exp(r) with x = n ln 2 + r and |r| <= ln 2 / 2.

    Where the result is 0, as behind a mask of -infinity, nothing is computed that underflows: that costs a hundred cycles.
    """
    nothing = text.let("nothing", f"fcmp olt float {x}, {number(-104)}")
    x = chosen(text, "float", nothing, number(0), x)
    x = chosen(text, "float", text.let("above", f"fcmp ogt float {x}, {number(89)}"), number(89), x)
    shifted = fma(text, x, number(1 / math.log(2)), number(NEAREST))
    bits = text.let("bits", f"bitcast float {shifted} to i32")
    n = text.let("n", f"sub i32 {bits}, {bits_of(NEAREST)}")
    whole = text.let("whole", f"fsub float {shifted}, {number(NEAREST)}")
    r = fma(text, whole, number(-0.693359375), x)
    r = fma(text, whole, number(2.12194440e-4), r)
    tail = polynomial(text, r, [0.5, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4])
    rest = fma(text, text.let("square", f"fmul float {r}, {r}"), tail, r)
    value = text.let("value", f"fadd float {rest}, {number(1)}")
    half = text.let("half", f"ashr i32 {n}, 1")  # in two steps, for n = 128 and for denormals
    value = text.let("scaled", f"fmul float {value}, {two_to(text, half)}")
    value = text.let("scaled", f"fmul float {value}, {two_to(text, text.let('other', f'sub i32 {n}, {half}'))}")
    return chosen(text, "float", nothing, number(0), value)


@own("log")
def log(text, x):
    """e ln 2 + log(1 + f) with x = 2^e (1 + f) and 1 + f in [√½, √2)."""
    small = text.let("small", f"fcmp olt float {x}, {number(2.0**-126)}")
    scaled = chosen(text, "float", small, text.let("up", f"fmul float {x}, {number(2.0**23)}"), x)
    bits = text.let("bits", f"bitcast float {scaled} to i32")
    moved = text.let("moved", f"sub i32 {bits}, {bits_of(math.sqrt(0.5))}")
    exponent = text.let("exponent", f"ashr i32 {moved}, 23")
    fraction = text.let("fraction", f"sub i32 {bits}, {text.let('shift', f'shl i32 {exponent}, 23')}")
    f = text.let("f", f"fsub float {text.let('one_f', f'bitcast i32 {fraction} to float')}, {number(1)}")
    e = text.let("e", f"sitofp i32 {exponent} to float")
    e = text.let("e", f"fsub float {e}, {chosen(text, 'float', small, number(23), number(0))}")
    tail = polynomial(text, f, [
        3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1,
        1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2,
    ])  # fmt: skip
    square = text.let("square", f"fmul float {f}, {f}")
    rest = text.let("rest", f"fmul float {text.let('cube', f'fmul float {square}, {f}')}, {tail}")
    rest = fma(text, e, number(-2.12194440e-4), rest)
    rest = fma(text, square, number(-0.5), rest)
    value = text.let("value", f"fadd float {f}, {rest}")
    value = fma(text, e, number(0.693359375), value)
    value = chosen(text, "float", text.let("zero", f"fcmp oeq float {x}, {number(0)}"), number(-math.inf), value)
    positive = text.let("positive", f"fcmp oge float {x}, {number(0)}")
    value = chosen(text, "float", positive, value, number(math.nan))
    endless = text.let("endless", f"fcmp oeq float {x}, {number(math.inf)}")
    return chosen(text, "float", endless, x, value)


@own("tanh")
def tanh(text, x):
    """Near 0 a polynomial; beyond, 1 - 2 / (exp(2 |x|) + 1), with the sign of x: exactly 1 where that rounds to it."""
    positive = text.let("positive", f"call float @llvm.fabs.f32(float {x})")
    double = text.let("double", f"fadd float {positive}, {positive}")
    e = text.let("e", f"fadd float {exp(text, double)}, {number(1)}")
    far = text.let("far", f"fsub float {number(1)}, {text.let('part', f'fdiv float {number(2)}, {e}')}")
    z = text.let("z", f"fmul float {x}, {x}")
    tail = polynomial(text, z, [-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3])
    near = fma(text, text.let("cube", f"fmul float {z}, {positive}"), tail, positive)
    is_near = text.let("is_near", f"fcmp olt float {positive}, {number(0.625)}")
    value = chosen(text, "float", is_near, near, far)
    return text.let("signed", f"call float @llvm.copysign.f32(float {value}, float {x})")


@own("erf")
def erf(text, x):
    """1 - erfc(|x|), with the sign of x: exactly 1 where that rounds to it.

    erfc(|x|) = exp(s y), with s = 2 / √π and y = -|x| + x² times a polynomial. As in ``exp``, that is 2^n exp(s r) with
    y = n ln 2 / s + r. What is computed is exp(s r) - 1 = r + r times a polynomial: near 0 little is rounded on the way.
    """
    t = text.let("negative", f"fneg float {text.let('positive', f'call float @llvm.fabs.f32(float {x})')}")
    t = chosen(text, "float", text.let("below", f"fcmp olt float {t}, {number(-4)}"), number(-4), t)  # NaN stays NaN
    tail = polynomial(text, t, [
        -0.564189354, 0.0910835674, 0.0169708876, -0.000147430873, -0.00148234915, -0.00056343461, -0.000104954859, -8.27832256e-6,
    ])  # fmt: skip
    y = fma(text, text.let("square", f"fmul float {t}, {t}"), tail, t)
    period = math.log(2) * math.sqrt(math.pi) / 2
    shifted = fma(text, y, number(1 / period), number(NEAREST))
    r = fma(text, text.let("whole", f"fsub float {shifted}, {number(NEAREST)}"), number(-period), y)
    less = fma(text, r, polynomial(text, r, [0.128379179, 0.636619783, 0.239447177, 0.0675467652, 0.0153093476, 0.0028791246]), r)
    n = text.let("n", f"shl i32 {text.let('bits', f'bitcast float {shifted} to i32')}, 23")  # NEAREST's own bits are shifted out
    power = text.let("power", f"bitcast i32 {text.let('biased', f'add i32 {n}, {127 << 23}')} to float")
    less = fma(text, power, less, text.let("rest", f"fsub float {power}, {number(1)}"))
    return text.let("signed", f"call float @llvm.copysign.f32(float {less}, float {x})")


@own("expm1")
def expm1(text, x):
    """2^n (exp(r) - 1) + 2^n - 1, with n and r as in ``exp``. All halved until the end: 2^128 is no float32."""
    limited = chosen(text, "float", text.let("below", f"fcmp olt float {x}, {number(-25)}"), number(-25), x)  # NaN stays NaN
    limited = chosen(text, "float", text.let("above", f"fcmp ogt float {x}, {number(89)}"), number(89), limited)
    shifted = fma(text, limited, number(1 / math.log(2)), number(NEAREST))
    whole = text.let("whole", f"fsub float {shifted}, {number(NEAREST)}")
    r = fma(text, whole, number(2.12194440e-4), fma(text, whole, number(-0.693359375), limited))
    tail = polynomial(text, r, [0.499999981, 0.166665422, 0.0416672058, 0.00836670569, 0.00138824863])
    less = fma(text, text.let("square", f"fmul float {r}, {r}"), tail, r)
    n = text.let("n", f"shl i32 {text.let('bits', f'bitcast float {shifted} to i32')}, 23")
    half = text.let("half", f"bitcast i32 {text.let('biased', f'add i32 {n}, {126 << 23}')} to float")
    value = fma(text, half, less, text.let("rest", f"fsub float {half}, {number(0.5)}"))
    value = text.let("value", f"fadd float {value}, {value}")
    return text.let("signed", f"call float @llvm.copysign.f32(float {value}, float {x})")


@own("log1p")
def log1p(text, x):
    """e ln 2 + log(1 + m) with 1 + x = 2^e (1 + m) and 1 + m in [3/4, 3/2). m is x / 2^e + (1 / 2^e - 1): no digit of x is lost."""
    sum_bits = text.let("bits", f"bitcast float {text.let('sum', f'fadd float {x}, {number(1)}')} to i32")
    power = text.let("power", f"and i32 {text.let('moved', f'sub i32 {sum_bits}, {bits_of(0.75)}')}, {-1 << 23}")
    scale = text.let("scale", f"bitcast i32 {text.let('inverse', f'sub i32 {bits_of(4.0)}, {power}')} to float")  # 4 / 2^e
    shrunk = text.let("shrunk", f"sub i32 {text.let('bits', f'bitcast float {x} to i32')}, {power}")
    m = text.let("m", f"fadd float {text.let('part', f'bitcast i32 {shrunk} to float')}, {fma(text, scale, number(0.25), number(-1))}")
    tail = polynomial(text, m, [
        -0.500000008, 0.333334547, -0.25000056, 0.199905934, -0.166476957, 0.144821388, -0.131631071, 0.104497771, -0.0449162775,
    ])  # fmt: skip
    value = fma(text, text.let("square", f"fmul float {m}, {m}"), tail, m)
    e = text.let("e", f"fmul float {text.let('e', f'sitofp i32 {power} to float')}, {number(2.0**-23)}")
    value = fma(text, e, number(math.log(2)), value)
    value = chosen(text, "float", text.let("lowest", f"fcmp oeq float {x}, {number(-1)}"), number(-math.inf), value)
    value = chosen(text, "float", text.let("inside", f"fcmp oge float {x}, {number(-1)}"), value, number(math.nan))
    value = chosen(text, "float", text.let("endless", f"fcmp oeq float {x}, {number(math.inf)}"), x, value)
    return text.let("signed", f"call float @llvm.copysign.f32(float {value}, float {x})")


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
