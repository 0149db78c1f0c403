"""Convolutions, their transposes and windows, against PyTorch: values, gradients of order one and two, errors."""

import warnings

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, make, same_first_line

TOLERANCE = {
    "float64": (1e-9, 1e-10), "float32": (2e-4, 3e-5), "float16": (5e-3, 2e-2), "bfloat16": (1.6e-2, 3e-2),
    "complex64": (2e-4, 3e-5),
}  # fmt: skip


def normal(shape, dtype="float64", seed=0):
    return numpy.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def to_second_order(name, x, weight, bias, options):
    """A program: the value, its gradients for a random cotangent, and the gradients of a random mixture of those."""

    def program(lib):
        inputs = [make(lib, array, requires_grad=True) for array in (x, weight, bias) if array is not None]
        out = getattr(lib.nn.functional, name)(*inputs, **options)
        g = make(lib, normal(tuple(out.shape), out.detach().numpy().dtype, 7), requires_grad=True)
        first = lib.autograd.grad(out, inputs, g, create_graph=True)
        mixture = sum([(d * make(lib, normal(tuple(d.shape), d.detach().numpy().dtype, 8))).sum() for d in first])
        second = lib.autograd.grad(mixture, [*inputs[:2], g])
        return out, first, second

    return program


CONVOLUTIONS = [
    ("conv1d", (2, 3, 9), (4, 3, 3), {}),
    ("conv1d", (3, 9), (4, 3, 2), {"stride": 2, "padding": 1}),
    ("conv1d", (2, 4, 11), (4, 2, 3), {"groups": 2, "dilation": 3, "padding": (2,)}),
    ("conv1d", (2, 2, 3), (1, 2, 3), {}),
    ("conv2d", (2, 3, 6, 7), (4, 3, 3, 3), {}),
    ("conv2d", (3, 6, 7), (4, 3, 3, 3), {"padding": 1}),
    ("conv2d", (2, 3, 6, 7), (4, 3, 3, 2), {"padding": (2, 1), "stride": (2, 1), "dilation": (1, 2)}),
    ("conv2d", (2, 5, 6, 7), (7, 5, 3, 3), {"stride": 2, "padding": 1}),
    ("conv2d", (9, 6, 5, 5), (6, 1, 3, 3), {"groups": 6, "padding": 1}),
    ("conv2d", (2, 4, 5, 5), (8, 1, 2, 2), {"groups": 4, "stride": 2}),
    ("conv2d", (2, 6, 5, 4), (3, 6, 1, 1), {}),
    ("conv2d", (2, 2, 5, 4), (6, 2, 1, 1), {"stride": 3}),
    ("conv2d", (2, 2, 5, 4), (6, 2, 1, 1), {"padding": 1}),  # more padding than the kernel reaches
    ("conv2d", (2, 8, 5, 5), (3, 8, 3, 3), {"padding": 3}),
    ("conv2d", (2, 3, 7, 7), (4, 3, 3, 3), {"padding": "same"}),
    ("conv2d", (2, 3, 7, 7), (4, 3, 3, 5), {"padding": "same", "dilation": (2, 1)}),
    ("conv2d", (2, 3, 7, 7), (4, 3, 3, 3), {"padding": "valid", "stride": (2,)}),
    ("conv2d", (1, 1, 16, 16), (1, 1, 5, 5), {}),
    ("conv3d", (2, 3, 4, 5, 6), (4, 3, 2, 3, 3), {"padding": 1}),
    ("conv3d", (4, 4, 5, 6), (2, 2, 2, 3, 2), {"groups": 2, "stride": (1, 2, 1), "dilation": (2, 1, 1)}),
    ("conv3d", (2, 3, 5, 5, 5), (5, 3, 3, 3, 3), {"stride": 2, "padding": (1, 0, 1)}),
    ("conv_transpose1d", (2, 3, 5), (3, 4, 3), {}),
    ("conv_transpose1d", (3, 5), (3, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (2, 3, 4, 5), (3, 4, 3, 3), {"padding": 1}),
    ("conv_transpose2d", (2, 4, 4, 5), (4, 3, 3, 2), {"stride": (2, 3), "output_padding": (1, 2), "groups": 2}),
    ("conv_transpose2d", (2, 3, 4, 5), (3, 2, 2, 2), {"stride": 2, "dilation": 2, "padding": (1, 0)}),
    ("conv_transpose2d", (2, 3, 4, 5), (3, 2, 3, 3), {"dilation": 3, "output_padding": 2}),
    ("conv_transpose2d", (2, 3, 4, 5), (3, 2, 3, 3), {"dilation": 3, "output_padding": (2, 1), "padding": 1}),
    ("conv_transpose3d", (2, 3, 3, 4, 3), (3, 2, 2, 3, 2), {"stride": 2, "padding": 1}),
    ("conv_transpose3d", (4, 3, 4, 3), (4, 2, 3, 3, 3), {"groups": 2, "output_padding": 1, "stride": 2}),
]


def filters(name, weight, options):
    return weight[1] * options.get("groups", 1) if "transpose" in name else weight[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("with_bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("name, x, weight, options", CONVOLUTIONS)
def test_convolution_agrees_to_second_order(name, x, weight, options, with_bias, dtype):
    bias = normal((filters(name, weight, options),), dtype, 3) if with_bias else None
    agree(to_second_order(name, normal(x, dtype), normal(weight, dtype, 2), bias, options), TOLERANCE)


@pytest.mark.parametrize("kernel, dilation", [((2, 2), 1), ((4, 3), 1), ((2, 4), 3)])
def test_same_padding_of_an_even_kernel_adds_more_after(kernel, dilation):
    x, weight = normal((2, 3, 7, 8)), normal((4, 3, *kernel), seed=2)
    program = to_second_order("conv2d", x, weight, None, {"padding": "same", "dilation": dilation})

    def quiet(lib):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns that it copies the input
            return program(lib)

    agree(quiet, TOLERANCE)


@st.composite
def convolutions(draw):
    n, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 3)) for _ in range(n)]
    dilation = [draw(st.integers(1, 2)) for _ in range(n)]
    stride = [draw(st.integers(1, 3)) for _ in range(n)] if draw(st.booleans()) else [1] * n
    padding = [draw(st.integers(0, 2)) for _ in range(n)]
    sizes = [draw(st.integers(1, 5)) + d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    batch, inner, outer = draw(st.integers(1, 10)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if draw(st.booleans()):
        return f"conv{n}d", (batch, inner * groups, *sizes), (outer * groups, inner, *kernel), options
    options["padding"] = [min(p, d * (k - 1) // 2) for p, k, d in zip(padding, kernel, dilation, strict=True)]
    options["output_padding"] = [draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)]
    return f"conv_transpose{n}d", (batch, inner * groups, *sizes), (inner * groups, outer, *kernel), options


@settings(max_examples=150)
@given(convolutions())
def test_any_convolution_agrees_to_second_order(case):
    name, x, weight, options = case
    bias = normal((filters(name, weight, options),), seed=3)
    agree(to_second_order(name, normal(x), normal(weight, seed=2), bias, options), TOLERANCE)


# ---------------------------------------------------------------------------------------------------- layout and dtypes


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_inputs_in_any_layout(name):
    x = normal((2, 5, 6, 4)).transpose(0, 3, 1, 2)
    weight = normal((3, 3, 4, 4)).transpose(2, 3, 0, 1)[:, :, ::-1].copy()[:, :, ::-1]
    agree(to_second_order(name, x, normal((3, 3, 4, 4)).transpose(2, 3, 0, 1), None, {}), TOLERANCE)
    agree(to_second_order(name, normal((2, 4, 10, 6))[:, :, ::2, 1:], abs(weight), None, {"stride": 2}), TOLERANCE)


@pytest.mark.parametrize(
    "name", ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"])
def test_other_dtypes(name, dtype):
    n = int(name[-2])
    x, weight = normal((2, 4, *(4,) * n)), normal((4, 2, *(2,) * n), seed=2)
    if "int" in dtype:
        x, weight = abs(x * 10).round(), abs(weight * 10).round()  # small integers wrap

    def program(lib):
        inputs = [
            make(lib, array).to(getattr(lib, dtype)) for array in (x, weight, weight[0, 0].reshape(-1)[:1].repeat(4))
        ]
        if "transpose" in name:
            inputs[2] = inputs[2][:1].expand(4)
        return getattr(lib.nn.functional, name)(*inputs, groups=2)

    agree(program, TOLERANCE)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gradients_of_half_types_keep_their_dtype(dtype):
    def program(lib):
        x, weight = make(lib, normal((2, 3, 5, 5)), dtype), make(lib, normal((4, 3, 3, 3)), dtype)
        x.requires_grad_(), weight.requires_grad_()
        lib.nn.functional.conv2d(x, weight, padding=1).sum().backward()
        return x.grad, weight.grad

    agree(program, {**TOLERANCE, "float16": (4e-3, 4e-2), "bfloat16": (3e-2, 3e-1)})


@pytest.mark.parametrize("name, weight", [("conv2d", (4, 3, 3, 3)), ("conv_transpose2d", (3, 4, 3, 3))])
def test_no_images_at_all(name, weight):
    def program(lib):
        x, w, bias = (
            lib.zeros(0, 3, 5, 5).requires_grad_(),
            lib.ones(*weight).requires_grad_(),
            lib.ones(4).requires_grad_(),
        )
        out = getattr(lib.nn.functional, name)(x, w, bias)
        return out, lib.autograd.grad(out.sum(), [x, w, bias])

    agree(program)


def test_infinities_stay_where_they_are():
    x = normal((1, 2, 6, 6))
    x[0, 0, 2, 2], x[0, 1, 4, 4] = numpy.inf, numpy.nan
    agree(lambda lib: lib.nn.functional.conv2d(make(lib, x), make(lib, normal((2, 2, 2, 2))), padding=1), TOLERANCE)


# ------------------------------------------------------------------------------------------------------------- windows

WINDOWS = [
    ((2, 3, 6, 7), {"kernel_size": 2}),
    ((3, 6, 7), {"kernel_size": (3, 2), "padding": 1}),
    ((2, 3, 6, 7), {"kernel_size": 3, "stride": 2, "padding": (1, 2)}),
    ((2, 3, 8, 9), {"kernel_size": (2, 3), "dilation": (3, 2), "stride": (1, 2)}),
    ((1, 1, 5, 5), {"kernel_size": 5}),
    ((2, 2, 3, 3), {"kernel_size": 1, "stride": 2}),
]


@pytest.mark.parametrize("shape, options", WINDOWS)
def test_unfold_and_fold_agree_to_second_order(shape, options):
    def program(lib):
        F = lib.nn.functional
        x = make(lib, normal(shape), requires_grad=True)
        columns = F.unfold(x, **options)
        image = F.fold(columns * columns, shape[-2:], **options)
        (first,) = lib.autograd.grad((image * image).sum(), x, create_graph=True)
        return columns, image, first, lib.autograd.grad(first.sum(), x)

    agree(program, TOLERANCE)


def test_fold_leaves_unfolds_argument_order_and_names():
    agree(lambda lib: lib.nn.functional.unfold(make(lib, normal((1, 2, 9, 9))), (2, 3), 2, 1, 3), TOLERANCE)
    agree(lambda lib: lib.nn.functional.fold(make(lib, normal((2, 4, 9))), (4, 4), 2, 1, 0, 1), TOLERANCE)
    agree(lambda lib: lib.nn.functional.unfold(lib.zeros(0, 2, 4, 4), 2))
    agree(lambda lib: lib.nn.functional.fold(lib.zeros(0, 4, 9), 4, 2))


# -------------------------------------------------------------------------------------------------------------- errors

X, W = (1, 3, 8, 8), (8, 3, 3, 3)
BAD = [
    ("conv2d", (1, 4, 8, 8), W, {}),
    ("conv2d", (4, 8, 8), W, {}),
    ("conv2d", (1, 4, 8, 8), (8, 2, 3, 3), {"groups": 4}),
    ("conv2d", (2, 3), W, {}),
    ("conv2d", (1, 1, 3, 8, 8), W, {}),
    ("conv1d", (2, 3, 4, 5), (3, 3, 3), {}),
    ("conv3d", (2, 3), (3, 3, 3, 3, 3), {}),
    ("conv2d", X, (8, 3, 3), {}),
    ("conv2d", X, (8, 3, 3, 3, 3), {"stride": 2}),
    ("conv1d", (1, 3, 8), (8, 3, 3, 3), {}),
    ("conv1d", (1, 3, 8), (8, 3), {}),
    ("conv2d", (1, 3, 2, 2), W, {}),
    ("conv2d", (1, 3, 1, 2), (8, 3, 4, 4), {"padding": 1}),
    ("conv2d", (1, 3, 4, 4), W, {"dilation": 2}),
    ("conv1d", (1, 3, 2), (8, 3, 3), {}),
    ("conv3d", (1, 3, 2, 2, 9), (8, 3, 3, 3, 3), {}),
    ("conv2d", X, W, {"stride": 0}),
    ("conv2d", X, W, {"stride": -1}),
    ("conv2d", X, W, {"padding": -1}),
    ("conv2d", X, W, {"dilation": 0}),
    ("conv2d", X, W, {"groups": 0}),
    ("conv2d", X, W, {"groups": -1}),
    ("conv2d", (1, 4, 8, 8), (9, 2, 3, 3), {"groups": 2}),
    ("conv2d", (1, 6, 8, 8), (8, 2, 3, 3), {"groups": 3}),
    ("conv2d", X, (0, 3, 3, 3), {}),
    ("conv2d", X, (8, 3, 0, 3), {}),
    ("conv1d", (1, 3, 8), (8, 3, 0), {}),
    ("conv3d", (1, 3, 8, 8, 8), (8, 3, 0, 0, 0), {}),
    ("conv2d", X, W, {"padding": "same", "stride": 2}),
    ("conv2d", X, W, {"padding": "foo"}),
    ("conv2d", X, W, {"stride": (1, 2, 3)}),
    ("conv2d", X, W, {"padding": (1, 1, 1)}),
    ("conv2d", X, W, {"dilation": (1, 1, 1)}),
    ("conv2d", (1, 3, 0, 8), W, {}),
    ("conv2d", (1, 3, 0, 8), W, {"padding": 2}),
    ("conv_transpose2d", (1, 4, 8, 8), (3, 8, 3, 3), {}),
    ("conv_transpose2d", X, (3, 8, 3, 3), {"output_padding": 1}),
    ("conv_transpose1d", (1, 3, 8), (3, 8, 3), {"output_padding": 2}),
    ("conv_transpose3d", (1, 3, 8, 8, 8), (3, 8, 3, 3, 3), {"output_padding": 2}),
    ("conv_transpose2d", X, (3, 8, 3, 3), {"output_padding": -1}),
    ("conv_transpose2d", X, (3, 8, 3, 3), {"output_padding": (1, 1, 1)}),
    ("conv_transpose2d", (3, 8), (3, 8, 3, 3), {}),
    ("conv_transpose2d", (1, 3, 1, 1), (3, 8, 1, 1), {"padding": 2}),
    ("conv_transpose2d", X, (3, 8, 3, 3), {"padding": "same"}),
    ("conv_transpose2d", (1, 4, 8, 8), (4, 3, 3, 3), {"groups": 3}),
    ("conv_transpose2d", (1, 3, 0, 8), (3, 8, 3, 3), {}),
    ("conv_transpose2d", (1, 0, 8, 8), (0, 8, 3, 3), {}),
]


@pytest.mark.parametrize("name, x, weight, options", BAD)
def test_bad_arguments_raise_as_in_pytorch(name, x, weight, options):
    same_first_line(lambda lib: getattr(lib.nn.functional, name)(lib.ones(*x), lib.ones(*weight), **options))


@pytest.mark.parametrize("name, bias", [("conv2d", (7,)), ("conv2d", (3, 1)), ("conv_transpose2d", (7,))])
def test_bad_bias_raises_as_in_pytorch(name, bias):
    same_first_line(lambda lib: getattr(lib.nn.functional, name)(lib.ones(*X), lib.ones(3, 3, 3, 3), lib.ones(*bias)))


@pytest.mark.parametrize(
    "dtypes",
    [
        ("float64", "float32"), ("float32", "float64"), ("float32", "float16"), ("int64", "float32"),
        ("float32", "float32", "float64"), ("float64", "float32", "float32"), ("int64", "float32", "float32"),
        ("bool", "bool"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose3d"])
def test_mixed_dtypes_are_treated_as_in_pytorch(name, dtypes):
    n = int(name[-2])
    shapes = [(1, 3, *(8,) * n), (3, 3, *(3,) * n), (3,)]

    def program(lib):
        inputs = [lib.ones(*shape).to(getattr(lib, dtype)) for shape, dtype in zip(shapes, dtypes, strict=False)]
        return getattr(lib.nn.functional, name)(*inputs)

    assert isinstance(agree(program), Raised) or name == "conv_transpose1d"  # which converts the bias


@pytest.mark.parametrize(
    "shape, options",
    [
        ((3, 8), {"kernel_size": 3}),
        ((1, 3, 2, 2), {"kernel_size": 3}),
        ((1, 3, 2, 2), {"kernel_size": 0}),
        ((1, 3, 8, 8), {"kernel_size": 3, "stride": 0}),
        ((1, 3, 8, 8), {"kernel_size": 3, "dilation": 0}),
        ((1, 3, 8, 8), {"kernel_size": 3, "padding": -1}),
        ((1, 0, 8, 8), {"kernel_size": 3}),
        ((1, 3, 8, 8), {"kernel_size": (3,)}),
    ],
)
def test_bad_unfold_raises_as_in_pytorch(shape, options):
    same_first_line(lambda lib: lib.nn.functional.unfold(lib.zeros(*shape), **options))


@pytest.mark.parametrize(
    "shape, size, options",
    [
        ((1, 28, 36), 8, {}),
        ((1, 27, 35), 8, {}),
        ((1, 1, 27, 35), 8, {}),
        ((1, 27, 36), 1, {}),
        ((1, 27, 36), 8, {"stride": 0}),
    ],
)
def test_bad_fold_raises_as_in_pytorch(shape, size, options):
    same_first_line(lambda lib: lib.nn.functional.fold(lib.zeros(*shape), size, 3, **options))


def test_windows_of_integers_are_not_implemented():
    for program in (
        lambda lib: lib.nn.functional.unfold(lib.zeros(1, 1, 4, 4).long(), 2),
        lambda lib: lib.nn.functional.fold(lib.zeros(1, 4, 9).long(), 4, 2),
    ):
        assert isinstance(agree(program), Raised)
