"""torch.masked: every function against PyTorch's, with masks of every kind."""

import numpy
import pytest
import torch
from oracle import Raised, agree, expression

from minitorch import masked

X = numpy.random.default_rng(0).normal(size=(3, 4))
I = numpy.random.default_rng(1).integers(-5, 5, (3, 4))  # noqa: E741
MASK = numpy.array([[True, False, True, True], [False, False, False, False], [True, True, False, True]])

EXPRESSIONS = [
    "[getattr(t.masked, f)(x, mask=m) for f in ('sum', 'prod', 'amax', 'amin', 'mean', 'norm', 'var', 'std', 'logsumexp')]",
    "[getattr(t.masked, f)(x, 1, keepdim=True, mask=m) for f in ('sum', 'prod', 'amax', 'amin', 'norm', 'logsumexp', 'median')]",
    "[getattr(t.masked, f)(x, dim=(0, 1)) for f in ('sum', 'prod', 'amax', 'amin', 'mean', 'norm', 'var', 'std', 'logsumexp')]",
    "[getattr(t.masked, f)(x[::2], 1, mask=m[0]) for f in ('softmax', 'log_softmax', 'softmin', 'cumsum', 'cumprod', 'median', 'mean')]",
    "[getattr(t.masked, f)(i, 0, mask=m) for f in ('sum', 'prod', 'cumsum', 'cumprod', 'amax', 'amin', 'argmax', 'argmin', 'var', 'std')]",
    "t.masked.normalize(x, 2.0, 1, mask=m), t.masked.normalize(x, 1.0, 0), t.masked.logaddexp(x, x.flip(0), input_mask=m, other_mask=m.flip(1))",
    "t.masked.var(x, 1, unbiased=False, mask=m[2]), t.masked.std(x, 0, correction=0, mask=m), t.masked.norm(x, float('-inf'), mask=m), t.masked.norm(x, 3, 1)",
    "t.masked.sum(x, dtype=t.float32, mask=m), t.masked.argmax(x, mask=m), t.masked.median(i, 0)",
]  # fmt: skip


def test_its_names_are_pytorch_s():
    assert set(masked.__all__) == set(torch.masked.__all__) - {"MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, x=X, i=I, m=MASK))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize(
    "text",
    ["t.masked.sum(x[0], mask=m)", "t.masked.sum(x, 2)", "t.masked.sum(x, (0, 0))", "t.masked.median(i, 1, mask=m)", "t.masked.amax(x[:0], 0)"],
)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, x=X, i=I, m=MASK)), Raised)
