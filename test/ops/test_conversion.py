"""To other types and to Python; copying into a tensor; new tensors like a given one."""

import itertools

import numpy
import pytest
import torch
from oracle import Raised, agree, expression
from samples import integers, reals, transposed

import minitorch

REAL = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
CASTS = ("float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool")
X, Y, V, TURNED, INTEGERS = (
    reals((2, 3)),
    reals((2, 3), seed=1),
    reals((3,), seed=2),
    transposed((2, 3), -1.0, 1.0),
    integers((2, 3), -5, 6),
)


def a(t, dtype, numbers=(0, 1, 3)):
    return t.tensor(list(numbers), dtype=getattr(t, dtype))


# ------------------------------------------------------------------------------------------------------------------ cast


def test_every_way_to_cast():
    def program(t):
        results = []
        for source, name in itertools.product(REAL, CASTS):
            x = a(t, source)
            cast = getattr(x, name)()
            results += [
                cast,
                x.to(cast.dtype),
                x.to(dtype=cast.dtype),
                x.to("cpu", cast.dtype),
                x.type(cast.dtype),
                x.type_as(cast),
                x.to(cast),
                x.type(cast.type()),
            ]
        return results

    agree(program)


def test_a_cast_to_its_own_type_is_the_tensor_itself():
    def program(t):
        found = []
        for name in REAL:
            x = a(t, name)
            d = x.dtype
            same = [
                x.to(d),
                x.to(dtype=d),
                x.to("cpu"),
                x.to(t.device("cpu")),
                x.to(x),
                x.type(d),
                x.type_as(x),
                x.cpu(),
                x.to(device="cpu", dtype=d),
                x.type(x.type()),
            ]
            copied = [x.to(d, copy=True), x.to("cpu", copy=True), x.to(x, copy=True), x.to(t.complex64)]
            found.append(([y is x for y in same], [y is x or y.data_ptr() == x.data_ptr() for y in copied]))
        return found

    agree(program)


@pytest.mark.parametrize("source", FLOATS)
def test_floats_are_truncated(source):
    numbers = [0.0, -0.0, 0.4, 0.9, 1.5, -0.4, -0.9, -1.5, 2.5, 100.7, -100.7]
    for name in ("int8", "int16", "int32", "int64", "bool"):
        agree(lambda t, n=name: a(t, source, numbers).to(getattr(t, n)))
    agree(lambda t: a(t, source, [0.0, 0.9, 1.5, 100.7, 255.0]).to(t.uint8))
    agree(lambda t: a(t, source, [float("nan"), float("inf"), -float("inf"), 1e-7, 0.0]).bool())


def test_integers_wrap():
    numbers = [0, -1, 127, 128, 255, 256, -128, -129, 32767, 32768, 2**31 - 1, 2**31, 2**32 + 5, 2**62 + 3, -(2**63)]
    for name in ("uint8", "int8", "int16", "int32", "bool"):
        agree(lambda t, n=name: a(t, "int64", numbers).to(getattr(t, n)))
    for name in FLOATS:
        agree(lambda t, n=name: a(t, "int64", numbers).to(getattr(t, n)).double())
    agree(
        lambda t: [
            a(t, "int8", [-1, -128]).to(t.uint8),
            a(t, "uint8", [200]).char(),
            a(t, "int16", [-300]).byte(),
            a(t, "int32", [70000]).short(),
        ]
    )


def test_floats_overflow_and_round():
    numbers = [
        65504.0,
        65519.0,
        65520.0,
        1e6,
        -1e6,
        1e39,
        6e-8,
        2e-8,
        1e-45,
        1 + 2**-11,
        1 + 3 * 2**-11,
        1 + 2**-8,
        1 + 3 * 2**-8,
        0.1,
        float("nan"),
        float("inf"),
    ]
    for source, target in itertools.product(("float32", "float64"), FLOATS):
        agree(lambda t, s=source, n=target: a(t, s, numbers).to(getattr(t, n)).double())


