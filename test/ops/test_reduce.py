"""Sums, means, extremes, scans, norms: over every choice of dims, empty ones and NaN among the numbers."""

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, expression
from samples import integers, reals

import minitorch

X, Y, CUBE = reals((2, 3)), reals((3,), 0.5, 2.0), reals((2, 3, 4))
INTEGERS, MASK = integers((2, 3), -5, 6), integers((2, 3), 0, 2) > 0
SPOTTED = numpy.array([[1.0, numpy.nan, 3.0], [numpy.inf, 2.0, -1.0]])

NAMES = [
    "sum",
    "mean",
    "prod",
    "var",
    "std",
    "amax",
    "amin",
    "max",
    "min",
    "argmax",
    "argmin",
    "any",
    "all",
    "logsumexp",
    "median",
    "norm",
    "nansum",
    "nanmean",
    "count_nonzero",
]
SEVERAL = [
    "sum",
    "mean",
    "var",
    "std",
    "amax",
    "amin",
    "logsumexp",
    "norm",
    "nansum",
    "nanmean",
    "count_nonzero",
    "any",
    "all",
]
NO_KEEPDIM = ("count_nonzero",)


@pytest.mark.parametrize("name", NAMES)
def test_each_reduction(name):
    """Of all, over each dim, with and without keepdim, as function and method."""
    whole = "" if name == "logsumexp" else f"t.{name}(x), x.{name}(), "
    dims = "2" if name == "norm" else None
    for dim in (0, 1, 2, -1):
        argument = f"{dims}, {dim}" if dims else dim
        kept = "" if name in NO_KEEPDIM else f", t.{name}(x, {argument}, True), x.{name}({argument}, keepdim=True)"
        agree(expression(f"({whole}t.{name}(x, {argument}), x.{name}({argument}){kept})", x=CUBE))


@pytest.mark.parametrize("name", SEVERAL)
def test_several_dims(name):
    for dims in ((0, 1), (2, 0), (-1, -2), (1,)) + (((0, 1, 2),) if name != "norm" else ()):
        agree(expression(f"x.{name}(dim={dims})", x=CUBE))
        if name not in NO_KEEPDIM:
            agree(expression(f"x.{name}(dim={dims}, keepdim=True)", x=CUBE))


EXPRESSIONS = [
    "x.sum(dtype=t.float32), i.sum(), i.sum(0), m.sum(), m.sum(0), i.prod(), i.prod(1), m.prod(), i.to(t.uint8).sum(), i.to(t.int8).sum(0), i.sum(dtype=t.float64), x.sum(()), x.sum(dim=[0, 1])",
    "x.mean(dtype=t.float32), i.mean(dtype=t.float64), i.double().mean(0), x.mean((0, 1)), x.mean([])",
    "x.var(0), x.var(unbiased=False), x.var(1, unbiased=False), x.var(0, correction=0), x.var(correction=2), x.var(dim=1, keepdim=True, correction=0), x.var(False), t.var(x, 1, True), t.std(x, dim=(0, 1)), x.std(0, False)",
    "t.var_mean(x), t.var_mean(x, 0), t.std_mean(x, 1, keepdim=True), t.var_mean(x, dim=1, correction=0), t.std_mean(x, (0, 1))",
    "x[:1].var(0), x[0, 0].var(), x[:, :0].var(1), x[:1].std(0), x[:0].var(0), x[:0].mean(0), x[:0].sum(0), x[:0].prod(0), x[:, :0].logsumexp(0), x[:0].logsumexp(0), x[:0].norm(), x[:0].any(), x[:0].all(0)",
    "x.max(), x.max(0), x.max(1, True), x.min(), x.min(dim=1), x.max(dim=0, keepdim=True).indices, t.max(x, 1).values, t.min(x, dim=0), x.amax(), x.amin((0, 1)), i.max(), i.max(0), i.amin(1)",
    "x.max(0)[0] + x.max(0)[1], x.argmax(), x.argmax(0), x.argmax(1, True), x.argmin(dim=0, keepdim=True), i.argmax(), i.argmin(1), (x * 0).argmax(), (x * 0).argmin(0), x.argmax(None)",
    "x.aminmax(), x.aminmax(dim=0), x.aminmax(dim=1, keepdim=True), t.aminmax(x).max",
    "x.median(), x.median(0), x.median(1, True), i.median(), i.median(0), x[0].median(), t.tensor([1.0, 2, 3, 4]).median(), x[0, 0].median()",
    "m.any(), m.all(), m.any(0), m.all(1, True), i.any(), i.all(), x.any(0), i.to(t.uint8).any(), i.to(t.uint8).all(0), t.any(m), t.all(m, dim=1)",
    "x.cumsum(0), x.cumsum(1), x.cumsum(-1), i.cumsum(0), m.cumsum(1), x.cumsum(0, dtype=t.float32), t.cumsum(x, dim=1), x[0, 0].cumsum(0), x.cumprod(0), x.cumprod(1), i.cumprod(0), x[0, 0].cumprod(0), t.cumprod(x, -1)",
    "t.cat([x] * 400, -1).cumsum(0), t.cat([x] * 400, -1).cumprod(-2), t.cat([x] * 400, -1)[:0].cumsum(0)",
    "x.cummax(0), x.cummax(1), x.cummin(0), t.cummin(x, dim=1), i.cummax(1), (x * 0).cummax(1), x.logcumsumexp(0), x.logcumsumexp(1)",
    "x.logsumexp(0), x.logsumexp((0, 1)), x.logsumexp(1, True), (x * 1000).logsumexp(1), (x - float('inf')).detach().logsumexp(0), t.logsumexp(x, -1), i.logsumexp(0)",
    "x.softmax(0), x.softmax(-1), t.softmax(x, 1), (x * 1000).softmax(0), x.softmax(0, dtype=t.float32), x.log_softmax(1), t.log_softmax(x, 0), (x * 1000).log_softmax(1), x[:0].softmax(0), x[0, 0].softmax(0), t.softmax(i, 0, dtype=t.float64)",
    "x.norm(), x.norm(1), x.norm(2, 0), x.norm(dim=1), x.norm(p=3), x.norm(float('inf')), x.norm(float('-inf')), x.norm(0), x.norm(2, (0, 1), True), x.norm('fro'), t.norm(x, dim=0, keepdim=True), x.norm(1, 1), x.norm(float('inf'), 0), t.norm(x, 0.5, 1)",
    "(x * 0).norm(), (x * 0).norm(dim=0), t.dist(x, y), x.dist(y, 1), x.dist(x)",
    "i.nansum(), x.nansum(0), x.nanmean(), x.nanmean(1, True), x.count_nonzero(), i.count_nonzero(0), m.count_nonzero(dim=1), t.count_nonzero(i)",
    "y.sum(0), y.mean(-1), y.prod(0), y.var(), y.amax(0), y.cumsum(0), y.softmax(0), y.sum().sum(), y.sum().sum(0), y.sum().mean(-1), y.sum().prod(0), y.sum().max(0), y.sum().amax(0), y.sum().argmax(0), y.sum().logsumexp(0), y.sum().any(0), y.sum().norm()",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, i=INTEGERS, m=MASK))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "name",
    [
        "sum",
        "mean",
        "prod",
        "amax",
        "amin",
        "max",
        "min",
        "argmax",
        "argmin",
        "median",
        "logsumexp",
        "nansum",
        "nanmean",
        "cummax",
        "cummin",
        "cumsum",
        "sort",
        "norm",
        "any",
        "all",
        "softmax",
    ],
)
def test_nan_and_infinity(name):
    dim = "dim=1" if name in ("norm",) else "1"
    agree(expression(f"x.detach().{name}({dim})", x=SPOTTED))
    if name not in ("logsumexp", "cummax", "cummin", "cumsum", "softmax", "sort"):
        agree(expression(f"x.detach().{name}()", x=SPOTTED))


