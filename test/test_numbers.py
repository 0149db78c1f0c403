"""Numbers at the edges: signs and zeros of integer division, NaN and infinity, nothing to reduce, casts that overflow, narrow
types, and sums and exponentials that must not lose what the dtype can hold."""

import itertools

import numpy
import pytest
import torch
from oracle import Raised, agree, outcome

import minitorch

NAN, INF = float("nan"), float("inf")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
SPECIAL = [0.0, -0.0, 1.0, -1.5, 2.5, INF, -INF, NAN, 1e-45, -1e-45, 3e38, -3e38]


def pairs(t, dtype, values):
    """Every value beside every other, as two vectors."""
    left, right = zip(*itertools.product(values, values), strict=True)
    dtype = getattr(t, dtype)
    return t.tensor(left, dtype=dtype), t.tensor(right, dtype=dtype)


# ------------------------------------------------------------------------------------------------------------ integers


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod", "true_divide", "bitwise_left_shift", "bitwise_right_shift", "maximum", "gcd"])
def test_integers_with_their_signs(name, dtype):
    values = [1, 2, 3, 7, 100] if dtype == "uint8" else [-100, -7, -3, -1, 1, 2, 3, 7, 100]
    if "shift" in name:
        values = [0, 1, 2, 3, 5]
    expected = agree(lambda t: getattr(t, name)(*pairs(t, dtype, values)))
    assert not isinstance(expected, Raised)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("number", [1, 3, 255, 1.7])
def test_a_number_by_a_tensor_has_pytorchs_bits(number, dtype):
    values = numpy.random.default_rng(0).uniform(-300, 300, 1000).tolist()
    expected, found = [(number / t.tensor(values, dtype=getattr(t, dtype))).tolist() for t in (torch, minitorch)]
    assert expected == found


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("text", ["x // 0", "x % 0", "t.fmod(x, 0)", "x // x.zero_()", "t.div(x, 0, rounding_mode='trunc')"])
def test_integers_by_zero(text, dtype):
    assert isinstance(agree(lambda t: eval(text, {"t": t, "x": t.tensor([1, 2], dtype=getattr(t, dtype))})), Raised)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap(dtype):
    agree(lambda t: [f(t.tensor([100, 127, 3], dtype=getattr(t, dtype))) for f in (lambda x: x + x, lambda x: x * x, lambda x: -x, lambda x: x - 120, lambda x: x**3)])


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod", "true_divide"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_division_with_signs_and_zeros(name, dtype):
    expected = agree(lambda t: getattr(t, name)(*pairs(t, dtype, [-7.5, -3.0, -0.0, 0.0, 2.0, 7.5, INF, -INF, NAN])))
    assert not isinstance(expected, Raised)


# -------------------------------------------------------------------------------------------------- NaN and infinities

