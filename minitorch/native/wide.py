"""Functions of float32 that need more digits on the way than they give: computed in float64, and rounded at the end.

    sin cos tan     what an angle has beyond whole turns, to the last digit even of 1e38
    pow             exp2(y log2 |x|): what log2 is wrong by is multiplied by y
    exp2 log2 log10 cosh sinh

A processor's vectors have half as many places for float64; that is still several times what calls of the C library take.

torch: Sleef's functions in ATen/cpu/vec.   Cody & Waite 1980 (an angle less whole turns, piece by piece of pi), Payne & Hanek
1983 (only those digits of 2 / pi that don't make whole turns); polynomials by weighted least squares, until errors were level
"""

import math

from .constants import constant
from .functions import SUFFIX, chosen, fma, number, own, polynomial

__all__ = ["WIDE"]

WIDE: dict[str, str] = {}
"""Name → the text of our own version."""

NEAREST = 1.5 * 2.0**52
"""Added to a number below 2^51 it leaves the nearest integer in the last bits."""


def double(x):
    return constant(x, "double")


def do(text, word, x, y):
    return text.let(word, f"{word} double {x}, {y}")


def widened(text, x):
    return text.let("wide", f"fpext float {x} to double")


def narrowed(text, x):
    return text.let("narrow", f"fptrunc double {x} to float")


def absolute(text, x):
    return text.let("positive", f"call float @llvm.fabs.f32(float {x})")


def signed(text, x, sign, kind="float"):
    return text.let("signed", f"call {kind} @llvm.copysign.{SUFFIX[kind]}({kind} {x}, {kind} {sign})")


def nearest(text, x):
    """The nearest integer: as a double, and its low 32 bits."""
    shifted = do(text, "fadd", x, double(NEAREST))
    bits = text.let("bits", f"bitcast double {shifted} to i64")
    return do(text, "fsub", shifted, double(NEAREST)), text.let("low", f"trunc i64 {bits} to i32")


# ------------------------------------------------------------------------------------------------------------- angles

DIGITS = """
    0x1.45f306c000000p-1 0x1.c9c882a000000p-29 0x1.4fe13abe8fa9ap-59
    0x1.45f306c000000p-1 0x1.c9c8828000000p-29 0x1.29fc2757d1f53p-56
    0x1.6e4e440000000p-24 0x1.529fc26000000p-52 0x1.57d1f534ddc0ep-80
    0x1.529fc20000000p-52 0x1.d5f47d0000000p-78 0x1.34ddc0db6295ap-104
    0x1.3abe8f0000000p-75 0x1.534ddc0000000p-100 0x1.b6c52b3278872p-129
    0x1.f534ddc000000p-96 0x1.b6c5280000000p-129 0x1.993c439041fe5p-152
"""
"""2 / pi in pieces of 28, 28 and 53 digits. The next rows are for numbers from 2^24, 2^48 … on: less the digits that only make
multiples of 4 of them.
"""


def quarters(text, x):
    """x less the nearest multiple of pi / 2, as a double; and which multiple, modulo 2^32.

    Of a number's 24 digits and a piece's 28 the product is exact, and so is what a whole number leaves of it.
    """
    wide, size = widened(text, x), absolute(text, x)
    rows = [[float.fromhex(digits) for digits in row.split()] for row in DIGITS.split("\n") if row.strip()]
    pieces = [double(piece) for piece in rows[0]]
    for k, row in enumerate(rows[1:], 1):
        beyond = text.let("beyond", f"fcmp oge float {size}, {number(2.0 ** (24 * k))}")
        pieces = [chosen(text, "double", beyond, double(new), old) for new, old in zip(row, pieces)]
    first = do(text, "fmul", wide, pieces[0])
    whole, n = nearest(text, first)
    rest = fma(text, wide, pieces[1], do(text, "fsub", first, whole), "double")
    whole, more = nearest(text, rest)
    rest = fma(text, wide, pieces[2], do(text, "fsub", rest, whole), "double")
    return do(text, "fmul", rest, double(math.pi / 2)), text.let("n", f"add i32 {n}, {more}")


