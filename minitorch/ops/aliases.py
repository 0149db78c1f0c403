"""PyTorch's other names of the same functions: NumPy's spellings, and older ones."""

from .elementwise import (
    abs,
    abs_,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    clamp,
    clamp_,
    div,
    div_,
    ge,
    gt,
    le,
    lt,
    mul,
    mul_,
    ne,
    neg,
    neg_,
    sub,
    sub_,
    trunc,
    trunc_,
)  # fmt: skip
from .joining import cat, vstack
from .linalg import outer
from .movement import movedim, transpose

__all__ = [
    "absolute", "absolute_", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "clip",
    "clip_", "concat", "concatenate", "divide", "divide_", "fix", "fix_", "ger", "greater", "greater_equal", "less",
    "less_equal", "moveaxis", "multiply", "multiply_", "negative", "negative_", "not_equal", "row_stack", "subtract",
    "subtract_", "swapdims", "true_divide", "true_divide_",
]  # fmt: skip

absolute, absolute_ = abs, abs_
negative, negative_ = neg, neg_
subtract, subtract_ = sub, sub_
multiply, multiply_ = mul, mul_
divide, divide_ = div, div_
true_divide, true_divide_ = div, div_
fix, fix_ = trunc, trunc_
clip, clip_ = clamp, clamp_
arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
concat = concatenate = cat
row_stack = vstack
ger = outer
moveaxis, swapdims = movedim, transpose
