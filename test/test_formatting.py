"""Printing: the same string as PyTorch's, character for character."""

import random

import ml_dtypes
import numpy as np
import pytest
import torch

import minitorch
from minitorch.formatting import format_tensor, get_printoptions, printoptions, set_printoptions

inf, nan = float("inf"), float("nan")

DTYPES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
    "complex64",
    "complex128",
]

SHAPES = [
    (),
    (1,),
    (3,),
    (7,),
    (19,),
    (100,),
    (1001,),
    (2, 3),
    (1, 1, 1),
    (6, 7),
    (5, 40),
    (2, 3, 4),
    (2, 1, 2, 3),
    (40, 40),
    (7, 200),
    (3, 3, 200),
    (8, 8, 8, 8),
    (2000, 1),
    (1, 2000),
    (2, 2, 2, 2, 2),
]

EMPTY = [(0,), (0, 3), (2, 0), (1, 0, 4)]


def to_numpy(t):
    t = t.detach()
    if t.dtype == torch.bfloat16:
        return t.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return t.numpy()


def ours(t, **facts):
    return format_tensor(to_numpy(t), dtype=t.dtype, default_dtype=torch.get_default_dtype(), **facts)


@pytest.fixture(autouse=True)
def fresh_options():
    yield
    for library in (torch.set_printoptions, set_printoptions):
        library(profile="default")


def samples(shape, dtype, seed):
    """Tensors of one shape and dtype: every notation, both signs, and some numbers that aren't finite."""
    generator = torch.Generator().manual_seed(seed)
    dtype = getattr(torch, dtype)

    if not (dtype.is_floating_point or dtype.is_complex):
        for high in (2, 10, 127):
            low = -high if dtype.is_signed and dtype != torch.bool else 0
            yield torch.randint(low, high, shape, generator=generator).to(dtype)
        return

    normal = torch.randn(shape, dtype=torch.complex128 if dtype.is_complex else torch.float64, generator=generator)
    whole = torch.randint(-5, 500, shape, generator=generator).double()
    if dtype.is_complex:
        whole = torch.complex(whole, -whole)
    spread = normal * 10.0 ** torch.randint(-6, 5, shape, generator=generator)
    special = normal.clone()
    for value in (nan, inf, -inf, 0.0, -0.0):
        special[torch.rand(shape, generator=generator) < 0.1] = value

    for values in (normal, normal * 50, whole, whole * 1e6, spread, special, torch.zeros(shape)):
        yield values.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES + EMPTY, ids=str)
def test_prints_as_pytorch_does(shape, dtype):
    for t in samples(shape, dtype, seed=len(shape)):
        assert ours(t) == repr(t)


NASTY = [
    [nan],
    [inf, -inf],
    [nan, 1.0],
    [nan, 0.5],
    [0.0, -0.0],
    [1.0, -0.0],
    [inf, 1.0, 123456.0],
    [1e-5],
    [9.9e-5, 1e-4],
    [1.0, 1000.0],
    [1.0, 1000.1],
    [1.0, 1001.0],
    [1e8],
    [1.00001e8],
    [1e30, 1.0],
    [1e-45],
    [0.99999],
    [99999.99999, 200.0],
    [1e38, 1e-38],
    [1.5, nan, inf],
    [2.0**24 + 1, 1.0],
    [0.1 + 0.2],
    [-1e-10, 0.0],
    [123.456, -0.001, nan],
]


@pytest.mark.parametrize("values", NASTY, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64])
def test_nasty_numbers(values, dtype):
    for shape in [(-1,), (1, -1), (-1, 1)]:
        t = torch.tensor(values, dtype=torch.float64).to(dtype).reshape(shape)
        assert ours(t) == repr(t)
    for value in values:
        t = torch.tensor(value, dtype=torch.float64).to(dtype)
        assert ours(t) == repr(t)


@pytest.mark.parametrize("real", [0.0, -0.0, 1.0, 1.5, 1e-9, nan, -inf])
@pytest.mark.parametrize("imag", [0.0, -0.0, -2.0, 2.25, 1e9, nan, -inf])
def test_complex_numbers(real, imag):
    t = torch.tensor([complex(real, imag), complex(1, 1), complex(-20, 3)], dtype=torch.complex128)
    assert ours(t) == repr(t)
    assert ours(t[0]) == repr(t[0])


@pytest.mark.parametrize("bounds", [torch.iinfo(torch.int64), torch.iinfo(torch.int8)], ids=str)
def test_integer_bounds(bounds):
    t = torch.tensor([bounds.min, bounds.max, 0], dtype=getattr(torch, bounds.dtype))
    assert ours(t) == repr(t)


def test_views():
    t = torch.arange(24.0).reshape(2, 3, 4)
    for view in (t.transpose(0, 2), t[:, 1], t[..., ::2], t.expand(2, 2, 3, 4), torch.randn(60, 90).T):
        assert ours(view) == repr(view)


# ---------------------------------------------------------------------------------------------------------
# What stands after the numbers