def of_the_rest(text, r, kind):
    """sin r and cos r, for |r| up to pi / 4."""
    z = text.let("z", f"fmul {kind} {r}, {r}")
    tail = polynomial(text, z, [-0.16666655242443085, 0.008332177996635437, -0.0001951726444531232], kind)
    sine = fma(text, text.let("cube", f"fmul {kind} {z}, {r}"), tail, r, kind)
    tail = polynomial(text, z, [-0.5, 0.04166664555668831, -0.001388736767694354, 2.443841367494315e-05], kind)
    return signed(text, sine, r, kind), fma(text, z, tail, constant(1, kind), kind)  # -0 has a sine too


def turned(text, n, r):
    """sin (r + n pi / 2): sin r or cos r, and with the other sign in the second half of a turn."""
    r = narrowed(text, r)
    sine, cosine = of_the_rest(text, r, "float")
    bits = text.let("bits", f"bitcast float {chosen(text, 'float', text.let('odd', f'trunc i32 {n} to i1'), cosine, sine)} to i32")
    half = text.let("half", f"and i32 {text.let('half', f'shl i32 {n}, 30')}, {-1 << 31}")
    return text.let("turned", f"bitcast i32 {text.let('bits', f'xor i32 {bits}, {half}')} to float")


@own(WIDE, "sin")
def sin(text, x):
    r, n = quarters(text, x)
    return turned(text, n, r)


@own(WIDE, "cos")
def cos(text, x):
    r, n = quarters(text, x)
    return turned(text, text.let("n", f"add i32 {n}, 1"), r)


@own(WIDE, "tan")
def tan(text, x):
    """sin / cos; after an odd number of quarters -cos / sin."""
    r, n = quarters(text, x)
    sine, cosine = of_the_rest(text, r, "double")
    odd, less = text.let("odd", f"trunc i32 {n} to i1"), text.let("less", f"fneg double {cosine}")
    above, below = chosen(text, "double", odd, less, sine), chosen(text, "double", odd, sine, cosine)
    return narrowed(text, do(text, "fdiv", above, below))


# ------------------------------------------------------------------------------------------------------------- powers


def log2_of(text, x):
    """log2 of a positive float32, infinity included, as a double: e + log2 m with x = 2^e m and m in [√½, √2).

    log2 m is an odd function of (m - 1) / (m + 1).
    """
    bits = text.let("bits", f"bitcast double {widened(text, x)} to i64")  # no denormals here: a double's exponent goes further
    start = 0x3FE6A09E667F3BCD  # the bits of √½
    moved = text.let("moved", f"sub i64 {bits}, {start}")
    power = text.let("power", f"and i64 {moved}, {-1 << 52}")
    m = text.let("m", f"bitcast i64 {text.let('fraction', f'sub i64 {bits}, {power}')} to double")
    high = text.let("high", f"trunc i64 {text.let('high', f'lshr i64 {power}, 32')} to i32")
    e = text.let("e", f"sitofp i32 {text.let('e', f'ashr i32 {high}, 20')} to double")
    s = do(text, "fdiv", do(text, "fsub", m, double(1)), do(text, "fadd", m, double(1)))
    tail = polynomial(text, do(text, "fmul", s, s), [
        2.885390081777848, 0.9617966941131221, 0.5770779424114848, 0.4122092485550147, 0.31990583192317124, 0.28289843017902827,
    ], "double")  # fmt: skip
    value = fma(text, s, tail, e, "double")
    endless = text.let("endless", f"fcmp oeq float {x}, {number(math.inf)}")
    return chosen(text, "double", endless, double(math.inf), value)


def log2_or_less(text, x):
    """log2 as everywhere: -infinity of 0, NaN of what is below."""
    value = chosen(text, "double", text.let("zero", f"fcmp oeq float {x}, {number(0)}"), double(-math.inf), log2_of(text, x))
    return chosen(text, "double", text.let("positive", f"fcmp oge float {x}, {number(0)}"), value, double(math.nan))