ERRORS = [
    "x.sum(2)", "x.sum(-3)", "x.mean((0, 0))", "x.sum((0, -2))", "x.max(5)", "i.mean()", "i.std()", "i.var(0)", "x[:0].max()", "x[:0].argmax()", "x[:0].max(0)", "x[:0].amax(0)", "x[:0].argmin(0)", "x[:0].median(0)",
    "x.cumsum(2)", "x.softmax(2)", "x.prod(3)", "x.sum().sum(1)", "x.logsumexp(2)", "x.argmax(4)", "x[:0].amin()", "x.cumprod(-3)", "x.cummax(2)", "x.all(2)", "i.norm()",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, i=INTEGERS)), Raised)


# ---------------------------------------------------------------------------------------------------------- properties


@st.composite
def reduced(draw):
    """A shape, some of its dims in any order, and keepdim."""
    shape = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)))
    dims = draw(
        st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3, unique_by=lambda d: d % len(shape))
    )
    return shape, tuple(dims), draw(st.booleans())


@settings(max_examples=100)
@given(reduced(), st.sampled_from(["sum", "mean", "amax", "amin", "logsumexp", "var", "any", "all"]))
def test_random_dims(what, name):
    shape, dims, keepdim = what
    x = reals(shape)
    agree(expression(f"x.{name}({dims}, keepdim={keepdim})", x=x))


@settings(max_examples=50)
@given(reduced(), st.sampled_from(["max", "min", "argmax", "prod", "cumsum", "cumprod", "softmax", "sort", "median"]))
def test_random_dim(what, name):
    shape, dims, _ = what
    agree(expression(f"x.{name}({dims[0]})", x=reals(shape)))

SHAPES = [(9, 40, 3), (40, 40, 2), (7, 8, 8), (2, 3, 33, 5), (3, 1, 7), (2, 0, 3), (300, 2), (3, 300, 4), (40, 40, 20), (1, 12, 9)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin"])
def test_along_each_dim_of_any_shape(name, shape, dtype):
    """Short rows, and rows beside each other, have ways of their own (backends/numpy.py)."""
    values = numpy.random.default_rng(0).standard_normal(shape).astype(dtype)
    values.flat[::17] = 0.0
    if values.size and name[0] == "a":
        values.flat[5] = numpy.nan
    for turned in (False, True):
        x, y = [library.tensor(values).transpose(0, -1) if turned else library.tensor(values) for library in (minitorch, torch)]
        for dim in range(x.ndim):
            for keepdim in (False, True):
                if x.shape[dim] or name in ("sum", "mean"):
                    found, expected = getattr(x, name)(dim, keepdim).numpy(), getattr(y, name)(dim, keepdim).numpy()
                    numpy.testing.assert_allclose(found, expected, 1e-5, 1e-5, strict=True)