EXPRESSIONS = [
    "x.float(), x.half(), x.bfloat16(), x.float().double(), x.long(), x.bool(), x.to(t.float64)", "x.to(t.float32) * x, x.half() + x.float()", "x.type_as(v.float()), x.type(t.float32)",
    "turned.float(), turned.float().stride(), turned.half().is_contiguous(), turned.to(t.float64, copy=True).stride(), x[:, ::2].float().stride(), x[0].expand(4, 3).float().stride()",
    "i.double(), i.float() * x, i.bool(), i.to(x), x.to(i), x.detach().to(i.dtype)", "x.to(t.complex64).dtype, x.to('cpu'), x.cpu(), x.to(x), x.to(t.zeros(1, dtype=t.float32))",
    "x.type(), x.float().type(), i.type(), i.bool().type(), i.byte().type(), x.half().type(), x.bfloat16().type()", "x.to(t.float32, non_blocking=True), x.to('cpu', t.float32, False, True), x.to(t.float32, False, True)",
    "x.double() is x, x.float().requires_grad, x.long().requires_grad, x.float().grad_fn is None",
    # copied into
    "(z := x * 1, z.copy_(y), z)[-1]", "(z := x * 1, z.copy_(v), z)[-1]", "(z := x * 1, z[0].copy_(v), z)[-1]", "(z := x * 1, z[:, 1:].copy_(y[:, :2]), z * z)[-1]", "(z := x.float(), z.copy_(y), z)[-1]",
    "(z := i.clone(), z.copy_(y.detach()), z)[-1]", "(z := i.double(), z.copy_(i), z)[-1]", "(z := t.zeros(2, 3), z.copy_(x), z)[-1]", "(z := i.clone(), z.copy_(i > 0), z)[-1]", "(z := i > 5, z.copy_(i), z)[-1]",
    "(z := turned * 1, z.copy_(x), z, z.stride())[-2:]", "(z := x * 1, z.t().copy_(y.t()), z)[-1]", "(z := x * 1, z.copy_(t.tensor(2.0)), z)[-1]", "(z := t.zeros(2, 3), z.copy_(x, True), z)[-1]",
    "(z := x * 1, z[0, 0:2].copy_(z[0, 1:3].clone()), z)[-1]", "(z := t.arange(5), z.copy_(z), z)[-1]", "(z := x * 1, z.copy_(z * 2) is z, z)[1:]", "(z := t.zeros(2, 2, 3), z.copy_(x), z)[-1]",
    # to Python
    "x.tolist(), i.tolist(), (i > 0).tolist(), x[0, 0].tolist(), x[:0].tolist(), x[0, 0].item(), i[1, 1].item(), (i > 0)[0, 0].item()", "x.detach().half().tolist(), x.detach().bfloat16().tolist(), x.detach().float()[0].tolist()",
    # new ones
    "x.new_zeros(2), x.new_zeros(2, 3), x.new_zeros((2, 3)), x.new_zeros([]), x.new_zeros(t.Size([2])), x.new_zeros(2, dtype=t.int8), x.new_zeros(2, requires_grad=True), i.new_zeros(3)",
    "x.new_ones(2), x.new_ones(2, 3), i.new_ones((2, 3)), i.new_ones(2, dtype=t.bool), x.half().new_ones(2), x.new_ones(0), x.new_ones(2, requires_grad=True)",
    "x.new_full((2,), 3), x.new_full([2, 2], 1.5), i.new_full((2,), 7), i.new_full((2,), 7, dtype=t.float16), (i > 0).new_full((2,), True), x.new_full((), 3), i.new_full((2,), 3.7)",
    "x.new_tensor([1, 2]), x.new_tensor(3), i.new_tensor([1, 2]), i.new_tensor([1, 2], dtype=t.float32), x.new_tensor([[1], [2]], requires_grad=True), x.new_tensor([]), i.new_tensor([1.7, -1.7])",
    "x.new_empty(2).shape, x.new_empty((2, 3)).dtype, i.new_empty(2, dtype=t.float16).dtype, x.new_empty(()).shape, x.new_empty(2, 3).stride()",
    "t.zeros_like(x), t.ones_like(x), t.full_like(x, 2), t.zeros_like(i), t.ones_like(i), t.full_like(i, 3), t.zeros_like(i > 0), t.ones_like(i > 0), t.zeros_like(x[0, 0]), t.zeros_like(x[:0])",
    "t.zeros_like(x, dtype=t.int8), t.ones_like(i, dtype=t.float16), t.full_like(x, 2, dtype=t.int64), t.full_like(i, 2.5, dtype=t.float32), t.zeros_like(x, requires_grad=True), t.full_like(x, 3, requires_grad=True)",
    "[f(turned).stride() for f in (t.zeros_like, t.ones_like, t.empty_like, lambda z: t.full_like(z, 1))], [f(x[:, ::2]).stride() for f in (t.zeros_like, t.empty_like)]",
    "[t.empty_like(z).stride() for z in (t.zeros(2, 3, 4).permute(1, 2, 0), t.zeros(3).expand(2, 3), t.zeros(2, 1, 3).transpose(0, 2), t.zeros(4, 4)[:, 1:3], t.zeros(4, 4).t()[1:3], t.zeros(()))]",
    "t.empty_like(x, dtype=t.int8).dtype, t.empty_like(i, requires_grad=False).dtype, t.empty_like(x, requires_grad=True).requires_grad, t.rand_like(x).shape, t.randn_like(x.float()).dtype",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, v=V, turned=TURNED, i=INTEGERS))
    assert not isinstance(expected, Raised), expected


