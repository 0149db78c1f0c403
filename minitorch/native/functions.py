"""Functions that processors don't have, in float32 arithmetic: loops over them become vector code.

Within 2 units in the last place of the true value, for every float32; NaN stays NaN, and there are no branches, so a vector
of numbers takes as long as one. What needs more digits on the way is in wide.py.

torch: ATen/cpu/vec (Sleef).   Polynomials: Moshier's Cephes for the form, coefficients by Remez; erf by the power of a
polynomial, and how log1p scales its argument: after Norbert Juffa
"""

import math

from .constants import bits_of, constant
from .text import Text

__all__ = ["FUNCTIONS", "SUFFIX", "chosen", "fma", "number", "own", "polynomial"]

SUFFIX = {"float": "f32", "double": "f64"}
"""Kinds as LLVM's intrinsics name them."""

FUNCTIONS: dict[str, str] = {}
"""Name → the text of our own version."""


def own(table, name, *arguments):
    """Puts a function of floats into a table: the decorated one writes its body and gives the result's register."""

    def decorate(body):
        text, registers = Text(), [f"%{argument}" for argument in arguments or ("x",)]
        signature = ", ".join([f"float {register}" for register in registers])
        text.lines.append(f"define internal float @minitorch_{name}({signature}) alwaysinline nounwind {{")
        text.open("entry")
        text.do(f"ret float {body(text, *registers)}")
        text.lines.append("}")
        table[name] = str(text)
        return body

    return decorate


def polynomial(text, x, coefficients, kind="float"):
    """c[0] + c[1] x + c[2] x² + …, from the last on."""
    result = constant(coefficients[-1], kind)
    for c in reversed(coefficients[:-1]):
        result = fma(text, result, x, constant(c, kind), kind)
    return result


def fma(text, a, b, c, kind="float"):
    """a * b + c in one rounding."""
    return text.let("fma", f"call {kind} @llvm.fma.{SUFFIX[kind]}({kind} {a}, {kind} {b}, {kind} {c})")


def chosen(text, kind, condition, x, y):
    return text.let("chosen", f"select i1 {condition}, {kind} {x}, {kind} {y}")


def number(x):
    return constant(x, "float")


def two_to(text, n):
    """2^n, for an i32 in [-126, 127]."""
    shifted = text.let("exponent", f"shl i32 {text.let('biased', f'add i32 {n}, 127')}, 23")
    return text.let("power", f"bitcast i32 {shifted} to float")


NEAREST = 1.5 * 2.0**23
"""Added to a small number it leaves the nearest integer in the last bits."""


@own(FUNCTIONS, "exp")
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


@own(FUNCTIONS, "log")
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


@own(FUNCTIONS, "tanh")
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


@own(FUNCTIONS, "erf")
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


@own(FUNCTIONS, "expm1")
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


@own(FUNCTIONS, "log1p")
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
