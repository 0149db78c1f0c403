"""What a program keeps in memory, and for how long: packing, order, and what is laid down anew where it is needed again."""

import random
import sys
from unittest.mock import patch

import numpy as np
import pytest
from writing import Writing

import minitorch as torch
from minitorch import primitives as rows
from minitorch.compiler import Place, build
from minitorch.compiler.graph import Value, run
from minitorch.compiler.plan import Block, packed
from minitorch.dtypes import float32


def right(graph, destinations):
    """The program of a graph, once it has been seen to make what the graph says."""
    arrays = [np.random.default_rng(k).standard_normal(x.shape).astype("float32") for k, x in enumerate(graph.inputs)]
    program, expected = build(graph, {}, destinations), run(graph, arrays)
    made = [np.full(x.shape, 77, "float32") for x, d in zip(graph.outputs, destinations) if d.kind == "output"]
    given = [x.copy() for x in arrays]
    program.call(given, made)
    for value, place in zip(expected, destinations, strict=True):
        np.testing.assert_allclose((made if place.kind == "output" else given)[place.at], value, rtol=2e-4, atol=2e-4)
    return program


# ---------------------------------------------------------------------------------------------------------------- packing


@pytest.mark.parametrize("seed", range(20))
def test_blocks_that_live_at_the_same_time_lie_apart(seed):
    source = random.Random(seed)
    blocks = []
    for _ in range(source.choice([1, 5, 40])):
        first = source.randrange(30)
        blocks.append(Block(Value((source.choice([1, 16, 300, 5000]),), float32), first, first + source.randrange(12)))
    starts, size = packed(blocks)
    for k, a in enumerate(blocks):
        assert starts[a] % 64 == 0 and 0 <= starts[a] <= size - a.size
        for b in blocks[:k]:
            together = a.first <= b.last and b.first <= a.last
            assert not together or starts[a] + a.size <= starts[b] or starts[b] + b.size <= starts[a]
    most = max([sum([b.size for b in blocks if b.first <= k <= b.last]) for k in range(50)])
    assert most <= size <= 1.5 * most


# ------------------------------------------------------------------------------------------------------------------ order


def test_who_reads_a_parameter_runs_before_it_is_written():
    """The new bias is ready early, but a later product still reads the old one: nothing is copied."""
    w = Writing((64, 64), (64,))
    x, bias = w.given
    updated = w.step(rows.sub, (bias, w.step(rows.sum, (x,), (64,), (0,), False)), (64,))
    out = w.step(rows.mul, (w.step(rows.matmul, (x, x), (64, 64)), bias), (64, 64))
    program = right(w.graph(updated, out), [Place("input", 1), Place("output", 0)])
    assert "copy" not in [step.row.name for kernel in program.plan.kernels for step in kernel.steps]


# -------------------------------------------------------------------------------------------------------------- laid anew


def layer(width):
    """y = tanh(h / 2) h of h = x + b, a product of it, and the way back: y is read again, by another product."""
    w = Writing((64, width), (width,), (width, width))
    x, bias, weight = w.given
    h = w.step(rows.add, (x, bias), x.shape)
    y = w.step(rows.mul, (w.step(rows.tanh, (w.step(rows.mul, (h, 0.5), x.shape),), x.shape), h), x.shape)
    slope = w.step(rows.sin, (w.step(rows.matmul, (y, weight), x.shape),), x.shape)
    for _ in range(40):  # what lies between
        slope = w.step(rows.sin, (slope,), x.shape)
    back = w.step(rows.mul, (w.step(rows.matmul, (slope, w.turned(weight)), x.shape), h), x.shape)
    return w.graph(w.step(rows.matmul, (w.turned(y), slope), weight.shape), back)


@pytest.mark.parametrize("width, anew", [(128, True), (16, False)], ids=["large", "small"])
def test_what_is_read_much_later_is_laid_down_anew(width, anew):
    """By the kernel that reads h anyway, and before the product that reads it; but only where memory is worth it."""
    program = right(layer(width), [Place("output", 0), Place("output", 1)])
    tanhs = [k for k in program.plan.kernels if "tanh" in [step.row.name for step in k.steps]]
    assert len(tanhs) == 1 + anew
    with patch.object(sys.modules["minitorch.compiler.recompute"], "LATER", 1 << 30):
        before = build(layer(width), {}, [Place("output", 0), Place("output", 1)]).plan.size
    assert program.plan.size <= before - anew * 64 * width * 4


