"""Attention on a GPU, eagerly: in narrow types it is one kernel each way, and its gradients can be differentiated again."""

import numpy
import pytest

import minitorch as torch
from minitorch import replay
from minitorch.autograd import attention
from minitorch.nn import functional as F

SHAPES = {  # q, k, v
    "square": [(2, 3, 40, 16)] * 3, "odd": [(20, 19), (37, 19), (37, 5)], "more queries": [(2, 70, 24), (2, 17, 24), (2, 17, 8)],
}  # fmt: skip


def heads(x):
    """The dims of a batch change places in memory."""
    return x.transpose(-3, -2).contiguous().transpose(-3, -2) if x.ndim > 3 else x


def inputs(shapes, dtype):
    torch.manual_seed(0)
    return [torch.randn(*shape).bfloat16().to(dtype) for shape in shapes]


def with_gradients(causal, *given):
    given = [x.detach().requires_grad_() for x in given]
    out = F.scaled_dot_product_attention(*map(heads, given), is_causal=causal)
    return [x.detach().cpu().double().numpy() for x in (out, *torch.autograd.grad((out.double() ** 2).sum(), given))]


@pytest.mark.parametrize(("name", "causal", "dtype"), [("square", True, "bfloat16"), ("odd", False, "float16"), ("more queries", True, "float16")])
def test_attention_and_its_gradients(name, causal, dtype, device):
    given = inputs(SHAPES[name], getattr(torch, dtype))
    assert attention.has_kernel(*[x.to(device) for x in given])
    expected = with_gradients(causal, *[x.double() for x in given])
    for a, b in zip(expected, with_gradients(causal, *[x.to(device) for x in given]), strict=True):
        assert numpy.abs(a - b).max() <= 2.0**-6 * numpy.abs(a).max()


def test_heads_within_rows_stay_there(device):
    """So nothing is copied to make rows of them again, and the gradients lie as what they are of."""
    length = 20
    rows = torch.randn(2, length, 3 * 24).bfloat16().to(device).requires_grad_()
    q, k, v = [part.view(2, length, 3, 8).transpose(1, 2) for part in rows.split(24, 2)]
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert out.stride() == (length * 24, 8, 24, 1) and out.transpose(1, 2).reshape(2, length, 24).data_ptr() == out.data_ptr()
    gradients = torch.autograd.grad(out.float().square().sum(), (q, k, v), retain_graph=True)
    assert [g.stride() for g in gradients] == [out.stride()] * 3
    (got,) = torch.autograd.grad(out.float().square().sum(), rows)
    wide = rows.detach().cpu().double().requires_grad_()
    q, k, v = [part.view(2, length, 3, 8).transpose(1, 2) for part in wide.split(24, 2)]
    (expected,) = torch.autograd.grad(F.scaled_dot_product_attention(q, k, v, is_causal=True).square().sum(), wide)
    assert (expected - got.cpu().double()).abs().max() <= 2.0**-6 * expected.abs().max()


def test_a_step_goes_back_by_one_function(device, monkeypatch):
    """With autocast's casts, attention and the split of one product in three."""
    monkeypatch.setattr(replay, "known", {})
    monkeypatch.setattr(replay, "WORTH", 2)
    x, w = [t.to(device).requires_grad_() for t in (torch.randn(2, 20, 24), torch.randn(72, 24))]

    def gradients():
        x.grad = w.grad = None
        with torch.autocast("cuda", dtype=torch.bfloat16):
            q, k, v = [part.view(2, 20, 3, 8).transpose(1, 2) for part in F.linear(x, w).split(24, 2)]
            F.scaled_dot_product_attention(q, k, v, is_causal=True).square().mean().backward()
        return x.grad, w.grad

    (first, *rest), ((found,),) = [gradients() for _ in range(4)], [entry.found for entry in replay.known.values()]
    assert found.again and {"casts", "join"}.issubset(found.again.__code__.co_names)
    assert all([torch.equal(a, b) for again in rest for a, b in zip(first, again, strict=True)])


def test_where_there_is_no_kernel(device):
    x, short, wide = [torch.zeros(*shape, dtype=torch.bfloat16, device=device) for shape in ((2, 20, 8), (2, 8, 8), (2, 20, 130))]
    for given in ([x.float()] * 3, [short] * 3, [wide] * 3, (x, x[:1], x[:1]), (x, x, x.float()), (x[:0], x[:0], x[:0])):
        assert not attention.has_kernel(*given)


def test_gradients_of_gradients(device):
    """By the plain rows."""

    def second(x):
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(F.scaled_dot_product_attention(x, x, x).float().sum(), x, create_graph=True)
        return torch.autograd.grad((g.float() ** 2).sum(), x)[0].cpu().double().numpy()

    (x,) = inputs([(20, 8)], torch.bfloat16)
    expected, got = second(x.double()), second(x.to(device))
    assert numpy.abs(expected - got).max() <= 0.05 * numpy.abs(expected).max()
