"""PyTorch's other names of the same functions: NumPy's spellings, and older ones."""

from . import elementwise as one
from . import inplace, joining, linalg, movement

__all__ = [
    "absolute", "absolute_", "arccos", "arccos_", "arccosh", "arccosh_", "arcsin", "arcsin_", "arcsinh", "arcsinh_",
    "arctan", "arctan2", "arctan2_", "arctan_", "arctanh", "arctanh_", "clip", "clip_", "concat", "concatenate",
    "divide", "divide_", "fix", "fix_", "ger", "greater", "greater_", "greater_equal", "greater_equal_", "less",
    "less_", "less_equal", "less_equal_", "moveaxis", "multiply", "multiply_", "negative", "negative_", "not_equal",
    "not_equal_", "row_stack", "subtract", "subtract_", "swapdims", "true_divide", "true_divide_",
]  # fmt: skip

absolute, absolute_ = one.abs, one.abs_
negative, negative_ = one.neg, one.neg_
subtract, subtract_ = one.sub, one.sub_
multiply, multiply_ = one.mul, one.mul_
divide, divide_ = true_divide, true_divide_ = one.div, one.div_
fix, fix_ = one.trunc, one.trunc_
clip, clip_ = one.clamp, one.clamp_
arccos, arccos_, arccosh, arccosh_ = one.acos, one.acos_, one.acosh, one.acosh_
arcsin, arcsin_, arcsinh, arcsinh_ = one.asin, one.asin_, one.asinh, one.asinh_
arctan, arctan_, arctanh, arctanh_ = one.atan, one.atan_, one.atanh, one.atanh_
arctan2, arctan2_ = one.atan2, one.atan2_
greater, greater_, greater_equal, greater_equal_ = one.gt, inplace.gt_, one.ge, inplace.ge_
less, less_, less_equal, less_equal_ = one.lt, inplace.lt_, one.le, inplace.le_
not_equal, not_equal_ = one.ne, inplace.ne_
concat = concatenate = joining.cat
row_stack = joining.vstack
ger = linalg.outer
moveaxis, swapdims = movement.movedim, movement.transpose
