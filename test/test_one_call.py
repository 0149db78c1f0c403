"""Rows in one call of machine code: NumPy's bits, whatever the numbers, for what they were written for; and nothing for others."""

import sys

import numpy
import pytest
from oracle import make

import minitorch as t
from minitorch.backends import numpy as xp
from minitorch.backends import small
from minitorch.one_call import in_one_call
from minitorch.tape import Listening, written

pytest.importorskip("llvmlite", reason="machine code is made by llvmlite")
entry = pytest.importorskip("minitorch.native.entry")
pytestmark = [
    pytest.mark.skipif(not entry.AVAILABLE, reason="this Python can't be entered by machine code"),
    pytest.mark.skipif(len(small.blas()) < 6, reason="NumPy's BLAS has other names here"),
]

SPECIAL = numpy.array([0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1.0, -1.0, 1e-30, -3e38])

SEQUENCES = {
    "a chain": ([(4, 5)] * 3, lambda x, y, z: [(x * y - z) / (1 + x * x)]),
    "a number beside": ([(3,), ()], lambda x, y: [x * y * 0.1, y + 1]),
    "broadcasting": ([(3, 1), (4,), (2, 3, 4)], lambda x, y, z: [x * y, z - x, z + y]),
    "several results": ([(7,)], lambda x: [x, -x, x * x, x.abs(), x.square().sqrt(), x.reciprocal()]),
    "one result twice": ([(7,)], lambda x: (y := x * 3, [y, y])[1]),
    "rows for speed": ([(5,)] * 3, lambda x, y, z: [x.add(y, alpha=0.3), x.addcmul(y, z, value=-0.5), x.addcdiv(y, z, value=2), x.lerp(y, 0.1), x.lerp(y, 0.9)]),
    "relu's derivative": ([(9,)] * 2, lambda x, y: [x.keep(y)]),
    "views": ([(3, 4), (6, 2)], lambda x, y: [x.t() * 2, y.reshape(3, 4) + x, x.reshape(1, 12).expand(2, 12) * 1.5]),
    "constants": ([(2, 3)], lambda x: [x.new_zeros(2, 3) - x, x.new_ones(3) * x]),
    "a product": ([(5, 7), (7, 6)], lambda x, y: [x @ y]),
    "its gradients": ([(5, 7), (7, 6), (5, 6)], lambda x, y, g: [g @ y.t(), x.t() @ g]),
    "products with turned factors": ([(7, 5), (6, 7)], lambda x, y: [x.t() @ y.t(), (x.t() @ y.t()).t()]),
    "a matrix and a column": ([(5, 7), (7, 1)], lambda x, y: [x @ y]),
    "a row and a matrix": ([(1, 7), (7, 6)], lambda x, y: [x @ y, x @ y * 2]),
    "a column and a row": ([(5, 1), (1, 6)], lambda x, y: [x @ y]),
    "a row and a column": ([(1, 5), (5, 1)], lambda x, y: [x @ y]),
    "turned vectors": ([(7, 1), (6, 7)], lambda x, y: [x.t() @ y.t(), y @ x]),
    "a large product": ([(64, 48), (48, 64)], lambda x, y: [x @ y]),
    "sums of columns": ([(32, 16), (9, 1)], lambda x, y: [x.sum(0), y.sum(0), x.t().sum(0)]),
    "sums of rows": ([(32, 16), (1, 9)], lambda x, y: [x.sum(1), y.sum(1), x.t().sum(1)]),
    "a network": ([(8, 3), (4, 3), (4,), (8, 4)], lambda x, w, b, g: (h := (x @ w.t() + b).abs(), d := g.keep(h) * h, [d.t() @ x, d.sum(0)])[-1]),
}  # fmt: skip