def two_to(text, t):
    """2^t of a double, in a double's range: 2^n 2^f with t = n + f and |f| <= 1/2."""
    t = chosen(text, "double", text.let("below", f"fcmp olt double {t}, {double(-1000)}"), double(-1000), t)  # NaN stays NaN
    t = chosen(text, "double", text.let("above", f"fcmp ogt double {t}, {double(1000)}"), double(1000), t)
    shifted = do(text, "fadd", t, double(NEAREST))
    f = do(text, "fsub", t, do(text, "fsub", shifted, double(NEAREST)))
    value = polynomial(text, f, [
        1.0000000005542, 0.6931472057376319, 0.2402264689042936, 0.05550328776129493, 0.009618488975917508, 0.0013399931567389493,
        0.0001534580783491956,
    ], "double")  # fmt: skip
    n = text.let("n", f"shl i64 {text.let('bits', f'bitcast double {shifted} to i64')}, 52")  # NEAREST's own bits are shifted out
    bits = text.let("bits", f"bitcast double {value} to i64")
    return text.let("scaled", f"bitcast i64 {text.let('bits', f'add i64 {bits}, {n}')} to double")


@own(WIDE, "exp2")
def exp2(text, x):
    return narrowed(text, two_to(text, widened(text, x)))


@own(WIDE, "log2")
def log2(text, x):
    return narrowed(text, log2_or_less(text, x))


@own(WIDE, "log10")
def log10(text, x):
    return narrowed(text, do(text, "fmul", log2_or_less(text, x), double(math.log10(2))))


@own(WIDE, "pow", "x", "y")
def pow(text, x, y):
    """|x|^y, negative for a negative x and an odd y; NaN for a negative x and a broken y. 1^y and x^0 are 1, NaN or not."""

    def is_whole(value):
        return text.let("is_whole", f"fcmp oeq float {text.let('cut', f'call float @llvm.trunc.f32(float {value})')}, {value}")

    size = absolute(text, x)
    value = narrowed(text, two_to(text, do(text, "fmul", widened(text, y), log2_or_less(text, size))))
    unit = [text.let("is", f"fcmp oeq float {one}, {number(other)}") for one, other in ((size, 1), (y, 0))]
    value = chosen(text, "float", text.let("unit", f"or i1 {unit[0]}, {unit[1]}"), number(1), value)
    whole, even = is_whole(y), is_whole(text.let("half", f"fmul float {y}, {number(0.5)}"))
    odd = text.let("odd", f"and i1 {whole}, {text.let('not', f'xor i1 {even}, true')}")
    value = chosen(text, "float", odd, signed(text, value, x), value)
    below = text.let("below", f"fcmp olt float {x}, {number(0)}")
    finite = text.let("finite", f"fcmp one float {size}, {number(math.inf)}")
    broken = text.let("broken", f"and i1 {text.let('not', f'xor i1 {whole}, true')}, {text.let('below', f'and i1 {below}, {finite}')}")
    return chosen(text, "float", broken, number(math.nan), value)


def two_powers(text, x):
    """e^|x| and e^-|x|."""
    above = two_to(text, do(text, "fmul", widened(text, absolute(text, x)), double(1 / math.log(2))))
    return above, do(text, "fdiv", double(1), above)


@own(WIDE, "cosh")
def cosh(text, x):
    return narrowed(text, do(text, "fmul", do(text, "fadd", *two_powers(text, x)), double(0.5)))


@own(WIDE, "sinh")
def sinh(text, x):
    """Near 0, where the two powers are nearly the same, a polynomial."""
    far = narrowed(text, do(text, "fmul", do(text, "fsub", *two_powers(text, x)), double(0.5)))
    z, size = text.let("z", f"fmul float {x}, {x}"), absolute(text, x)
    cube = text.let("cube", f"fmul float {z}, {size}")
    tail = polynomial(text, z, [0.1666666716337204, 0.008333350531756878, 0.0001983606634894386, 2.817439735736116e-06])
    near = fma(text, cube, tail, size)
    return signed(text, chosen(text, "float", text.let("is_near", f"fcmp olt float {size}, {number(1)}"), near, far), x)