def test_a_leaf_that_requires_grad():
    for shape in SHAPES + EMPTY:
        t = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        assert ours(t, requires_grad=True) == repr(t)


def test_grad_fn_stands_before_requires_grad_and_wraps_where_the_line_is_full():
    for n in range(1, 30):
        t = torch.linspace(0, 1, n, requires_grad=True) + 1
        assert ours(t, grad_fn="AddBackward0", requires_grad=True) == repr(t)

        t = (torch.linspace(0, 1, n, requires_grad=True) + 1).half()
        assert ours(t, grad_fn="ToCopyBackward0", requires_grad=True) == repr(t)


def test_the_default_dtype_is_not_mentioned():
    for default in (torch.float64, torch.float16, torch.bfloat16):
        torch.set_default_dtype(default)
        try:
            for dtype in DTYPES:
                for t in (torch.zeros(2, dtype=getattr(torch, dtype)), torch.zeros(0, dtype=getattr(torch, dtype))):
                    assert ours(t) == repr(t)
        finally:
            torch.set_default_dtype(torch.float32)


def test_another_device_is_named_first():
    expected = "tensor([1], device='cuda:0', dtype=torch.int32)"
    assert format_tensor(np.array([1], dtype="int32"), dtype="int32", device="cuda:0") == expected


def test_a_subclass_has_its_own_prefix():
    class Picture(torch.Tensor):
        pass

    t = torch.randn(3, 40).as_subclass(Picture)
    assert ours(t.as_subclass(torch.Tensor), prefix="Picture(") == repr(t)


# ---------------------------------------------------------------------------------------------------------
# Options

OPTIONS = [
    {"precision": 2},
    {"precision": 0},
    {"precision": 8},
    {"threshold": 5},
    {"threshold": 0},
    {"edgeitems": 1},
    {"edgeitems": 0},
    {"edgeitems": 0, "threshold": 2},
    {"edgeitems": 5, "threshold": 3},
    {"linewidth": 20},
    {"linewidth": 200},
    {"profile": "short"},
    {"profile": "full"},
    {"profile": "short", "precision": 6},
    {"sci_mode": True},
    {"sci_mode": False},
    {"sci_mode": True, "precision": 1},
    {"linewidth": 1},
]


@pytest.mark.parametrize("choice", OPTIONS, ids=str)
def test_options(choice):
    torch.set_printoptions(**choice)
    set_printoptions(**choice)
    assert get_printoptions() == torch._tensor_str.get_printoptions()

    for shape in [(), (1,), (12,), (4, 12), (2, 3, 8), (40, 40), (0, 3)]:
        for dtype in ("float32", "complex64", "int64", "bool", "float16"):
            for t in samples(shape, dtype, seed=7):
                assert ours(t) == repr(t)


def test_options_accumulate_but_for_sci_mode():
    for choice in [{"precision": 2}, {"sci_mode": True}, {"linewidth": 40}, {"profile": "short", "sci_mode": False}]:
        torch.set_printoptions(**choice)
        set_printoptions(**choice)
        assert get_printoptions() == torch._tensor_str.get_printoptions()


def test_options_for_a_while():
    with printoptions(precision=1):
        assert ours(torch.tensor([0.25])) == "tensor([0.2])"
    assert ours(torch.tensor([0.25])) == "tensor([0.2500])"

    with pytest.raises(ZeroDivisionError), printoptions(precision=1):
        raise ZeroDivisionError
    assert get_printoptions()["precision"] == 4


def test_many_random_tensors():
    dice = random.Random(0)
    for seed in range(300):
        shape = tuple(dice.choice([1, 1, 2, 3, 7, 12]) for _ in range(dice.randrange(4)))
        t = dice.choice(list(samples(shape, dice.choice(DTYPES), seed)))
        assert ours(t) == repr(t)


# ---------------------------------------------------------------------------------------------------------
# Tensors

PROGRAMS = [
    "t.tensor([1.5, 2.0])", "t.tensor(3)", "t.tensor([[True, False]])", "t.tensor([1 + 2j])", "t.zeros(0, 3)",
    "t.tensor([0.1, 1e-7], dtype=t.float64)", "t.ones(2, 3, dtype=t.bfloat16)", "t.arange(2000)", "t.arange(12).view(3, 4).T",
    "t.ones(3, requires_grad=True)", "t.ones(3, requires_grad=True) + 1", "t.ones(3, requires_grad=True).exp().sum()",
    "t.ones(3, requires_grad=True).detach()", "t.nn.Parameter(t.ones(2, 2))", "t.nn.Parameter(t.zeros(0))",
    "f'{t.tensor(2.5)}'", "f'{t.tensor(2.5):.3f}'", "f'{t.tensor([2.5])}'", "str(t.tensor([7], dtype=t.uint8))",
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_tensors_print_as_pytorch_s_do(program):
    assert repr(eval(program, {"t": minitorch})) == repr(eval(program, {"t": torch}))