WITH_NAN = [
    "x.max(), x.min(), x.amax(), x.amin(), x.argmax(), x.argmin()", "x.max(0), x.min(0), x.cummax(0), x.cummin(0)", "x.sort().values, x.sort(descending=True).values, x.topk(5).values",
    "x.median(), x.nanmedian(), x.kthvalue(3).values", "x.clamp(-1, 1), x.clamp(min=0), x.clamp(max=t.tensor(2.0, dtype=x.dtype))", "x.unique(), x.sum(), x.nansum(), x.prod(), x.mean()",
    "x.isnan(), x.isinf(), x.isfinite(), x.sign(), x.signbit(), x.abs()", "x.relu(), x.sigmoid(), x.tanh(), x.exp(), x.log(), x.sqrt(), x.erf()", "x.softmax(0), x.log_softmax(0), x.logsumexp(0)",
    "x.nan_to_num(), x.nan_to_num(1.0, 2.0, 3.0)", "x.floor(), x.ceil(), x.round(), x.trunc(), x.frac()", "(x == x), (x != x), (x < 1), (x >= 0)", "x.any(), x.all(), x.count_nonzero()",
    "x.argsort(), x.cumsum(0), x.cumprod(0), x.std(), x.var()", # PyTorch's gelu(∞) is NaN in its vectorised loop and ∞ in the other
    "t.nn.functional.silu(x), t.nn.functional.softplus(x), t.nn.functional.leaky_relu(x), t.nn.functional.hardtanh(x)",
    "t.nn.functional.max_pool1d(x[None, None], 2), t.nn.functional.avg_pool1d(x[None, None], 2)",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("text", WITH_NAN)
def test_nan_and_infinity(text, dtype):
    for values in (SPECIAL[:7], SPECIAL[:8], [NAN, 1.0, 2.0, NAN, -INF], [-INF] * 5, [INF, INF, 1.0, -1.0, 0.0]):
        agree(lambda t, values=values: eval(text, {"t": t, "x": t.tensor(values, dtype=getattr(t, dtype))}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin", "eq", "lt", "atan2", "copysign", "add", "mul", "true_divide", "logaddexp", "hypot", "pow", "xlogy", "nextafter"])
def test_pairs_of_special_numbers(name, dtype):
    expected = agree(lambda t: getattr(t, name)(*pairs(t, dtype, SPECIAL[:8])))
    assert not isinstance(expected, Raised)


# ---------------------------------------------------------------------------------------------------------- nothing at all

EMPTY = [
    "x.sum(), x.prod(), x.mean(), x.std(), x.var()", "x.sum(0), x.sum(1), x.prod(0), x.mean(0)", "x.max()", "x.max(0)", "x.max(1)", "x.amax(0)", "x.amin(1)", "x.argmax()", "x.argmax(1)", "x.any(), x.all(), x.any(0), x.all(0)",
    "x.logsumexp(0), x.logsumexp(1)", "x.softmax(0), x.softmax(1)", "x.norm(), x.norm(dim=0)", "x.cumsum(0), x.cumprod(1)", "x.sort(1)", "x.topk(0)", "x.median()", "x.unique()", "x.nonzero(), x[x > 0]", "x.T @ x", "x @ x.T", "t.cat([x, x])",
    "t.nn.functional.mse_loss(x, x)", "t.nn.functional.cross_entropy(x, t.empty(0, dtype=t.long))", "t.nn.functional.linear(x, t.ones(4, 3))", "x.mode()", "x.quantile(0.5)", "x.std(0), x.var(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", EMPTY)
def test_nothing_to_reduce(text):
    agree(lambda t: eval(text, {"t": t, "x": t.empty(0, 3)}))


# --------------------------------------------------------------------------------------------------------------- casts


@pytest.mark.parametrize("source", ["float32", "float64", "int64", "int32"])
@pytest.mark.parametrize("target", [*INTEGERS, *FLOATS, "bool"])
def test_casts_that_pytorch_defines(source, target):
    """Integers wrap, reals round to the nearest or to infinity; what a real too large for an integer becomes is left open."""
    values = [0, 1, -1, 127, 128, 255, 256, -129, 65504, 65520, 70000, 2**31 - 1] if source.startswith("int") or not target.startswith(("int", "uint")) else [0.0, 0.5, -0.5, 1.99, -1.99, 100.0, 126.9]
    if target == "uint8" and source.startswith("float"):
        values = [v for v in values if v >= 0]
    agree(lambda t: t.tensor(values, dtype=getattr(t, source)).to(getattr(t, target)))


# -------------------------------------------------------------------------------------------------------- narrow types

NARROW = [
    "x + y, x - y, x * y, x / y", "x.exp(), x.log1p(), x.sqrt(), x.tanh(), x.sigmoid(), x.erf()", "x.sum(), x.sum(0), x.mean(1), x.prod(1)", "x @ y.T", "x.softmax(1), x.log_softmax(0)", "x.cumsum(0)",
    "t.nn.functional.gelu(x), t.nn.functional.silu(x), t.nn.functional.softplus(x)", "t.nn.functional.layer_norm(x, (8,))", "t.nn.functional.mse_loss(x, y), t.nn.functional.cross_entropy(x, t.arange(6))", "x.std(), x.var(0), x.norm()",
    "x.max(0).values, x.sort(1).values, x.argmax(1)", "t.lerp(x, y, 0.3), t.addcmul(x, x, y, value=0.5), t.addcdiv(x, x, y + 3)", "x ** 2, x.abs() ** 0.5, x.clamp(-0.5, 0.5)",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("text", NARROW)
def test_narrow_types_to_their_rounding(text, dtype):
    """To one unit in the last place: both compute in float32 and round once, and may differ where that is a near tie."""
    numbers = numpy.random.default_rng(1).normal(size=(2, 6, 8)).astype("float32")

    def program(t):
        x, y = [t.from_numpy(n.copy()).to(getattr(t, dtype)) for n in numbers]
        return eval(text, {"t": t, "x": x, "y": y})

    unit = 2.0 ** (-10 if dtype == "float16" else -7)
    agree(program, {dtype: (1.01 * unit, unit * 2**-6)})


# ------------------------------------------------------------------------------------------------ sums and exponentials


@pytest.mark.parametrize("text", ["x.sum()", "x.mean()", "x.sum(0)", "x.sum(1)", "x.T.sum(1)", "x.var()", "x.std(1)", "x.norm()", "x.reshape(-1).cumsum(0)[-1]", "x.logsumexp(0)"])
def test_reductions_are_as_accurate_as_pytorch_s(text):
    """In float32, against the same in float64: at most twice PyTorch's error, or two units in the last place."""
    numbers = numpy.random.default_rng(2).uniform(0.5, 1.5, (1000, 300)).astype("float32")
    exact = eval(text, {"x": torch.from_numpy(numbers).double()}).numpy()
    theirs, ours = [numpy.abs(eval(text, {"x": t.from_numpy(numbers)}).double().numpy() - exact).max() for t in (torch, minitorch)]
    assert ours <= max(2 * theirs, 2 * 2.0**-23 * numpy.abs(exact).max())


@pytest.mark.parametrize("text", [
    "x.softmax(1)", "x.log_softmax(1)", "x.logsumexp(1)", "t.nn.functional.cross_entropy(x, y)", "t.nn.functional.binary_cross_entropy_with_logits(x, (x > 0).float())", "t.nn.functional.softplus(x)", "t.nn.functional.logsigmoid(x)",
    "t.nn.functional.kl_div(x.log_softmax(1), x.softmax(1).detach(), reduction='batchmean')", "x.sigmoid()", "x.tanh()", "t.logaddexp(x, x.flip(1))", "t.nn.functional.gumbel_softmax(x, tau=0.5)", "x.logcumsumexp(1)",
])  # fmt: skip
def test_logits_of_ten_thousand(text):
    def program(t):
        t.manual_seed(0)
        x = (t.arange(-6.0, 6.0).reshape(3, 4) * 2000).requires_grad_()
        value = eval(text, {"t": t, "x": x, "y": t.tensor([0, 3, 1])})
        value.sum().backward()
        return value, x.grad

    expected = agree(program)
    assert not isinstance(expected, Raised) and numpy.isfinite(expected[0].numbers).all()


def test_every_program_here_runs_under_pytorch():
    """A text with a slip raises the same on both sides, and would prove nothing."""
    x, y = torch.randn(6, 8), torch.randn(6, 8)
    for text in NARROW:
        eval(text, {"t": torch, "x": x, "y": y})
    for text in WITH_NAN:
        assert not isinstance(outcome(lambda t, text=text: eval(text, {"t": t, "x": t.tensor(SPECIAL)}), torch)[0], Raised), text
