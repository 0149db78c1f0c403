"""Elementwise rows, and the rows that make tensors of nothing."""

import math

from ...dtypes import bool as boolean
from ...dtypes import int32
from ..writer import CODES

__all__ = ["ELEMENTWISE"]


def logical(kind):
    """An operator on truth values: what isn't 0 is true."""
    return lambda o, *inputs: o.node(kind, *[truth(o, x) for x in inputs])


def truth(o, x):
    return x if getattr(x, "dtype", None) is boolean else o.cast(x, boolean)


def bitwise(kind):
    """An operator on the bits of integers; of truth values it is the logical one."""
    return lambda o, *inputs: o.node(kind if o.dtype is boolean else f"Bitwise{kind}", *inputs)


def compared(kind):
    """A comparison by size, for which ONNX wants numbers."""
    return lambda o, *inputs: o.node(kind, *([o.cast(x, int32) for x in inputs] if o.dtype is boolean else inputs))


def of_fractions(kind):
    """What leaves integers as they are."""
    return lambda o, x: o.node(kind, x) if o.dtype.is_floating_point else x


def of_booleans(kind, otherwise):
    """``kind`` between truth values, ``otherwise`` between numbers."""
    return lambda o, x, y: o.node(kind if o.dtype is boolean else otherwise, x, y)


def scaled(o, x, factor):
    return x if factor == 1 else o.Mul(x, factor)


def floor_divide(o, x, y):
    if o.dtype.is_floating_point:
        return o.Floor(o.Div(x, y))
    return o.Div(o.Sub(x, o.Mod(x, y)), y)  # ONNX divides integers towards 0


def remainder(o, x, y):
    if o.dtype.is_floating_point:
        return o.Sub(x, o.Mul(o.Floor(o.Div(x, y)), y))
    return o.Mod(x, y)


def clip(o, x, low, high):
    """Bounds that are none, or endless, are left out."""
    return o.Clip(x, *[None if bound in (None, math.inf, -math.inf) else bound for bound in (low, high)])


def either_sign(o, x):
    """Whether the sign is minus: also that of -0."""
    below = o.Less(x, 0)
    return o.Or(below, o.And(o.Equal(x, 0), o.Less(o.Reciprocal(x), 0))) if o.dtype.is_floating_point else below


def angle(o, y, x):
    """atan2: the angle of (x, y), from atan(y / x), which knows half of the circle."""
    half = o.Where(o.Less(x, 0), o.Where(either_sign(o, y), -math.pi, math.pi), 0)
    at_origin = o.And(o.Equal(x, 0), o.Equal(y, 0))
    return o.Where(at_origin, 0, o.Add(o.Atan(o.Div(y, x)), half))


def x_log(o, x, logarithm):
    """x · log, and 0 where x is 0."""
    return o.Where(o.Equal(x, 0), 0, o.Mul(x, logarithm))


def filled(o, shape, value, dtype, device=None):
    return o.Expand(o.number(value, dtype), list(shape)) if shape else o.number(value, dtype)


def arange(o, start, step, count, dtype, device=None):
    numbers = o.cast(o.range(count), dtype)
    numbers = numbers if step == 1 else o.Mul(numbers, o.number(step, dtype))
    return numbers if start == 0 else o.Add(numbers, o.number(start, dtype))


def drawn(kind, *names):
    """Random numbers: another sequence than ours, of the same distribution."""

    def draw(o, stream, shape, order, dtype, *params):
        found = dict(zip(names, [float(p) for p in o.fixed(*params[: len(names)])], strict=True))
        return o.node(kind, filled(o, shape, 0, dtype), fresh=True, dtype=CODES[dtype.name], **found)

    return draw


