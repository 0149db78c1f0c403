"""Which attention becomes one step, and that nothing else does: eager mode says what the numbers are."""

import math

import pytest

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F


def tensors(*shapes, dtype=torch.float32):
    torch.manual_seed(0)
    return [torch.randn(*shape, dtype=dtype, requires_grad=True) for shape in shapes]


def heads(x, number):
    return x.view(*x.shape[:2], number, -1).transpose(1, 2)


def gpt(x):
    """As every GPT has it: q, k and v are parts of one product, and the heads come together again."""
    q, k, v = [heads(part, 4) for part in x.split(x.shape[-1] // 3, 2)]
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(*x.shape[:2], -1)


def plain(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def grouped(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


def unscaled(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=1.0)


def by_hand(q, k, v):
    return (q @ k.mT / 3).softmax(-1) @ v


def by_hand_causal(q, k, v):
    seen = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    return (q @ k.transpose(-2, -1) * 0.4).masked_fill(~seen, -math.inf).softmax(-1) @ v


def by_hand_above(q, k, v):
    hidden = torch.ones(q.shape[-2], k.shape[-2]).triu(1).bool()
    return (q @ k.transpose(-2, -1)).masked_fill(hidden, -math.inf).softmax(-1) @ v


def negative(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=-0.5)


def watched(q, k, v):
    weights = (q @ k.mT).softmax(-1)
    return weights @ v + weights.amax(-1, keepdim=True)


def triangle_as_mask(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril())


def shifted(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril(3))


def truths(*shape):
    """The same at each call, and other ones in each place; one query, and one row of keys, all False."""
    mask = (torch.arange(math.prod(shape)).reshape(shape) * 7919 % 13) > 4
    mask[..., 0, :] = False
    return mask


def masked(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, truths(q.shape[-2], k.shape[-2]))


def masked_each(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, truths(*q.shape[:-1], k.shape[-2]))


def padded(q, k, v):
    """Keys beyond the ends of their sequences, as most write it."""
    seen = torch.arange(k.shape[-2]) < torch.tensor([11, 17]).view(2, 1, 1, 1)
    return F.scaled_dot_product_attention(q, k, v, seen)


def padded_by_numbers(q, k, v):
    hidden = torch.arange(k.shape[-2]) >= torch.tensor([11, 17]).view(2, 1, 1, 1)
    return F.scaled_dot_product_attention(q, k, v, hidden * -10000.0)


def blind(q, k, v):
    """Two queries see nothing: -infinity is added to all of their scores."""
    hidden = (torch.arange(q.shape[-2]) % 9 == 4).view(-1, 1)
    return F.scaled_dot_product_attention(q, k, v, torch.zeros(q.shape[-2], k.shape[-2]).masked_fill(hidden, -math.inf))


def padded_by_hand(q, k, v):
    seen = torch.arange(k.shape[-2]) < torch.tensor([11, 17]).view(2, 1, 1, 1)
    return (q @ k.mT / 3).masked_fill(seen == 0, -math.inf).softmax(-1) @ v


def nearly_hidden(q, k, v):
    """By a number that is far below, so that a query that sees nothing sees all alike."""
    return (q @ k.mT / 3).masked_fill(truths(q.shape[-2], k.shape[-2]) == 0, -1e9).softmax(-1) @ v


def causal_and_padded(q, k, v):
    seen = torch.arange(k.shape[-2]) < torch.tensor([11, 17]).view(2, 1, 1, 1)
    triangle = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    return (q @ k.mT / 3).masked_fill(~seen, -math.inf).masked_fill(~triangle, -math.inf).softmax(-1) @ v


def linear_biases(q, k, v):
    """A slope for each head.   Press, Smith & Lewis 2021, arXiv:2108.12409"""
    distance = torch.arange(k.shape[-2]) - torch.arange(q.shape[-2]).view(-1, 1)
    slopes = torch.tensor([0.5, 0.25, 0.125]).view(3, 1, 1)
    hidden = torch.ones(q.shape[-2], k.shape[-2]).triu(1).bool()
    return (q @ k.mT * 0.3 + slopes * distance).masked_fill(hidden, -math.inf).softmax(-1) @ v


def dropped(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, dropout_p=0.3)


def dropped_causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, dropout_p=0.3, is_causal=True)


def dropped_masked(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, truths(q.shape[-2], k.shape[-2]), dropout_p=0.3)


def learned(q, k, v):
    """What is added follows from the query, and wants its gradient: the scores' gradient is needed."""
    return F.scaled_dot_product_attention(q, k, v, q.sum(-1, keepdim=True) * k.mT[..., :1, :])


SQUARE = [(2, 3, 20, 8)] * 3
ONE = {  # name: (function, shapes, dtype)
    "GPT": (gpt, [(2, 20, 96)], torch.float32),
    "plain": (plain, [(2, 3, 20, 8), (2, 3, 37, 8), (2, 3, 37, 5)], torch.float32),
    "causal": (causal, [(2, 3, 40, 8), (2, 3, 17, 8), (2, 3, 17, 5)], torch.float64),
    "one matrix": (causal, [(33, 8)] * 3, torch.float32),
    "unscaled": (unscaled, [(3, 20, 8)] * 3, torch.float32),
    "shared keys": (plain, [(2, 3, 20, 8), (1, 1, 20, 8), (1, 1, 20, 8)], torch.float32),
    "grouped": (grouped, [(2, 4, 20, 8), (2, 2, 20, 8), (2, 2, 20, 8)], torch.float32),
    "a negative scale": (negative, SQUARE, torch.float32),
    "by hand": (by_hand, SQUARE, torch.float32),
    "by hand, with a triangle": (by_hand_causal, SQUARE, torch.float32),
    "by hand, with what is above it": (by_hand_above, SQUARE, torch.float32),
    "a triangle as a mask": (triangle_as_mask, SQUARE, torch.float32),
    "another triangle": (shifted, SQUARE, torch.float32),
    "masked": (masked, [(2, 3, 20, 8), (2, 3, 37, 8), (2, 3, 37, 5)], torch.float32),
    "a mask of its own for each": (masked_each, SQUARE, torch.float64),
    "padded": (padded, SQUARE, torch.float32),
    "padded by numbers": (padded_by_numbers, SQUARE, torch.float32),
    "queries that see nothing": (blind, SQUARE, torch.float32),
    "padded by hand": (padded_by_hand, SQUARE, torch.float32),
    "nearly hidden": (nearly_hidden, SQUARE, torch.float32),
    "causal and padded": (causal_and_padded, SQUARE, torch.float32),
    "biases that grow with distance": (linear_biases, SQUARE, torch.float32),
    "dropout": (dropped, SQUARE, torch.float32),
    "dropout, causal": (dropped_causal, [(2, 2, 70, 8), (2, 2, 70, 8), (2, 2, 70, 8)], torch.float32),
    "dropout, masked": (dropped_masked, SQUARE, torch.float32),
}
NONE = {
    "few queries": (plain, [(2, 3, 4, 8), (2, 3, 37, 8), (2, 3, 37, 8)], torch.float32),
    "weights that others read": (watched, SQUARE, torch.float32),
    "what is added is learned": (learned, SQUARE, torch.float32),
}


def step_of(function, inputs):
    """What it makes, and the gradients of all inputs, as one compiled step."""

    def step(*inputs):
        for x in inputs:
            x.grad = None
        out = function(*inputs)
        (out * out.detach().cos()).sum().backward()
        return out, *[x.grad for x in inputs]

    return step


def kernels_of(compiled):
    (program,) = [program for signature in compiled.signatures.values() for program in signature.programs]
    return [kernel for kernel in program.native.plan.kernels if repr(kernel).startswith("attend")]


@pytest.mark.parametrize("name", [*ONE, *NONE])
def test_attention(name):
    function, shapes, dtype = (ONE | NONE)[name]
    inputs = tensors(*shapes, dtype=dtype)
    step = step_of(function, inputs)
    compiled = torch.compile(step)
    for _ in range(3):
        torch.manual_seed(5)
        made = compiled(*inputs)
    torch.manual_seed(5)
    made, expected = [x.clone() for x in made], step(*inputs)
    tolerance = 2e-5 if dtype is torch.float32 else 1e-12
    for a, b in zip(expected, made, strict=True):
        torch.testing.assert_close(b, a, rtol=tolerance, atol=tolerance)
    found = kernels_of(compiled)
    back = [kernel for kernel in found if len(kernel.outputs) == 3]
    assert (len(found), len(back)) == ((2, 1) if name in ONE else (0, 0))


def test_nothing_is_copied_on_the_way_into_the_heads_and_back():
    """The gradients of q, k and v lie within that of the product at once, and what comes out is a row of heads."""
    (x,) = tensors((2, 20, 96))
    weight = torch.randn(32, 8, requires_grad=True)
    compiled = torch.compile(step_of(lambda x, weight: gpt(x * 2) @ weight, (x, weight)))
    for _ in range(3):
        compiled(x, weight)
    (program,) = [program for signature in compiled.signatures.values() for program in signature.programs]
    assert len(program.native.plan.inside) == 3
    assert "copy" not in [step.row.name for kernel in program.native.plan.kernels for step in kernel.steps]


def test_what_comes_out_may_leave_at_once():
    """Heads within rows are an order that only the program sees."""
    q, k, v = tensors(*[(2, 20, 24)] * 3)

    def both(q, k, v):
        out = causal(heads(q, 3), heads(k, 3), heads(v, 3))
        return out, out.transpose(1, 2).reshape(2, 20, 24)

    with torch.no_grad():
        compiled = torch.compile(both)
        for _ in range(3):
            made = compiled(q, k, v)
        for a, b in zip(both(q, k, v), made, strict=True):
            torch.testing.assert_close(b, a)
    assert len(kernels_of(compiled)) == 1


def test_two_of_different_lengths_in_one_program():
    inputs = tensors(*[(2, 3, 20, 32)] * 3, *[(1, 3, 40, 16)] * 3)
    compiled = torch.compile(lambda *x: (plain(*x[:3]), plain(*x[3:])), fullgraph=True)
    with torch.no_grad():
        for _ in range(3):
            made = compiled(*inputs)
        torch.testing.assert_close(made, (plain(*inputs[:3]), plain(*inputs[3:])))
    assert len(kernels_of(compiled)) == 2


def test_a_layer_of_many_heads():
    torch.manual_seed(0)
    layer, x = nn.MultiheadAttention(24, 3, batch_first=True), torch.randn(2, 20, 24)
    step = step_of(lambda x, *_: layer(x, x, x, need_weights=False)[0], ())
    inputs = [x.requires_grad_(), *layer.parameters()]
    expected = [x.clone() for x in step(*inputs)]
    compiled = torch.compile(step)
    for _ in range(3):
        made = compiled(*inputs)
    for a, b in zip(expected, made, strict=True):
        torch.testing.assert_close(b, a, rtol=2e-5, atol=2e-5)
    assert len(kernels_of(compiled)) == 2
