"""The vocabulary of element-by-element functions, with what surrounds the rows: arguments, operators, in-place forms."""

import contextlib
import re
import warnings

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, assert_same, expression, outcome, same_first_line
from samples import integers, reals

import minitorch

X, Y, Z = reals((2, 3)), reals((3,), 0.5, 2.0), reals((2, 1), -1.0, 1.0)
POSITIVE, SMALL = reals((2, 3), 0.2, 3.0), reals((2, 3), -0.8, 0.8)
INTEGERS, MASK = integers((2, 3), -5, 6), integers((2, 3), 0, 2) > 0

ONE = ["neg", "abs", "sign", "floor", "ceil", "trunc", "round", "exp", "exp2", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "asinh", "tanh", "sigmoid", "erf", "erfc", "relu", "square",
       "isnan", "isinf", "isfinite", "signbit", "logical_not"]  # fmt: skip
OF_POSITIVE = ["log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "log1p"]
OF_SMALL = ["asin", "acos", "atanh"]
IN_PLACE = [
    "neg",
    "abs",
    "floor",
    "ceil",
    "trunc",
    "round",
    "exp",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "erf",
    "relu",
    "square",
]


@pytest.mark.parametrize("name", ONE + OF_POSITIVE + OF_SMALL)
def test_one_tensor_as_function_and_method(name):
    x = POSITIVE if name in OF_POSITIVE else SMALL if name in OF_SMALL else X
    agree(expression(f"t.{name}(x), x.{name}()", x=x))


@pytest.mark.parametrize("name", IN_PLACE + ["log", "sqrt", "rsqrt", "reciprocal"])
def test_one_tensor_in_place(name):
    agree(expression(f"(y := x * 1, y.{name}_() is y, y)[1:]", x=POSITIVE))
    agree(expression(f"(y := x * 1, t.{name}_(y))[1]", x=POSITIVE))


EXPRESSIONS = [
    # operators
    "x + y, x - y, x * y, x / y, x ** y.abs(), x + 1, 1 + x, x - 1, 1 - x, 2 * x, x * 2, x / 2, 2 / y, y ** 2, 2 ** x, y ** 0.5, y ** -1, -x, +x, abs(x)",
    "x.detach() // y.detach(), x % y.detach(), x.detach() // 0.7, x % 0.7, 3 // y.detach(), x == y, x != y, x < y, x <= y, x > y, x >= y, x > 0, 0 > x, 1 == x, x is x",
    "i + 1, i - i, i * 2, i / 2, i // 2, i % 3, i ** 2, 5 - i, 7 // (i.abs() + 1), 7 % (i.abs() + 1), -i, abs(i), ~i, i & 3, i | 8, i ^ 1, 3 & i, i << 1, i >> 1, i == 1, i > 0",
    "m & m, m | ~m, m ^ True, m & False, ~m, m + m, m * m, m + 1, m * 2.5, m / 2, m == m, m < m, m.int() + 1",
    "(z := x * 1, z.__iadd__(y), z.__imul__(2), z.__isub__(x), z.__itruediv__(y), z)[-1]",
    # with arguments
    "x.add(y, alpha=2), t.add(x, 3, alpha=0.5), x.sub(y, alpha=-1), t.sub(x, y, alpha=3), t.rsub(x, 2), t.rsub(x, y, alpha=2), x.mul(y), t.mul(x, 2), x.div(y), t.div(x, 4)",
    "[t.div(x.detach(), y.detach(), rounding_mode=r) for r in (None, 'trunc', 'floor')], [t.div(i, 3, rounding_mode=r) for r in (None, 'trunc', 'floor')], t.div(x.detach(), -0.7, rounding_mode='trunc')",
    "x.clamp(-1, 1), x.clamp(min=0), x.clamp(max=0.5), t.clamp(x, y - 1, y), x.clamp(min=y), x.clamp_min(0), x.clamp_max(0), x.clamp(1, -1), i.clamp(0, 2), i.clamp(0.5, 2)",
    "t.where(m, x, y), t.where(m, x, 0.0), t.where(m, 1.0, x), x.where(m, y), t.where(m, x, i), t.where(x > 0, x, -x), t.where(m, 1, 0), t.where(m, 1.0, 2)",
    "t.where(m), t.where(x > 10)",
    "t.maximum(x, y), t.minimum(x, y), x.maximum(x), t.max(x, y), t.min(x, y), i.maximum(i * 0)",
    "x.atan2(y), t.hypot(x, y), x.fmod(0.7), t.fmod(x, y.detach()), t.remainder(x, 0.7), t.remainder(7, i.abs() + 1), t.remainder(x, y.detach())",
    "t.pow(x, 3), t.pow(x.abs(), y), t.pow(2, x), x.pow(2), i.pow(2), t.pow(x.abs(), 0.5), x.pow(0), x.pow(1)",
    "x.round(decimals=1), t.round(x * 100, decimals=-1), t.round(i.double() / 2)",
    "x.lerp(y.expand(2, 3), 0.3), t.lerp(x, x * 2, y), x.addcmul(y, y), t.addcmul(x, y, y, value=0.5), x.addcdiv(x, y), t.addcdiv(x, y, y, value=-2)",
    "t.fill(x, 3.0), t.fill(x, x[0, 0]), x.masked_fill(m, 3), x.masked_fill(m, y.sum()), i.masked_fill(m, 7), t.masked_fill(x, m, -1.5)",
    "x.nan_to_num(), t.nan_to_num(x / 0, nan=1.0, posinf=2.0, neginf=-2.0), t.nan_to_num(x.detach() * float('nan')), t.nan_to_num(t.tensor([float('inf'), -float('inf')])), i.nan_to_num()",
    "t.isclose(x, x + 1e-9), t.isclose(x, y), t.allclose(x, x), t.allclose(x, x + 1), t.equal(x, x), t.equal(x, y), t.isclose(t.tensor([float('nan')]), t.tensor([float('nan')]), equal_nan=True)",
    "t.logical_and(x, m), t.logical_or(i, m), t.logical_xor(i, i + 1), x.logical_and(m), t.bitwise_and(i, 3), t.bitwise_or(i, i), t.bitwise_xor(i, 1), t.bitwise_not(i), t.bitwise_left_shift(i, 2), t.bitwise_right_shift(i, 1)",
    "x.eq(1), x.ne(y), x.lt(0), x.le(y), t.gt(x, y), t.ge(x, 0), t.eq(i, i), t.not_equal(i, 1)",
    # in place
    "(z := x * 1, z.add_(y), z.add_(1, alpha=2), z.sub_(y, alpha=0.5), z.mul_(y), z.div_(2), z.clamp_(-3, 3), z.clamp_min_(-2), z.clamp_max_(2), z.pow_(2), z)[-1]",
    "(z := x * 1, z.lerp_(y.expand(2, 3), 0.3), z.addcmul_(y, y, value=2), z.addcdiv_(x, y), z.masked_fill_(m, 0), z)[-1]",
    "(z := i.clone(), z.add_(2), z.mul_(3), z.floor_divide_(2), z.remainder_(4), z.bitwise_and_(6), z.bitwise_or_(1), z.bitwise_xor_(2), z.fill_(z[0, 0]), z.zero_(), z.fill_(7))[-1]",
    "(z := x.detach().clone(), z.fill_(2), z.zero_(), z.copy_(y), z.copy_(i), z)[-1]", "(z := x.detach() * 10, z.round_(), z.floor_(), z.trunc_(), z.div_(3, rounding_mode='floor'))[-1]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, i=INTEGERS, m=MASK))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "x + t.zeros(4)", "t.zeros(2, 3, 4) * t.zeros(5, 4)", "t.where(x, x, x)", "t.where(i, x, x)", "x.masked_fill(i, 0)", "x.masked_fill(m, t.zeros(2))", "x.clamp()", "x.add('a')", "x + None", "x + [1]", "'a' * x",
    "i // 0", "i % 0", "i ** -1", "t.div(x, y, rounding_mode='up')", "i.add(1, alpha=0.5)", "m - m", "-m", "x & x", "i.relu_().foo", "x.exp(1)", "t.exp(3)", "x.detach().fill_(t.zeros(2))",
    "(x * 1).add_(t.zeros(4, 2, 3))", "i.clone().add_(0.5)", "i.clone().div_(2)", "i.clone().copy_(t.zeros(4))",
]  # fmt: skip
OWN_WORDS = ("x.add('a')", "x + None", "x + [1]", "'a' * x", "x.exp(1)", "t.exp(3)", "i.relu_().foo")
"""Where PyTorch's words come of its argument parser, the type of the exception is enough."""


@pytest.mark.parametrize("text", [e for e in ERRORS if e not in OWN_WORDS])
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, y=Y, i=INTEGERS, m=MASK)), Raised)


