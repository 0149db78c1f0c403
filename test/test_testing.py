"""assert_close against PyTorch's: what passes, and the words for what doesn't."""

import re

import pytest
from oracle import outcome

import minitorch

TEXTS = """
c(1, 2)
c(x, x + 1)
c(x, x.double())
c(x, x.double(), check_dtype=False)
c([x, 1], [x, 2])
c({'a': x}, {'b': x})
c({'a': [x, {'b': x}]}, {'a': [x, {'b': x + 1}]})
c([x], [x, x])
c(x, x[:2])
c('a', 'a')
c(x, x + 1e-7)
c(x, x + 1, rtol=0.1)
c(x, x + 1, rtol=0.1, atol=2)
c(x, x + 1, msg='hi')
c(x, x + 1, msg=lambda m: 'hi ' + m)
c(x * float('nan'), x * float('nan'))
c(x * float('nan'), x * float('nan'), equal_nan=True)
c(t.tensor(1.), t.tensor(2.))
c(t.tensor(1), t.tensor(2))
c(t.tensor([1, 2]), t.tensor([2, 2]))
c(t.tensor([True]), t.tensor([False]))
c(1.0, 1.0 + 1e-9)
c(1.0, 1)
c(True, False)
c(None, None)
c(None, 1)
c(1j, 2j)
c(x.reshape(1, 3) + 1, x.reshape(1, 3))
c(x.numpy(), x.numpy() + 1)
c(x.t(), x.t())
c(x.half(), x.half() + 0.002)
c(x.bfloat16(), x.bfloat16() * 1.01)
c(x.expand(2, 3), x.expand(2, 3).contiguous(), check_stride=True)
t.testing.assert_allclose(x, x + 1)
t.testing.assert_allclose(x, x)
""".strip().splitlines()


def words(text, lib):
    try:
        eval(text, {"t": lib, "c": lib.testing.assert_close, "x": lib.arange(3.0)})
    except (AssertionError, TypeError, ValueError) as error:
        return type(error).__name__, re.sub("minitorch.engine", "torch", str(error))
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text):
    import torch

    assert words(text, torch) == words(text, minitorch)


def test_random_tensors():
    for dtype in (minitorch.float32, minitorch.int64, minitorch.bool, minitorch.uint8, minitorch.bfloat16):
        made = minitorch.testing.make_tensor(3, 4, dtype=dtype, low=None, noncontiguous=True)
        assert made.shape == (3, 4) and made.dtype is dtype and not made.is_contiguous()
    made = minitorch.testing.make_tensor((50,), dtype=minitorch.int64, low=-1, high=2, exclude_zero=True)
    assert set(made.tolist()) <= {-1, 1}
    assert outcome(lambda t: t.testing.make_tensor(2, dtype=t.float64, requires_grad=True).requires_grad, minitorch)[0] is True