def gates(kind):
    """s = sigmoid(x), its product, and the way back, which reads s and s (1 - s): as many numbers as a small recurrent layer has."""
    w = Writing((8, 128), (128, 128))
    x, weight = w.given
    s = w.step(rows.sigmoid, (x,), x.shape)
    y = w.step(rows.matmul, (s, weight), x.shape)
    slope = w.step(rows.mul, (s, w.step(kind, (s,), x.shape)), x.shape)
    g = w.step(rows.matmul, (y, weight), x.shape)
    return w.graph(w.step(rows.mul, (g, slope), x.shape), w.step(rows.matmul, (w.turned(s), g), weight.shape))


@pytest.mark.parametrize("kind, kept", [(rows.neg, 3), (rows.tanh, 4)], ids=["quick", "dear"])
def test_few_numbers_are_made_again_if_that_is_quick(kind, kept):
    program = right(gates(kind), [Place("output", 0), Place("output", 1)])
    assert len(program.plan.lives) == kept


# -------------------------------------------------------------------------------------------------------------------- sums


def gradient_of_what_is_shared(times):
    """A sum of products that come one by one, far apart: the gradient of what each step of a sequence reads."""
    w = Writing((64, 64), (64, 64))
    x, weight = w.given
    state, total = x, None
    for _ in range(times):
        for _ in range(6):
            state = w.step(rows.sin, (state,), x.shape)
        term = w.step(rows.matmul, (w.step(rows.matmul, (state, weight), x.shape), weight), x.shape)
        state = w.step(rows.mul, (term, 0.01), x.shape)
        total = term if total is None else w.step(rows.add, (total, term), x.shape)
    return w.graph(total)


def test_terms_that_come_one_by_one_are_not_kept_until_the_last():
    with patch.object(sys.modules["minitorch.compiler.fuse"], "FAR", 16):
        few, many = [right(gradient_of_what_is_shared(n), [Place("output", 0)]).plan.size for n in (6, 24)]
    assert many == few  # which grew with each term


def test_a_result_that_is_scattered_to_in_turn_is_made_in_its_memory():
    torch.manual_seed(0)

    def function(i, j, y):
        return torch.zeros(300, 8).index_add(0, i, y).index_add(0, j, y * 2)

    compiled = torch.compile(function)
    given = [torch.randint(0, 300, (5,)), torch.randint(0, 300, (5,)), torch.randn(5, 8)]
    for _ in range(3):
        found = compiled(*given)
    torch.testing.assert_close(found, function(*given))
    ((program,),) = [signature.programs for signature in compiled.signatures.values()]
    assert program.native.plan.size < 300 * 8 * 4  # the arena has no room for the zeros


@pytest.mark.parametrize("dims", [(1,), (0, 1)], ids=["of rows", "of all"])
@pytest.mark.parametrize("early", ["largest", "negative"])
def test_a_total_is_not_stored_over_what_its_kernel_reads_in_a_later_pass(dims, early):
    """``total`` is read for the last time by a kernel whose first results are known passes before that."""
    w = Writing((6, 5), (6, 5), (3, 4, 6, 1))
    x, y, z = w.given
    small = tuple([1 if d in dims else n for d, n in enumerate(x.shape)])
    total = w.step(rows.sum, (x,), small, dims, True)
    found = w.step(rows.amax, (y,), small, dims, True)
    if early == "negative":
        found = w.step(rows.neg, (found,), small)
    less = w.step(rows.exp, (w.step(rows.sub, (y, found), y.shape),), y.shape)
    late = w.step(rows.add, (w.step(rows.sum, (less,), small, dims, True), total), small)
    elsewhere = w.step(rows.add, (z, found), z.shape)
    right(w.graph(late, elsewhere), [Place("output", 0), Place("output", 1)])


def test_branches_that_meet_again_are_one_kernel():
    """Both read the product and neither the other: one way over memory, not two."""
    w = Writing((64, 64))
    (x,) = w.given
    h = w.step(rows.exp, (x,), x.shape)
    product = w.step(rows.matmul, (h, x), x.shape)
    one, two = [w.step(rows.mul, (product, w.step(row, (h,), x.shape)), x.shape) for row in (rows.sin, rows.cos)]
    program = right(w.graph(w.step(rows.add, (one, two), x.shape)), [Place("output", 0)])
    assert [repr(kernel).split()[0] for kernel in program.plan.kernels] == ["loops", "product", "loops"]