@pytest.mark.parametrize("text", OWN_WORDS)
def test_errors_of_pytorch_s_type(text):
    kinds = []
    for lib in (torch, minitorch):
        with pytest.raises(Exception) as caught:
            expression(text, x=X, y=Y, i=INTEGERS, m=MASK)(lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


# ---------------------------------------------------------------------------------------------------------- properties


@st.composite
def broadcastable(draw, count=2, max_dims=4):
    """Shapes that fit: each drops leading dims of a common one, and has 1 in place of some sizes."""
    common = draw(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=max_dims))
    shapes = []
    for _ in range(count):
        own = common[draw(st.integers(0, len(common))) :]
        shapes.append(tuple(1 if draw(st.booleans()) else n for n in own))
    return shapes


@settings(max_examples=80)
@given(broadcastable(), st.sampled_from(["add", "sub", "mul", "div", "maximum", "atan2", "pow"]))
def test_broadcasting(shapes, name):
    a, b = reals(shapes[0], 0.5, 2.0), reals(shapes[1], 0.5, 2.0, 1)
    agree(expression(f"t.{name}(a, b)", a=a, b=b))


@settings(max_examples=40)
@given(broadcastable(3))
def test_broadcasting_three(shapes):
    a, c, b = reals(shapes[0]), reals(shapes[1]) > 0, reals(shapes[2])
    agree(expression("t.where(c, a, b), t.addcmul(a, b, a) if a.ndim >= b.ndim else a", a=a, b=b, c=numpy.asarray(c)))


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3), max_size=3), st.lists(st.integers(0, 3), max_size=3))
def test_shapes_that_fit_or_not(first, second):
    agree(expression("a + b", a=reals(tuple(first)), b=reals(tuple(second))))


