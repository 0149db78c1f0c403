"""To other types and places, to Python and NumPy, and what is made like a given tensor."""

import pytest
import torch
from oracle import Raised, agree, expression
from samples import integers, reals

import minitorch

X, Y, INTEGERS = reals((2, 3)), reals((3,)), integers((2, 3), -5, 6)

EXPRESSIONS = [
    "x.to(t.float32), x.to('cpu'), x.to(t.device('cpu')), x.to('cpu', t.float32), x.to(i), x.to(dtype=t.int64), x.to(device='cpu', dtype=t.float16), x.to(x) is x, x.to(t.float64) is x, x.to(t.float64, copy=True) is x, i.to(t.float64), x.to(t.float32, non_blocking=True)",
    "x.float(), x.double(), x.half(), x.bfloat16(), x.long(), x.int(), x.short(), x.char(), (x.abs()).byte(), x.bool(), i.float(), i.bool(), i.double(), x.float().double(), x.type(t.float32), x.type_as(i), i.type_as(x), x.cpu() is x, x.double() is x",
    "t.zeros_like(x), t.ones_like(i), t.full_like(x, 2), t.zeros_like(x, dtype=t.int32), t.ones_like(x, requires_grad=True), x.new_zeros(2), x.new_ones((2, 2)), i.new_full((2,), 3), x.new_tensor([1, 2]), x.new_zeros(2, dtype=t.bool), t.full_like(i, 2.0), t.empty_like(x).shape",
    "x.tolist(), i.tolist(), x.sum().item(), i[0, 0].item(), (i > 0).tolist(), x[0, 0].tolist(), float(x.detach()[0, 0]), int(i[0, 0]), bool(i[0, 0]), x.detach().numpy().tolist(), i.numpy().dtype.name, x.numpy(force=True).shape",
    "(z := t.zeros(2, 3), z.copy_(x), z)[-1], (z := t.zeros(2, 3), z.copy_(y), z)[-1], (z := t.zeros(2, 3, dtype=t.int64), z.copy_(x.detach()), z)[-1], (z := t.zeros(2, 3), z.copy_(i > 0), z)[-1], (z := x * 1, z.copy_(y), z.copy_(x * 2), z)[-1]",
    "x.shape, x.size(), x.size(0), x.dim(), x.numel(), x.stride(), x.dtype, str(x.device), x.is_contiguous(), x.t().is_contiguous(), x.element_size(), x.nbytes, x.requires_grad, x.is_leaf, (x * 1).is_leaf",
    "t.Size([2, 3]) == x.shape, x.shape[0], x.shape[-1], x.shape + (1,), tuple(x.shape), list(x.shape), x.shape.numel(), len(x.shape), 3 in x.shape, x.shape == (2, 3), repr(x.shape), x.shape[:1]",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, y=Y, i=INTEGERS))
    assert not isinstance(expected, Raised), expected


ERRORS = ["x.sum(0).item()", "x[:0].item()", "x.numpy()", "x.bfloat16().detach().numpy()", "x.type('foo')", "t.zeros(2).copy_(t.zeros(3))", "t.zeros(2).copy_(t.zeros(3, 2))", "x.to('nowhere')"]


@pytest.mark.parametrize("text", ERRORS[:-2])
def test_errors_are_pytorch_s(text):
    if text != "x.type('foo')":
        assert isinstance(agree(expression(text, x=X, i=INTEGERS)), Raised)


@pytest.mark.parametrize("text", ERRORS[-2:])
def test_errors_of_pytorch_s_type(text):
    kinds = []
    for lib in (torch, minitorch):
        with pytest.raises(Exception) as caught:
            expression(text, x=X, i=INTEGERS)(lib)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_casts_send_gradients_back_in_the_first_dtype():
    for first in ("float64", "float32", "float16", "bfloat16"):
        for second in ("float64", "float32", "float16", "bfloat16"):

            def program(t, first=first, second=second):
                x = t.tensor([1.5, 2.5], dtype=getattr(t, first), requires_grad=True)
                y = x.to(getattr(t, second)) * 3
                (y * y).sum().backward()
                return y, x.grad

            agree(program)
