"""Maxima and means of windows against PyTorch: values, indices, gradients of order one and two, errors."""

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import agree, make, same_first_line

TOLERANCE = {"float64": (1e-10, 1e-12), "float32": (2e-5, 2e-6), "float16": (2e-3, 1e-3), "bfloat16": (1.6e-2, 1e-2)}


def normal(shape, dtype="float64", seed=0):
    return numpy.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def steps(shape, dtype="float64"):
    """Few different numbers, so that maxima are shared."""
    return numpy.random.default_rng([1, *shape]).integers(-2, 2, shape).astype(dtype)


def to_second_order(name, x, options):
    """A program: what comes out, its gradient for a random cotangent, and the gradient of that in the cotangent."""

    def program(lib):
        tensor = make(lib, x, requires_grad=True)
        out = getattr(lib.nn.functional, name)(tensor, **options)
        value = out[0] if isinstance(out, tuple) else out
        g = make(lib, normal(tuple(value.shape), x.dtype, 7), requires_grad=True)
        (first,) = lib.autograd.grad(value, tensor, g, create_graph=True)
        second = lib.autograd.grad(first, g, make(lib, normal(x.shape, x.dtype, 8)))
        return out, first, second

    return program


WINDOWS = [
    (1, (2, 3, 8), {"kernel_size": 2}),
    (1, (3, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    (1, (2, 3, 8), {"kernel_size": (3,), "stride": (1,), "ceil_mode": True}),
    (2, (2, 3, 6, 8), {"kernel_size": 2}),
    (2, (3, 7, 9), {"kernel_size": 2, "ceil_mode": True}),
    (2, (2, 3, 7, 9), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    (2, (2, 3, 7, 9), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    (2, (2, 3, 7, 7), {"kernel_size": 3, "stride": 4, "padding": 1, "ceil_mode": True}),
    (2, (2, 1, 5, 5), {"kernel_size": 2, "stride": 4}),
    (2, (1, 2, 5, 5), {"kernel_size": 5}),
    (2, (1, 2, 4, 4), {"kernel_size": 1}),
    (2, (1, 2, 20, 20), {"kernel_size": 17}),  # more places than a byte counts
    (2, (0, 3, 4, 4), {"kernel_size": 2}),
    (3, (2, 3, 4, 6, 5), {"kernel_size": 2}),
    (3, (3, 5, 6, 5), {"kernel_size": (2, 3, 2), "stride": (1, 2, 2), "padding": (1, 1, 0), "ceil_mode": True}),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("numbers", [normal, steps])
@pytest.mark.parametrize("return_indices", [False, True], ids=["values", "indices"])
@pytest.mark.parametrize("n, shape, options", WINDOWS)
def test_max_pool_agrees_to_second_order(n, shape, options, return_indices, numbers, dtype):
    options = {**options, "return_indices": return_indices}
    agree(to_second_order(f"max_pool{n}d", numbers(shape, dtype), options), TOLERANCE)


@pytest.mark.parametrize("n, shape", [(1, (2, 2, 9)), (2, (2, 2, 9, 8)), (3, (1, 2, 7, 6, 7))])
def test_max_pool_with_holes(n, shape):
    for padding in (0, 1):
        options = {"kernel_size": 3, "stride": 1, "dilation": 2, "padding": padding, "return_indices": True}
        agree(to_second_order(f"max_pool{n}d", steps(shape), options), TOLERANCE)


@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 1, "padding": 1}])
def test_max_of_nan_and_infinity(options):
    x = steps((4, 3, 8, 8))
    x[0, :, ::3, 1::2] = numpy.nan
    x[1, :, :, :5] = -math.inf
    x[2, 0, 4, 4], x[2, 0, 4, 5] = math.inf, numpy.nan
    agree(to_second_order("max_pool2d", x, {**options, "return_indices": True}), TOLERANCE)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8", "float16", "bfloat16"])
@pytest.mark.parametrize("n", [2, 3])
def test_max_of_other_dtypes(n, dtype):
    def program(lib):
        x = make(lib, abs(steps((1, 2, *(6,) * n)))).to(getattr(lib, dtype))
        return getattr(lib.nn.functional, f"max_pool{n}d")(x, 3, 2, 1, return_indices=True)

    agree(program)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("n, shape, options", WINDOWS)
def test_avg_pool_agrees_to_second_order(n, shape, options, count_include_pad, dtype):
    options = {**options, "count_include_pad": count_include_pad}
    agree(to_second_order(f"avg_pool{n}d", normal(shape, dtype), options), TOLERANCE)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("divisor", [3, -2])
def test_another_divisor(n, divisor):
    options = {"kernel_size": 2, "padding": 1, "divisor_override": divisor}
    agree(to_second_order(f"avg_pool{n}d", normal((2, 3, *(5,) * n)), options), TOLERANCE)


@pytest.mark.parametrize("dtype", ["int64", "float16", "bfloat16"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_mean_of_other_dtypes(n, dtype):
    if n == 3 and "float" in dtype:
        pytest.skip("PyTorch has none for volumes")

    def program(lib):
        x = (make(lib, normal((1, 2, *(6,) * n))) * 10).to(getattr(lib, dtype))
        return getattr(lib.nn.functional, f"avg_pool{n}d")(x, 3, 2, 1)

    agree(program, {**TOLERANCE, "float16": (2e-3, 1e-2), "bfloat16": (1.6e-2, 5e-2)})


ADAPTIVE = [
    (1, (2, 3, 8), 4), (1, (3, 7), 3), (1, (2, 3, 5), (7,)),
    (2, (2, 3, 8, 6), 1), (2, (2, 3, 8, 6), (4, 3)), (2, (2, 3, 7, 9), (3, None)), (2, (3, 5, 4), (7, 3)),
    (2, (2, 3, 7, 7), 7), (2, (0, 3, 7, 7), 3), (3, (2, 3, 4, 6, 5), (2, 4, None)), (3, (2, 5, 6, 7), 3),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("n, shape, size", ADAPTIVE)
def test_adaptive_pool_agrees_to_second_order(n, shape, size, kind, dtype):
    numbers = steps if kind == "max" else normal
    options = {"output_size": size} if kind == "avg" else {"output_size": size, "return_indices": True}
    agree(to_second_order(f"adaptive_{kind}_pool{n}d", numbers(shape, dtype), options), TOLERANCE)


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("n, shape, size", [(1, (2, 3, 5), 0), (2, (2, 3, 7, 7), (3, 0)), (2, (0, 3, 8, 8), 2)])
def test_no_windows_at_all(n, shape, size, kind):
    agree(lambda lib: getattr(lib.nn.functional, f"adaptive_{kind}_pool{n}d")(lib.zeros(*shape), size))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive_pool_of_half_types(kind, dtype):
    def program(lib):
        x = make(lib, normal((2, 3, 7, 9)), dtype)
        return getattr(lib.nn.functional, f"adaptive_{kind}_pool2d")(x, (3, 4))

    agree(program, TOLERANCE)


def test_an_infinity_stays_in_its_windows():
    x = normal((1, 1, 7, 7))
    x[0, 0, 0, 0], x[0, 0, 6, 6] = math.inf, numpy.nan
    for size in (3, 7):
        agree(lambda lib, size=size: lib.nn.functional.adaptive_avg_pool2d(make(lib, x), size))
    agree(lambda lib: lib.nn.functional.avg_pool2d(make(lib, x), 2, 1))


def test_inputs_in_any_layout():
    x = normal((4, 6, 5, 3)).transpose(0, 3, 1, 2)[:, :, ::-1][:, :, ::2]
    for name in ("max_pool2d", "avg_pool2d"):
        agree(lambda lib, name=name: getattr(lib.nn.functional, name)(make(lib, x.copy()).transpose(2, 3), 2))


@st.composite
def windows(draw):
    n = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 4)) for _ in range(n)]
    stride = [draw(st.integers(1, 3)) for _ in range(n)]
    padding = [draw(st.integers(0, k // 2)) for k in kernel]
    sizes = [draw(st.integers(k, 8)) for k in kernel]
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)), *sizes)
    return n, shape, {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}


@settings(max_examples=100)
@given(windows())
def test_any_window_agrees_to_second_order(case):
    n, shape, options = case
    agree(to_second_order(f"max_pool{n}d", steps(shape), {**options, "return_indices": True}), TOLERANCE)
    agree(to_second_order(f"avg_pool{n}d", normal(shape), options), TOLERANCE)
    agree(to_second_order(f"avg_pool{n}d", normal(shape), {**options, "count_include_pad": False}), TOLERANCE)


# -------------------------------------------------------------------------------------------------------------- errors

BAD_OPTIONS = [
    {"kernel_size": 2, "padding": 2}, {"kernel_size": 3, "padding": 2}, {"kernel_size": 2, "padding": -1}, {"kernel_size": 0},
    {"kernel_size": 0, "stride": 1}, {"kernel_size": -1, "stride": 1}, {"kernel_size": 2, "stride": 0},
    {"kernel_size": 2, "stride": -1}, {"kernel_size": 9}, {"kernel_size": (2, 2, 2, 2)}, {"kernel_size": 2, "stride": (1, 2, 3, 4)},
    {"kernel_size": 2, "padding": (1, 1, 1, 1)},
]  # fmt: skip
BAD_FOR_MAXIMA = [
    {"kernel_size": 2, "dilation": 0}, {"kernel_size": 2, "dilation": 0, "return_indices": True},
    {"kernel_size": 2, "dilation": (1, 1, 1, 1)}, {"kernel_size": 3, "dilation": 2, "padding": 2},
    {"kernel_size": 2, "padding": 2, "return_indices": True}, {"kernel_size": 9, "return_indices": True},
]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "kind, options", [(kind, o) for kind in ("max", "avg") for o in BAD_OPTIONS] + [("max", o) for o in BAD_FOR_MAXIMA]
)
def test_bad_windows_raise_as_in_pytorch(n, kind, options):
    same_first_line(lambda lib: getattr(lib.nn.functional, f"{kind}_pool{n}d")(lib.ones(1, 4, *(8,) * n), **options))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("shape", ["one", "more", "empty", "no channels", "unbatched without channels"])
def test_bad_inputs_raise_as_in_pytorch(n, kind, shape):
    shape = {
        "one": (3,), "more": (1, 1, *(8,) * (n + 1)), "empty": (1, 3, *(0,) * n), "no channels": (1, 0, *(4,) * n),
        "unbatched without channels": (0, *(4,) * n),
    }[shape]  # fmt: skip
    if (n, kind, len(shape)) == (2, "avg", 1):
        pytest.skip("PyTorch's range of dims is off by one there")
    same_first_line(lambda lib: getattr(lib.nn.functional, f"{kind}_pool{n}d")(lib.ones(*shape), 2))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name, dtype", [("max", "bool"), ("avg", "bool"), ("avg", "int32"), ("max", "complex64")])
def test_dtypes_without_pooling_raise_as_in_pytorch(n, name, dtype):
    def program(lib):
        return getattr(lib.nn.functional, f"{name}_pool{n}d")(lib.ones(1, 2, *(4,) * n).to(getattr(lib, dtype)), 2)

    same_first_line(program)


def test_zero_divisor_raises_as_in_pytorch():
    same_first_line(lambda lib: lib.nn.functional.avg_pool2d(lib.ones(1, 2, 4, 4), 2, divisor_override=0))
    same_first_line(lambda lib: lib.nn.functional.max_pool1d(lib.ones(1, 2, 4).long(), 2))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("case", ["dims", "negative", "many", "empty", "none", "integers"])
def test_bad_adaptive_pools_raise_as_in_pytorch(n, kind, case):
    if case == "none" and n > 1:
        pytest.skip("None keeps the size there")
    good = (1, 3, *(8,) * n)
    shape = {"dims": (3,), "empty": (1, 3, *(8,) * (n - 1), 0)}.get(case, good)
    size = {"negative": -1, "many": (2,) * (n + 1), "none": (None,) * n}.get(case, 3)

    def program(lib):
        x = lib.ones(*shape)
        return getattr(lib.nn.functional, f"adaptive_{kind}_pool{n}d")(x.long() if case == "integers" else x, size)

    same_first_line(program)
