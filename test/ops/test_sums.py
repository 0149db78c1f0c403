"""Sums of a tensor and of products: rounded in narrow dtypes where PyTorch rounds, and nowhere else."""

import numpy
import pytest
from oracle import Raised, agree, expression
from samples import integers, reals

rng = numpy.random.default_rng(0)
ARRAYS = {"m": (6, 6), "n": (6, 6), "k": (6, 6), "b": (3, 6, 6), "c": (3, 6, 6), "v": (6,), "w": (6,)}
ARRAYS = {name: rng.standard_normal(shape) for name, shape in ARRAYS.items()}
FUNCTIONS = ["t.addmm(m, n, k", "t.baddbmm(b, c, b", "t.addbmm(m, b, c", "t.addmv(v, m, w", "t.addr(m, v, w"]
SCALES = ["", ", beta=0.7", ", alpha=0.3", ", beta=0.7, alpha=0.3", ", beta=0, alpha=1.1", ", alpha=2"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_they_round_as_pytorch_does(function, dtype):
    def program(t):
        scope = {name: t.tensor(array.tolist(), dtype=getattr(t, dtype)) for name, array in ARRAYS.items()}
        return [eval(f"{function}{scales})", {"t": t, **scope}) for scales in SCALES]

    # Where two orders of summation differ in float32, float16 may round otherwise; once in a while, and by one place.
    agree(program, {dtype: (0, 0) if dtype == "bfloat16" else (1.1e-3, 1e-3)})


EXPRESSIONS = [
    "t.addmm(v, m, n, beta=0.5, alpha=2), m.addmm(n, k), t.addmv(v, m, w, alpha=3), v.addmv(m, w, beta=2), t.addr(m, v, w, beta=2, alpha=-1), t.addr(v, v, w)",
    "t.baddbmm(m, b, c, alpha=0.5), b.baddbmm(b, c), t.addbmm(v, b, c, beta=3), m.addbmm(b[:0], c[:0]), (m * 1).addmm_(n, k), (v * 1).addmv_(m, w), (m * 1).addr_(v, w)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    assert not isinstance(agree(expression(text, **ARRAYS)), Raised)


@pytest.mark.parametrize("text", [
    "t.addmv(v, m.half(), w)", "t.addmv(v.float(), m, w)", "t.addmm(m.bfloat16(), n.bfloat16(), k)", "t.addmm(m, n.half(), k)", "t.addmm(m.float(), n, k)", "t.addbmm(m, b, c.float())", "t.addbmm(m.float(), b, c.half())",
    "t.addmv(m, m, w)", "t.addmv(v[:1].expand(7), m, w)", "t.addmv(v, m, w[:1].expand(7))", "t.addmv(v, w, w)", "t.baddbmm(b.float(), b, b)", "t.baddbmm(b, b, b.half())", "t.addr(v, m, w)", "t.addr(i, i, i, alpha=0.5)",
    "t.addbmm(m, b, c[:2])", "t.addbmm(m, b, c[:, :2])", "t.addbmm(m.half(), b.half(), c[:2].half())", "t.addmm(m[:3].half(), n.half(), k.half())",
])  # fmt: skip
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, i=integers((3,), 0, 5), **ARRAYS)), Raised)


def test_gradients_come_in_the_dtype_of_each():
    agree(expression("t.addmm(m.bfloat16(), n.bfloat16(), k.bfloat16()).float()", m=reals((2, 2)), n=reals((2, 2)), k=reals((2, 2))), {"float64": (2e-2, 1e-2), "float32": (2e-2, 1e-2)})