# ----------------------------------------------------------------------------------------------------------- in all types


def test_numbers_and_arrays_of_every_type():
    def program(t):
        xs = [a(t, name) for name in REAL]
        numbers = [[(y.item(), type(y.item()).__name__) for y in x] for x in xs]
        return numbers, [x.tolist() for x in xs], [x.numpy().dtype.name for x in xs if x.dtype is not t.bfloat16]

    agree(program)


def test_new_tensors_of_every_type():
    def program(t):
        made = []
        for name in REAL:
            x = a(t, name)
            made += [
                x.new_zeros(2),
                x.new_ones(2),
                x.new_full((2,), 1),
                x.new_tensor([0, 1]),
                x.new_empty(2).dtype,
                t.zeros_like(x),
                t.ones_like(x),
                t.full_like(x, 1),
                t.empty_like(x).dtype,
            ]
        return made

    agree(program)


def test_copy_between_all_types():
    for source, target in itertools.product(REAL, REAL):
        agree(lambda t, s=source, d=target: a(t, d, (1, 1, 1)).copy_(a(t, s)))


def test_gradients_come_back_in_the_type_of_the_source():
    for source, target in itertools.product(FLOATS, FLOATS):

        def program(t, source=source, target=target):
            x = a(t, source, (0.5, 1.5, -2.5)).requires_grad_()
            y = a(t, target, (1.0, 2.0, 3.0))
            (x.to(y.dtype) * y).sum().backward()
            z = t.zeros(3, dtype=y.dtype)
            z.copy_(x)
            (z * y).sum().backward()
            return x.grad, z.dtype, z.requires_grad

        agree(program)


def test_memory_is_shared_with_numpy():
    def program(t):
        x = t.zeros(2, 3)
        array = x.numpy()
        array[0, 0] = 5
        x[1, 2] = 7
        y = x.detach()
        y.numpy()[0, 1] = 9
        turned = x.t().numpy()
        turned[2, 0] = -1
        return (
            x,
            array.tolist(),
            turned.strides,
            x.numpy(force=True).ctypes.data == x.data_ptr(),
            x[1:].numpy().tolist(),
        )

    agree(program)


# -------------------------------------------------------------------------------------------------------------- refusals

ERRORS = [
    "x.numpy()", "x.bfloat16().detach().numpy()", "x.item()", "i.item()", "t.zeros(0).item()", "(z := t.zeros(4), z.copy_(x))", "(z := t.zeros(3), z.copy_(x))", "(z := t.zeros(1, 3), z.copy_(x.detach()))",
    "x.copy_(y)", "t.zeros(3).expand(2, 3).copy_(x.detach())", "x[0].copy_(v)", "i.new_zeros(2, requires_grad=True)", "i.new_ones(2, requires_grad=True)", "i.new_full((2,), 1, requires_grad=True)",
    "t.zeros_like(i, requires_grad=True)", "t.empty_like(i, requires_grad=True)", "t.full_like(i, 1, requires_grad=True)", "i.new_tensor([1], requires_grad=True)", "x.long().requires_grad_()",
    "x.new_zeros(-1)", "x.new_empty(2, -3)", "x.new_tensor([[1], [2, 3]])", "x.to('gpu')", "i.new_empty(2, requires_grad=True)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    expected = agree(expression(text, x=X, y=Y, v=V, turned=TURNED, i=INTEGERS))
    assert isinstance(expected, Raised), f"PyTorch raised nothing, it returned {expected}"


@pytest.mark.parametrize(
    "text",
    [
        "x.to(3.5)",
        "x.to([1])",
        "x.to(dtype='float32')",
        "x.type('torch.NoTensor')",
        "x.copy_('a')",
        "x.copy_(None)",
        "t.zeros_like(3)",
        "t.zeros_like([1])",
        "x.type_as(3)",
        "x.new_full(2, 3)",
    ],
)
def test_errors_of_pytorch_s_type(text):
    kinds = []
    for lib in (torch, minitorch):
        with pytest.raises(Exception) as caught:
            expression(text, x=X)(lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_bfloat16_arrays_come_from_numbers_too():
    ours = minitorch.from_numpy(numpy.ones(2, "float32")).bfloat16()
    assert ours.dtype is minitorch.bfloat16 and ours.element_size() == 2 and ours.float().numpy().tolist() == [1.0, 1.0]
