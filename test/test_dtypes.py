"""Which dtype comes of which: all pairs, at all three ranks."""

import copy
import itertools
import operator
import pickle

import numpy
import pytest
import torch
from oracle import Raised, agree

import minitorch

REAL = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
ALL = (*REAL, "complex64", "complex128")
OPERATORS = [
    operator.add,
    operator.mul,
    operator.truediv,
    operator.sub,
    operator.pow,
    operator.floordiv,
    operator.mod,
    operator.lt,
    operator.eq,
    operator.and_,
]
NUMBERS = [True, 2, 2.0, 2j]
by_name = operator.attrgetter("__name__")


def names(program):
    """The dtype's name that ``program(lib)`` comes to; None where PyTorch raises."""
    try:
        expected = str(program(torch).dtype)
    except RuntimeError:
        return None
    try:
        got = str(program(minitorch).dtype)
    except NotImplementedError as error:  # float16 beside complex numbers, which NumPy has none of that size for
        assert "torch.complex32 is not here" in str(error) and expected in ("torch.complex32", "torch.bool")
        return None
    assert expected == got, f"expected {expected}, got {got}"
    return expected


def tensor(t, dtype, shape):
    return t.ones(shape, dtype=getattr(t, dtype))


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("operation", OPERATORS, ids=by_name)
@pytest.mark.parametrize(
    "shapes", [((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())], ids=["n-d n-d", "n-d 0-d", "0-d n-d", "0-d 0-d"]
)
def test_two_tensors(operation, shapes):
    found = [
        names(lambda t, a=a, b=b: operation(tensor(t, a, shapes[0]), tensor(t, b, shapes[1])))
        for a, b in itertools.product(ALL, ALL)
    ]
    assert any(found)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("operation", OPERATORS, ids=by_name)
@pytest.mark.parametrize("shape", [(2,), ()], ids=["n-d", "0-d"])
def test_a_tensor_and_a_number(operation, shape):
    for dtype, number in itertools.product(ALL, NUMBERS):
        names(lambda t, d=dtype, n=number: operation(tensor(t, d, shape), n))
        names(lambda t, d=dtype, n=number: operation(n, tensor(t, d, shape)))


@pytest.mark.parametrize(
    "name",
    [
        "maximum",
        "minimum",
        "atan2",
        "hypot",
        "logical_and",
        "fmod",
        "remainder",
        "ne",
        "gt",
        "bitwise_or",
        "floor_divide",
    ],
)
def test_two_tensors_by_function(name):
    for a, b in itertools.product(REAL, REAL):
        names(lambda t, a=a, b=b: getattr(t, name)(tensor(t, a, (2,)), tensor(t, b, ())))


@pytest.mark.parametrize("name", ["exp", "sqrt", "sigmoid", "sin", "log1p", "reciprocal", "rsqrt", "erf", "abs", "neg", "sign", "floor", "round", "square", "relu", "isnan", "logical_not",
                                  "cumsum", "cumprod", "softmax", "sum", "prod", "amax", "argmax", "any", "all", "logsumexp", "mean", "std", "sort", "median", "max", "norm", "count_nonzero"])  # fmt: skip
def test_one_tensor(name):
    arguments = (0,) if name in ("cumsum", "cumprod", "softmax", "logsumexp") else ()
    for dtype in REAL:

        def program(t, dtype=dtype):
            result = getattr(t, name)(tensor(t, dtype, (2,)), *arguments)
            return result[0] if isinstance(result, tuple) else result

        names(program)


def test_where_lerp_clamp_and_joining():
    for a, b in itertools.product(REAL, REAL):
        names(lambda t, a=a, b=b: t.where(t.tensor([True, False]), tensor(t, a, (2,)), tensor(t, b, ())))
        names(lambda t, a=a, b=b: t.where(t.tensor([True, False]), tensor(t, a, ()), tensor(t, b, (2,))))
        names(lambda t, a=a, b=b: t.cat([tensor(t, a, (2,)), tensor(t, b, (2,))]))
        names(lambda t, a=a, b=b: t.stack([tensor(t, a, (2,)), tensor(t, b, (2,))]))
        names(lambda t, a=a, b=b: t.addcmul(tensor(t, a, (2,)), tensor(t, b, (2,)), tensor(t, b, (2,))))
    for dtype, number in itertools.product(REAL, [0, 1, 1.5]):
        names(lambda t, d=dtype, n=number: tensor(t, d, (2,)).clamp(min=n))
        names(lambda t, d=dtype, n=number: t.where(t.tensor([True, False]), tensor(t, d, (2,)), n))
        names(lambda t, d=dtype, n=number: t.where(t.tensor([True, False]), n, tensor(t, d, ())))


def test_promote_types_and_result_type():
    for a, b in itertools.product(ALL, ALL):
        assert str(torch.promote_types(getattr(torch, a), getattr(torch, b))) == str(
            minitorch.promote_types(getattr(minitorch, a), getattr(minitorch, b))
        )
    for a, b, s, u in itertools.product(REAL, REAL, [(2,), ()], [(2,), ()]):
        assert str(torch.result_type(tensor(torch, a, s), tensor(torch, b, u))) == str(
            minitorch.result_type(tensor(minitorch, a, s), tensor(minitorch, b, u))
        )
    for a, n in itertools.product(REAL, NUMBERS[:3]):
        assert str(torch.result_type(tensor(torch, a, (2,)), n)) == str(
            minitorch.result_type(tensor(minitorch, a, (2,)), n)
        )
        assert str(torch.result_type(n, tensor(torch, a, ()))) == str(
            minitorch.result_type(n, tensor(minitorch, a, ()))
        )


def test_values_of_mixed_arithmetic():
    """Not by way of NumPy's own promotion: the numbers are those of the promoted dtype."""

    def program(t):
        f16, f32, i64, u8, i8 = (
            t.tensor([7.3], dtype=t.float16),
            t.tensor([7.3]),
            t.tensor([2**24 + 1]),
            t.tensor([250], dtype=t.uint8),
            t.tensor([100], dtype=t.int8),
        )
        return [
            f16 + f32,
            f32 * i64,
            u8 + 10,
            u8 + u8,
            i8 + i8,
            u8 - 251,
            i8 * 3,
            u8 + i8,
            f16 * 1e5,
            i64 / 2,
            i64 * 2.5,
            f32 + t.tensor(1e-9, dtype=t.float64),
            u8 + 300,
            -u8,
            ~i8,
            i8 // -3,
            u8 // 7,
            i8 % -7,
        ]

    agree(program)


@pytest.mark.parametrize("name", ["add_", "mul_", "sub_", "div_", "floor_divide_", "remainder_", "pow_", "copy_"])
def test_what_fits_in_place(name):
    for a, b in itertools.product(REAL, REAL):
        if "bool" in (a, b) and name not in ("add_", "mul_", "copy_"):
            continue  # PyTorch has none of these
        if b in ("float16", "bfloat16") and "float" not in a:
            continue  # we compute in float32, and that is what the error names
        agree(lambda t, a=a, b=b: getattr(tensor(t, a, (2,)), name)(tensor(t, b, (2,))))


def test_every_cast():
    for a, b in itertools.product(ALL, ALL):
        if a.startswith("complex") and not b.startswith("complex"):
            continue  # with a warning that differs
        agree(lambda t, a=a, b=b: t.tensor([0, 1, 3], dtype=getattr(t, a)).to(getattr(t, b)))
    agree(lambda t: t.tensor([300.7, -1.5, -300.2, 0.0]).to(t.uint8))
    agree(lambda t: t.tensor([300, -1]).to(t.int8))
    agree(lambda t: t.tensor([0.0, 0.1, float("nan")]).to(t.bool))
    agree(
        lambda t: [
            getattr(t.tensor([1.6, -2.0]), name)()
            for name in ("float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool")
        ]
    )
    agree(lambda t: t.tensor([1.0]).to(t.zeros(1, dtype=t.int32)).dtype)
    agree(lambda t: t.tensor([1.0]).type_as(t.zeros(1, dtype=t.float16)))
    agree(lambda t: [t.zeros(1, dtype=getattr(t, d)).type() for d in REAL])
    agree(lambda t: t.zeros(1).type(t.int64))
    agree(lambda t: t.zeros(1).type("torch.DoubleTensor"))


OUT_OF_RANGE = [float("nan"), float("inf"), -float("inf"), 1e20, -1e20, 3e9 + 257, -3e9 - 1, 2.0**31, 2.0**63, -(2.0**63), 70000.0, 255.9, -1.5, -0.0]


@pytest.mark.parametrize("source", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("target", ["uint8", "int8", "int16", "int32", "int64", "bool"])
def test_floats_that_an_integer_cannot_hold(source, target):
    """As PyTorch on x86 has them, eagerly and compiled."""
    expected = torch.tensor(OUT_OF_RANGE).to(getattr(torch, source)).to(getattr(torch, target)).tolist()
    compiled = minitorch.compile(lambda x: x.to(getattr(minitorch, target)))
    x = minitorch.tensor(OUT_OF_RANGE).to(getattr(minitorch, source))
    assert x.to(getattr(minitorch, target)).tolist() == expected
    assert [compiled(x).tolist() for _ in range(3)] == [expected] * 3


def test_rounding_to_narrow_types():
    numbers = [
        1 + 2**-11,
        1 + 2**-11 + 2**-20,
        65504.0,
        65519.9,
        65520.0,
        1e-8,
        2**-25,
        1 + 2**-8,
        1 + 3 * 2**-8,
        3.4e38,
        -0.0,
    ]
    for dtype in ("float16", "bfloat16"):
        for source in ("float32", "float64"):
            agree(lambda t, d=dtype, s=source: t.tensor(numbers, dtype=getattr(t, s)).to(getattr(t, d)))


def test_narrow_types_sum_in_float32():
    for dtype in ("float16", "bfloat16"):

        def program(t, dtype=dtype):
            x = t.ones(5000, dtype=getattr(t, dtype))
            return (
                x.sum(),
                x.mean(),
                (x * 7).sum(),
                x.reshape(50, 100).sum(0),
                x.var(),
                x.norm(),
                x[:100].cumsum(0)[-1],
                (x[:100] @ x[:100]),
            )

        agree(program)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_float64_is_rounded_twice(dtype):
    """First to float32, then to the narrow type: so halfway numbers to which a little is added go to the even neighbour."""
    step = {"float16": 2.0**-10, "bfloat16": 2.0**-7}[dtype]
    x = numpy.array([1 + (k + 0.5) * step + side * 2.0**-35 for k in range(20) for side in (-1, 0, 1)])

    def program(t):
        kind = getattr(t, dtype)
        copied = t.zeros(len(x), dtype=kind)
        copied.copy_(t.tensor(x))
        return t.tensor(x).to(kind), t.tensor(x.tolist(), dtype=kind), t.full((2,), float(x[2]), dtype=kind), t.tensor(float(x[2]), dtype=kind), copied

    agree(program)


def test_dtypes_themselves():
    for name in ALL:
        ours, theirs = getattr(minitorch, name), getattr(torch, name)
        assert repr(ours) == repr(theirs)
        for attribute in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
            assert getattr(ours, attribute) == getattr(theirs, attribute), (name, attribute)
        assert (
            repr(ours.to_real()) == repr(theirs.to_real())
            and pickle.loads(pickle.dumps(ours)) is ours
            and copy.deepcopy(ours) is ours
        )
    for alias in ("float", "double", "half", "long", "int", "short", "cfloat", "cdouble"):
        assert repr(getattr(minitorch, alias)) == repr(getattr(torch, alias))


def test_python_s_types_stand_for_dtypes():
    agree(lambda t: [t.zeros(1, dtype=d) for d in (int, float, bool)] + [t.tensor([1, 2], dtype=float), t.arange(3, dtype=float), t.full((1,), 2, dtype=bool), t.ones_like(t.zeros(1), dtype=int)])
    agree(lambda t: [t.tensor([1.5]).to(int), t.tensor([1.5]).to(dtype=bool), t.zeros(1).new_zeros(2, dtype=int), t.linspace(0, 1, 3, dtype=float), t.empty(0, dtype=int), t.tensor([1]).sum(dtype=float)])


def test_limits():
    for name in ("float16", "bfloat16", "float32", "float64"):
        ours, theirs = minitorch.finfo(getattr(minitorch, name)), torch.finfo(getattr(torch, name))
        for attribute in ("eps", "max", "min", "tiny", "smallest_normal", "bits", "resolution", "dtype"):
            assert getattr(ours, attribute) == getattr(theirs, attribute), (name, attribute)
    for name in ("uint8", "int8", "int16", "int32", "int64"):
        ours, theirs = minitorch.iinfo(getattr(minitorch, name)), torch.iinfo(getattr(torch, name))
        assert [ours.min, ours.max, ours.bits, ours.dtype] == [theirs.min, theirs.max, theirs.bits, theirs.dtype]
    assert minitorch.finfo().dtype == torch.finfo().dtype
    for program in (lambda t: t.finfo(t.int64), lambda t: t.iinfo(t.float32)):
        assert isinstance(agree(program), Raised)


def test_the_default_dtype():
    def program(t):
        found = [t.get_default_dtype()]
        try:
            t.set_default_dtype(t.float64)
            found += [
                t.get_default_dtype(),
                t.tensor([1.5]).dtype,
                t.zeros(1).dtype,
                (t.tensor([1]) / 2).dtype,
                t.tensor([1]).exp().dtype,
                (t.tensor([1]) * 2.5).dtype,
                t.tensor(1j).dtype,
            ]
            found += [
                t.arange(3.0).dtype,
                t.linspace(0, 1, 3).dtype,
                t.full((1,), 2.5).dtype,
                t.eye(2).dtype,
                t.get_default_dtype(),
            ]
        finally:
            t.set_default_dtype(t.float32)
        return found

    assert not isinstance(agree(program), Raised)
    assert isinstance(agree(lambda t: t.set_default_dtype(t.int64)), Raised)


ERRORS = [
    lambda t: t.tensor([1]).requires_grad_(), lambda t: t.tensor([True]) - t.tensor([True]), lambda t: -t.tensor([True]), lambda t: t.tensor([1, 2]).mean(),
    lambda t: t.tensor([1]) // 0, lambda t: t.tensor([1]) % t.tensor([0]), lambda t: t.tensor([2]) ** -1, lambda t: t.tensor([1]).std(), lambda t: t.tensor([1.0]) & t.tensor([1.0]),
    lambda t: t.tensor([1.0]) << 1, lambda t: t.zeros(2, 2) @ t.zeros(2, 2, dtype=t.float64), lambda t: t.tensor([1]).add(1, alpha=0.5),
    lambda t: t.tensor([1.0]).numpy().foo, lambda t: t.tensor([1]).norm(),
]  # fmt: skip


@pytest.mark.parametrize("program", ERRORS)
def test_errors_are_pytorch_s(program):
    assert isinstance(agree(program), Raised)