@settings(max_examples=60)
@given(broadcastable(), st.sampled_from(["add_", "mul_", "copy_", "div_"]))
def test_written_in_place_where_it_fits(shapes, name):
    agree(expression(f"(z := a * 1, z.{name}(b), z)[-1]", a=reals(shapes[0]), b=reals(shapes[1], 0.5, 2.0)))


NUMBERS = (-1, 0, 127, 128, 200, 255, 255.5, 256, -129, -255, -256, 300, 1.5, 1e5, 2**31, 2**40, 2**63, 2**64, -(2**63), 1e10, 1e39, 1e300, float("inf"), float("nan"), True, 1j, 1 + 0j, 1e300 + 0j)
def test_where_takes_bytes_with_a_warning():
    found = []
    for t in (torch, minitorch):
        with warnings.catch_warnings(record=t is torch):  # PyTorch's comes once in a process
            warnings.simplefilter("ignore" if t is torch else "error")
            raised = contextlib.nullcontext() if t is torch else pytest.warns(UserWarning, match="where received a uint8 condition")
            with raised:
                found.append(t.where(t.tensor([1, 0, 2], dtype=t.uint8), t.ones(3), t.zeros(3)).tolist())
    assert found[0] == found[1]


DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_that_a_dtype_holds_and_numbers_that_it_refuses(dtype):
    def program(t):
        def filled(fill, number):
            try:
                return fill(t.zeros(2, dtype=getattr(t, dtype)), number)
            except Exception as error:
                return type(error).__name__, str(error).partition("\n")[0]

        fills = [lambda x, n: x.fill_(n), lambda x, n: x.masked_fill(x == 0, n), lambda x, n: x.new_full((2,), n)]
        return [filled(fill, number) for number in NUMBERS for fill in fills]

    agree(program)
    same_first_line(lambda t: t.zeros(1, dtype=t.int64).masked_fill(t.tensor(True), t.tensor(1j)))


@pytest.mark.parametrize("text", [
    "x.expand(2, 3).fill_(4), x", "x.expand(2, 2, 3).zero_(), x", "x[:, :1].expand(2, 3)[:, 1:].fill_(7), x, x._version", "(x * w).expand(2, 2, 3).detach().zero_()",
    "(x * w).expand(2, 2, 3).fill_(1).sum().backward()", "x.expand(2, 2, 3).mul_(2)", "x.expand(2, 2, 3).copy_(x)",
])  # fmt: skip
def test_one_number_written_to_elements_that_share_a_place(text):
    agree(lambda t: eval(text, {"t": t, "x": t.arange(3.0)[None].clone(), "w": t.ones(3, requires_grad=True)}))


OLDER_FORMS = [
    "x.add(2, y)", "t.add(x, 0.5, y)", "x.sub(2, y)", "(x * 1).add_(-0.5, y)", "(x * 1).sub_(2, y)", "x.addcmul(2, y, y)", "t.addcdiv(x, -1, y, y)", "(x * 1).addcmul_(0.5, y, x)", "(x * 1).addcdiv_(-0.5, x, y)", "x.add_(y, y)", "x.addcmul_(y, y, 2)", "x.addcmul_(y, x, y)",
]  # fmt: skip


@pytest.mark.parametrize("text", OLDER_FORMS)
def test_the_factor_first_as_in_old_programs(text):
    program = expression(text, x=reals((2, 3)), y=reals((2, 3), 1, 2))
    expected, got = [outcome(program, lib) for lib in (torch, minitorch)]
    assert_same(expected[0], got[0])
    if not isinstance(expected[0], Raised):
        name = re.search(r"\b(add|sub)\w*", text)[0]
        assert ("UserWarning", f"This overload of {name} is deprecated:") in got[1]
