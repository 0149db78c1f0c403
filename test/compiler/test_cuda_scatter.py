"""Rows added at places that labels name, by a GPU's kernels as plain C++: the right sums, in an order that the labels decide."""

import numpy
import pytest
from cuda_shim import COMPILER, Shim
from ordered_sums import in_chunks
from recorded import Recorded

import minitorch as torch
from minitorch.compiler import Place, build_on
from minitorch.compiler.cuda_scatter import ADDED_ROWS
from minitorch.compiler.graph import Step, Value, evaluate
from minitorch.dtypes import float32, int64
from minitorch.nn import functional as F

if COMPILER is None:
    pytest.skip("g++ compiles the kernels for the CPU, and isn't installed", allow_module_level=True)


def ran(recorded):
    """What a GPU's program leaves in its output; and the program."""
    program, fresh = build_on(Shim(), recorded.graph, recorded.strides, [Place("output", 0)]), recorded.fresh()
    program.call(list(recorded.arrays), fresh)
    return fresh[0], program


SHAPES = {  # labels, rows, columns
    "few": (5, 3, 7), "a chunk": (32, 4, 1), "two": (33, 2, 40), "one row": (200, 1, 3), "rows of several blocks": (150, 9, 300),
    "many rows": (70, 500, 2), "several turns": (2100, 5, 1),
}  # fmt: skip


def step_of(n, rows, columns, dtype, labels):
    """An embedding's gradient for a random one of its result."""

    def make():
        weight, y = torch.zeros(rows, columns, dtype=dtype, requires_grad=True), torch.randn(n, columns).to(dtype)
        return lambda labels, y: torch.autograd.grad(F.embedding(labels, weight), weight, y)[0], (torch.from_numpy(labels), y)

    return Recorded(make)


@pytest.mark.parametrize(("name", "dtype"), [*[(name, "float32") for name in SHAPES], ("two", "float64"), ("rows of several blocks", "bfloat16")])
def test_an_embedding_s_gradient(name, dtype):
    n, rows, columns = SHAPES[name]
    labels = numpy.random.default_rng(1).integers(0, rows, n) ** 2 // max(rows, 1)
    recorded = step_of(n, rows, columns, getattr(torch, dtype), labels)
    got, program = ran(recorded)
    (y,) = [a for a in recorded.arrays if a.shape == (n, columns) and a.dtype.name == dtype]
    assert got.astype("float64").tolist() == in_chunks(labels, y, rows).astype("float64").tolist()
    assert [launch.kernel.steps[0].row for launch in program.kernels].count(ADDED_ROWS) == (3 if n > 32 else 2)
    assert "add_at(&" not in program.source


OTHERS = {
    "on top of others": lambda x, i, y: x.index_put((i,), y, accumulate=True), "along a dim": lambda x, i, y: x.index_add(0, i % 5, y),
    "labels in rows": lambda x, i, y: x.index_put((i.view(3, -1),), y.view(3, -1, *y.shape[1:]), accumulate=True),
    "labels by columns": lambda x, i, y: x.index_put((i.view(3, -1).t(),), y.view(-1, 3, *y.shape[1:]), accumulate=True),
    "rows by columns": lambda x, i, y: x.index_put((i,), y.t().contiguous().t(), accumulate=True),
    "a part of them": lambda x, i, y: x.index_put((i[3:],), y[3:], accumulate=True),
    "the same for all": lambda x, i, y: x.index_put((i[:1].expand(len(i)),), y, accumulate=True),
    "tables in a table": lambda x, i, y: x.view(*x.shape, 1).expand(*x.shape, 2).contiguous().index_put((i,), y[..., None], accumulate=True),
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), [*[(name, "float32") for name in OTHERS], ("on top of others", "bfloat16")])
def test_other_ways_to_add_rows(name, dtype):
    torch.manual_seed(0)
    given = [torch.randn(5, 4).to(getattr(torch, dtype)), torch.randint(-5, 5, (60,)), torch.randn(60, 4).to(getattr(torch, dtype))]
    recorded = Recorded(lambda: (OTHERS[name], given))
    got, _ = ran(recorded)
    expected = OTHERS[name](given[0].double(), given[1], given[2].double())
    difference = (torch.from_numpy(got.astype("float64")) - expected).abs().max()
    assert difference <= (1e-5 if dtype == "float32" else 2.0**-7 * expected.abs().max())


def test_the_interpreter_adds_a_single_number_too():
    step = Step(ADDED_ROWS, (Value((), float32), Value((), int64)), ((5,),), Value((5,), float32))
    assert evaluate(step, [numpy.array(2, "float32"), numpy.array(3)]).tolist() == [0, 0, 0, 2, 0]