ELEMENTWISE = {
    "neg": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "floor": of_fractions("Floor"),
    "ceil": of_fractions("Ceil"),
    "round": of_fractions("Round"),
    "trunc": lambda o, x: o.Mul(o.Sign(x), o.Floor(o.Abs(x))) if o.dtype.is_floating_point else x,
    "copy": lambda o, x: x,
    "assign": lambda o, x, y: y,
    "exp": "Exp",
    "exp2": lambda o, x: o.Exp(o.Mul(x, math.log(2))),
    "expm1": lambda o, x: o.Sub(o.Exp(x), 1),
    "log": "Log",
    "log2": lambda o, x: o.Mul(o.Log(x), 1 / math.log(2)),
    "log10": lambda o, x: o.Mul(o.Log(x), 1 / math.log(10)),
    "log1p": lambda o, x: o.Log(o.Add(x, 1)),
    "sqrt": "Sqrt",
    "rsqrt": lambda o, x: o.Reciprocal(o.Sqrt(x)),
    "reciprocal": "Reciprocal",
    "square": lambda o, x: o.Mul(x, x),
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "asin": "Asin",
    "acos": "Acos",
    "atan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "asinh": "Asinh",
    "acosh": "Acosh",
    "atanh": "Atanh",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "erf": "Erf",
    "erfc": lambda o, x: o.Sub(1, o.Erf(x)),
    "relu": lambda o, x: o.Relu(x) if o.dtype.is_floating_point else o.Max(x, 0),
    "keep": lambda o, x, y: o.Where(o.Greater(y, 0), x, 0),
    "clamp": clip,
    "logical_not": logical("Not"),
    "bitwise_not": bitwise("Not"),
    "isnan": "IsNaN",
    "isinf": "IsInf",
    "isfinite": lambda o, x: o.Not(o.Or(o.IsNaN(x), o.IsInf(x))),
    "signbit": either_sign,
    "cast": lambda o, x, dtype: o.cast(x, dtype),
    "add": of_booleans("Or", "Add"),
    "add_scaled": lambda o, x, y, alpha: o.Add(x, scaled(o, y, alpha)),
    "sub": "Sub",
    "mul": of_booleans("And", "Mul"),
    "div": "Div",
    "pow": "Pow",
    "floor_divide": floor_divide,
    "div_floor": floor_divide,
    "remainder": remainder,
    "fmod": lambda o, x, y: o.Mod(x, y, fmod=1),
    "maximum": of_booleans("Or", "Max"),
    "minimum": of_booleans("And", "Min"),
    "atan2": angle,
    "hypot": lambda o, x, y: o.Sqrt(o.Add(o.Mul(x, x), o.Mul(y, y))),
    "eq": "Equal",
    "ne": lambda o, x, y: o.Not(o.Equal(x, y)),
    "lt": compared("Less"),
    "le": compared("LessOrEqual"),
    "gt": compared("Greater"),
    "ge": compared("GreaterOrEqual"),
    "logical_and": logical("And"),
    "logical_or": logical("Or"),
    "logical_xor": logical("Xor"),
    "bitwise_and": bitwise("And"),
    "bitwise_or": bitwise("Or"),
    "bitwise_xor": bitwise("Xor"),
    "where": lambda o, x, condition, y: o.Where(truth(o, condition), x, y),
    "lerp": lambda o, x, y, weight: o.Add(x, o.Mul(weight, o.Sub(y, x))),
    "addcmul": lambda o, x, y, z, value: o.Add(x, scaled(o, o.Mul(y, z), value)),
    "addcdiv": lambda o, x, y, z, value: o.Add(x, scaled(o, o.Div(y, z), value)),
    "xlogy": lambda o, x, y: x_log(o, x, o.Log(y)),
    "xlog1py": lambda o, x, y: x_log(o, x, o.Log(o.Add(y, 1))),
    "entr": lambda o, x: o.Neg(x_log(o, x, o.Log(x))),
    # tensors made of nothing
    "full": filled,
    "empty": lambda o, shape, dtype, device=None: filled(o, shape, 0, dtype),
    "arange": arange,
    "normal": drawn("RandomNormalLike", "mean", "scale"),
    "uniform": drawn("RandomUniformLike", "low", "high"),
}