STRANGER = t.ones(3)
REFUSED = {
    "a row without an exact spelling": ([(3,)], lambda x: [x.tanh()]),
    "another dtype": ([(3,)], lambda x: [x.double()]),
    "comparisons": ([(3,)], lambda x: [x > 0]),
    "a matrix with its transpose": ([(3, 4)], lambda x: [x @ x.t()]),
    "a product with one number": ([(3, 1), (1, 1)], lambda x, y: [x @ y]),
    "batches": ([(2, 3, 4), (2, 4, 3)], lambda x, y: [x @ y]),
    "all of a matrix": ([(3, 4)], lambda x: [x.sum()]),
    "a view of what isn't in a row": ([(3, 4)], lambda x: [x.t().reshape(12).view(12) * 2]),
    "nothing": ([(0, 4)], lambda x: [x * 2]),
    "large arrays": ([(5000,)], lambda x: [x * 2]),
    "what isn't known": ([(3,)], lambda x: [x * STRANGER]),
}


def numbers(shapes, seed, char="f"):
    """Arrays of these shapes; with infinities, NaN and zeros among them from seed 3 on."""
    made = []
    for i, shape in enumerate(shapes):
        x = numpy.asarray(numpy.random.default_rng(100 * seed + i).normal(size=shape)).astype(char)
        if seed > 2:
            some = x.reshape(-1)[:: max(1, x.size // len(SPECIAL))][: len(SPECIAL)]
            some[...] = SPECIAL[: len(some)]
        made.append(x)
    return made


def recorded(shapes, function, dtype="float32"):
    """Machine code for a function of tensors, or None; and the tape of it."""
    tensors = [make(t, x, dtype) for x in numbers(shapes, 0)]
    with t.no_grad(), Listening() as steps:
        results = function(*tensors)
    tape = written({f"v{i}": x for i, x in enumerate(tensors)}, steps, results)
    return in_one_call(tensors, (), steps, results), tape, [(x._array.shape, x._array.dtype) for x in results]


def same_bits(expected, got):
    expected = numpy.asarray(expected)
    same = expected.view(f"i{expected.itemsize}") == got.view(f"i{got.itemsize}")
    return expected.shape == got.shape and (same | (numpy.isnan(expected) & numpy.isnan(got))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SEQUENCES)
def test_machine_code_gives_numpy_s_bits(name, dtype):
    shapes, function = SEQUENCES[name]
    run, tape, kinds = recorded(shapes, function, dtype)
    for seed in range(5):
        arrays, made = numbers(shapes, seed, dtype), [numpy.empty(*kind) for kind in kinds]
        assert run(*arrays, *made) is made[-1]
        assert all(map(same_bits, tape(xp, *arrays), made)), seed


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_exact_spelling_is_refused(name):
    assert recorded(*REFUSED[name])[0] is None


def test_other_arrays_than_it_was_written_for_are_refused():
    run, _, _ = recorded([(3, 4), (3, 4)], lambda x, y: [x * y])
    x, out = numpy.ones((3, 4), "float32"), numpy.zeros((3, 4), "float32")
    for other in (
        x[:2], x.T, x.reshape(12), x.astype("float64"), x.astype("int32"), x.astype(">f4"), numpy.ones((3, 8), "float32")[:, ::2],
        numpy.ones((4, 3), "float32").T, x.view(numpy.matrix), numpy.frombuffer(bytes(49), "i1")[1:].view("float32").reshape(3, 4),
        [1.0], None, 1.0,
    ):  # fmt: skip
        assert run(x, other, out) is None and run(other, x, out) is None
    assert run(x, x) is None and run(x, x, out, out) is None and run() is None
    assert not out.any() and run(x, x, out) is out and out.all()


def test_what_is_written_to_must_be_writeable():
    x, y = t.ones(3), t.ones(3)
    with t.no_grad(), Listening() as steps:
        x.add_(y)
    run = in_one_call([x, y], (), steps)
    locked = numpy.ones(3, "float32")
    locked.flags.writeable = False
    assert run(locked, y._array) is None and run(y._array, locked) is locked


def test_nothing_is_held_or_let_go():
    run, _, _ = recorded([(3,)], lambda x: [x * 2])
    x, out, other = numpy.ones(3, "float32"), numpy.empty(3, "float32"), numpy.ones(4, "float32")
    before = [sys.getrefcount(x) for x in (x, out, other, None, True, run)]
    for _ in range(100):
        run(x, out)
        run(other, out)
    assert all([abs(a - sys.getrefcount(x)) < 50 for a, x in zip(before, (x, out, other, None, True, run), strict=True)])
