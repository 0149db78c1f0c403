"""``out=``: where the result is written, and where PyTorch refuses to."""

import pytest
from oracle import agree, same_first_line

TEXTS = """
t.add(a, 1, out=b) is b, b
t.masked_select(a, a > 1, out=b), t.gather(a, 0, i, out=b), t.cat([a, a], out=t.empty(0)), t.cat([a, a], dim=0, out=t.empty(6))
t.multinomial(t.tensor([0.0, 1.0]), 1, out=t.empty(1, dtype=t.int64)), t.sort(a, descending=True, out=(b, i)), b, i
""".strip().splitlines()

REFUSED = """
t.masked_select(a, a > 0, out=a)
t.masked_select(a[:2], a[:2] > 0, out=a[1:])
t.masked_select(a > 0, a > 0, out=b)
t.masked_select(a, a > 0, out=b.double())
t.masked_select(a, a > 0, out=b[:1].expand(3))
t.gather(a, 0, i, out=a)
t.gather(a, dim=0, index=i, out=a)
t.gather(a, 0, i, out=b.double())
t.cat([a[:1], a[1:]], out=a)
t.cat([a[:1], b[1:2]], dim=0, out=b[:2])
t.cat((e, a), out=e)
t.multinomial(a + 1, 2, out=b)
t.sort(a, out=(b.double(), i))
t.add(a, a, out=i)
t.exp(a, out='x')
t.add(a, a.clone().requires_grad_(), out=b)
""".strip().splitlines()


def scope(t):
    return {"t": t, "a": t.arange(3.0), "b": t.ones(3), "i": t.tensor([2, 0, 1]), "e": t.empty(0)}


@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text):
    agree(lambda t: (t.manual_seed(0), eval(text, scope(t)))[1:])


@pytest.mark.parametrize("text", REFUSED)
def test_errors_are_pytorch_s(text):
    same_first_line(lambda t: eval(text, scope(t)))
