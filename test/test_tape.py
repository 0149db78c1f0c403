"""Tapes: what is replayed on arrays equals what runs with tensors, to the last bit, for whichever numbers come next."""

import itertools

import numpy
import pytest
from oracle import make
from samples import SAMPLES, UNDERIVED

import minitorch
from minitorch import tape
from minitorch.backends import large, small
from minitorch.backends import numpy as numpy_backend
from minitorch.optim import adagrad, adam, hyperparameters, rmsprop, sgd
from minitorch.primitives import TABLE
from minitorch.tape import BLOCK, taped

ROWS = [row for row in TABLE.values() if row.wants and row.kind not in ("random", "creation", "decomposition", "composite")]


def other_numbers(x, turn):
    """``x`` with other reals, of the same layout; within the samples' own range. Integers and booleans stay."""
    if not isinstance(x, numpy.ndarray) or x.dtype.kind != "f" or turn == 0:
        return x
    base = x if x.base is None else x.base
    weights = numpy.random.default_rng(turn).uniform(0.9, 1.0, x.shape)
    return numpy.asarray(x * weights) if base is x else x


def gradients(row, inputs, params, wanted, dtype, record):
    """By autograd: with tensors if ``record`` (the graph of the gradient is made), else by the tape."""
    x = [
        make(minitorch, v, dtype if v.dtype.kind == "f" else None, bool(wanted >> i & 1))
        if isinstance(v, numpy.ndarray)
        else v
        for i, v in enumerate(inputs)
    ]
    out = minitorch.Tensor._apply(row, x, params)
    if not out.requires_grad:
        return []
    sources = [v for i, v in enumerate(x) if wanted >> i & 1]
    g = make(minitorch, numpy.random.default_rng(0).normal(size=out.shape), dtype)
    return minitorch.autograd.grad(out, sources, g.to(out.dtype), create_graph=record, materialize_grads=True)


def subsets(row, inputs):
    """Every choice of inputs that want a gradient, as sets of bits."""
    wanted = row.wants & ~UNDERIVED.get(row.name, 0)
    able = [
        i for i, x in enumerate(inputs) if wanted >> i & 1 and isinstance(x, numpy.ndarray) and x.dtype.kind == "f"
    ]
    for count in range(1, len(able) + 1):
        for chosen in itertools.combinations(able[:3], min(count, 3)):
            yield sum(1 << i for i in chosen)


def same_bits(expected, got):
    """Equal, zeros with their signs and NaN too."""
    a, b = expected.detach().numpy(), got.detach().numpy()
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and numpy.array_equal(a, b, equal_nan=True)
        and numpy.array_equal(numpy.signbit(a[a == 0]), numpy.signbit(b[b == 0]))
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_replayed_vjp_is_the_vjp(row, dtype):
    """The first call records, those after it replay, with other numbers."""
    row.tapes.clear()
    for inputs, params in SAMPLES[row.name]:
        for wanted in dict.fromkeys(subsets(row, inputs)):
            for turn in range(3):
                numbers = [other_numbers(x, turn) for x in inputs]
                expected = gradients(row, numbers, params, wanted, dtype, record=True)
                got = gradients(row, numbers, params, wanted, dtype, record=False)
                for e, g in zip(expected, got, strict=True):
                    assert same_bits(e, g), f"{row.name} of {numbers}, {params}, turn {turn}: expected {e}, got {g}"


def test_tapes_are_made():
    """What was tested above was replayed, not run again."""
    for name in ("mul", "tanh", "sum", "matmul", "cat", "index", "relu", "linear"):
        row = TABLE[name]
        row.tapes.clear()
        inputs, params = SAMPLES[name][0]
        gradients(row, inputs, params, next(subsets(row, inputs)), "float32", record=False)
        gradients(row, inputs, params, next(subsets(row, inputs)), "float32", record=False)
        assert any(callable(tape) for tape in row.tapes.values()), name


SPECIAL = numpy.array([0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1.0, -1.0, 2.0, 1e-30])


@pytest.mark.parametrize(
    "row",
    [r for r in ROWS if r.kind == "elementwise" and len(r.vjps) == 1 and r.name not in ("cast", "clamp", "keep", "polygamma") and "f" in (r.ready or "f")],
    ids=lambda row: row.name,
)
def test_special_numbers_after_ordinary_ones(row):
    row.tapes.clear()
    gradients(row, [numpy.linspace(0.25, 0.75, len(SPECIAL))], (), 1, "float64", record=False)
    expected = gradients(row, [SPECIAL], (), 1, "float64", record=True)
    assert same_bits(expected[0], gradients(row, [SPECIAL], (), 1, "float64", record=False)[0])


NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 2, 0.5, float("inf"), float("-inf"), float("nan")]


@pytest.mark.parametrize("name", ["mul", "div", "pow", "sub", "maximum"])
def test_each_number_has_its_own_tape(name):
    """0.0 and -0.0 are equal, and not the same."""
    row, x = TABLE[name], numpy.array([1.5, -0.0, 0.0, -2.0])
    row.tapes.clear()
    for number in NUMBERS * 2:
        for inputs, wanted in (([x, number], 1), ([number, x], 2)):
            expected = gradients(row, inputs, (), wanted, "float64", record=True)
            got = gradients(row, inputs, (), wanted, "float64", record=False)
            assert same_bits(expected[0], got[0]), (number, expected[0], got[0])


def test_params_have_their_own_tapes():
    row, x, y = TABLE["add_scaled"], numpy.array([1.0, -1.0]), numpy.array([2.0, 3.0])
    for alpha in (0.5, 0.0, -0.0, 2, 2.0, float("nan")):
        for wanted in (1, 2, 3):
            expected = gradients(row, [x, y], (alpha,), wanted, "float64", record=True)
            got = gradients(row, [x, y], (alpha,), wanted, "float64", record=False)
            assert all(map(same_bits, expected, got)), alpha


def test_a_gradient_comes_back_in_its_own_dtype_whatever_came_before():
    for dtypes in itertools.permutations(["float64", "float32", "float16", "bfloat16"]):
        for dtype in dtypes:
            x = minitorch.ones(2, dtype=getattr(minitorch, dtype), requires_grad=True)
            x.float().sum().backward()
            assert str(x.grad.dtype) == f"torch.{dtype}"


def test_shapes_of_the_same_rank_have_their_own_tapes():
    for shape in ((2, 3), (3, 2), (1, 6), (6, 1), (2, 3)):
        x = minitorch.ones(shape, requires_grad=True)
        (x.sum(0) * minitorch.arange(float(shape[1]))).sum().backward()
        assert x.grad.shape == shape and x.grad.tolist() == [[float(i) for i in range(shape[1])]] * shape[0]


def test_large_temporaries_are_written_over():
    """A large intermediate result may be reused for the next one: what is saved or returned may not."""
    for size in (100, 40_000):
        x = minitorch.linspace(-2, 2, size, dtype=minitorch.float64).requires_grad_()
        y = x.tanh()
        z = y.sigmoid() * y.erf() + y.pow(3) / (y + 4)
        z.sum().backward(retain_graph=True)
        first = x.grad.clone()
        x.grad = None
        z.sum().backward()
        (expected,) = minitorch.autograd.grad(
            (lambda y: y.sigmoid() * y.erf() + y.pow(3) / (y + 4))(x.tanh()).sum(), x, create_graph=True
        )
        assert same_bits(first, x.grad) and same_bits(expected, first)


# ------------------------------------------------------------------------------------------------------------- updates


def momentum(p, g, buffer, rate, factor):
    """A step of gradient descent with momentum, in place."""
    buffer.mul_(factor).add_(g)
    p.add_(buffer, alpha=rate)
    p.mul_((g * 0.5).tanh().abs() + 1)


def runs_alike(shapes, numbers, dtype="float32", layout=lambda x: x):
    """Whether ``momentum`` and its tape do the same, call after call, to the same tensors."""
    plainly, by_tape = [], []
    for steps, function in ((plainly, momentum), (by_tape, taped(momentum))):
        with minitorch.no_grad():
            tensors = [
                layout(make(minitorch, numpy.random.default_rng(i).normal(size=s), dtype)) for i, s in enumerate(shapes)
            ]
            versions = [-1, -1]
            for rate, factor in numbers:
                function(*tensors, rate, factor)
                steps.append([t.clone() for t in tensors])
                assert all(
                    new > old for new, old in zip([tensors[0]._version, tensors[2]._version], versions, strict=True)
                )
                versions = [tensors[0]._version, tensors[2]._version]
    for expected, got in zip(plainly, by_tape, strict=True):
        for e, g in zip(expected, got, strict=True):
            assert same_bits(e.float(), g.float()), (e, g)


RATES = [
    (-0.1, 0.9),
    (-0.2, 0.8),
    (-0.0, 0.5),
    (0.0, 0.0),
    (1.0, -1.0),
    (-0.1, 0.9),
    (float("inf"), 0.25),
    (-0.3, float("nan")),
]


@pytest.mark.parametrize("shape", [(3,), (), (2, 5), (0,), (BLOCK + 7, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_an_update_replayed_is_the_update(shape, dtype):
    runs_alike([shape] * 3, RATES, dtype)


UPDATES = {
    "Adam": (adam.descend, 4, 6), "SGD": (sgd.descend, 2, 1), "SGD with momentum": (sgd.roll, 3, 2),
    "Adagrad": (adagrad.descend, 3, 2), "RMSprop": (rmsprop.descend, 3, 4),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UPDATES)
def test_an_update_in_machine_code_has_the_same_bits(name, dtype, monkeypatch):
    """Here for arrays of any size, whose second is the same as the first in the last call."""
    function, arrays, floats = UPDATES[name]
    compiled = []

    def exact_formula(char, size, *formula):
        compiled.append(large.exact_formula(char, 1 << 20, *formula))
        return compiled[-1]

    results = []
    for found in (exact_formula, lambda *what: None):
        monkeypatch.setattr(numpy_backend, "exact_formula", found)
        update, rng, steps = taped(function.__wrapped__), numpy.random.default_rng(0), []
        with minitorch.no_grad():
            tensors = [make(minitorch, abs(rng.normal(size=20_001)), dtype) for _ in range(arrays)]
            tensors[1][: len(SPECIAL)] = make(minitorch, SPECIAL, dtype)
            for turn in range(5):
                numbers = [float(x) for x in rng.normal(size=floats) * (1, 1, 1, numpy.inf, 1)[turn]]
                update(*(tensors if turn < 4 else [tensors[0], tensors[0], *tensors[2:]]), *numbers)
                steps += [t.clone() for t in tensors]
        results.append(steps)
    assert len(compiled) == 1 and compiled[0] is not None
    assert all(map(same_bits, *results))


MOVES = UPDATES | {
    "SGD that looks ahead": (sgd.look_ahead, 3, 2), "counts": (hyperparameters.count_up, 1, 0), "decay": (adam.shrink, 1, 1),
    "Adam with decay": (adam.decay_and_descend, 4, 7), "SGD with decay": (sgd.DECAYING[sgd.descend], 2, 2),
    "SGD with momentum and decay": (sgd.DECAYING[sgd.roll], 3, 3),
}  # fmt: skip
"""Updates of several parameters at once."""


def hurry(monkeypatch):
    """Machine code comes with the third call, as where there is some already."""
    for module in (small, numpy_backend):
        monkeypatch.setattr(module, "patience", lambda: 2)


def rows_of(rng, shapes, arrays, floats, dtype="float32"):
    """Arguments of a call for each shape."""
    rates = [float(x) for x in rng.uniform(0.1, 0.9, floats)]
    return [(*[make(minitorch, numpy.asarray(abs(rng.normal(size=shape))), dtype) for _ in range(arrays)], *rates) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MOVES)
def test_updates_together_are_the_updates(name, dtype, monkeypatch):
    """In machine code from the fourth time on: whatever the numbers, they leave the same bits, and the same count of writes."""
    pytest.importorskip("llvmlite", reason="machine code is made by llvmlite")
    hurry(monkeypatch)
    function, arrays, floats = MOVES[name]
    together, alone = taped(function.function), function.function
    with minitorch.no_grad():
        for turn in range(6):
            rows = rows_of(numpy.random.default_rng(turn), [(3, 4), (3,), (), (3, 4)], arrays, floats, dtype)
            if turn > 3:
                rows = [(*row[:arrays], *numpy.resize(SPECIAL[turn:], floats).tolist()) for row in rows]
                rows[0][0].reshape(-1)[: len(SPECIAL)] = make(minitorch, SPECIAL, dtype)
            copies = [[x.clone() if hasattr(x, "clone") else x for x in row] for row in rows]
            before = [x._version for row in rows for x in row[:arrays]]
            together.each(rows)
            for row in copies:
                alone(*row)
            for a, b in zip(rows, copies, strict=True):
                assert all([same_bits(x, y) for x, y in zip(b[:arrays], a[:arrays], strict=True)]), turn
            written = [x._version > v for x, v in zip([x for row in rows for x in row[:arrays]], before, strict=True)]
            assert written == [x._version > 0 for row in copies for x in row[:arrays]]
    assert len(together.runs) == 1


def test_a_single_row_is_not_worth_a_compiler(monkeypatch):
    """A large network has small tensors too, and the counts of its optimizer's steps."""
    tried = []
    monkeypatch.setattr(small, "PATIENCE", 3)
    monkeypatch.setattr(small, "patience", lambda: 3)
    monkeypatch.setattr(numpy_backend, "patience", lambda: 3)
    monkeypatch.setattr(small, "native", lambda name: tried.append(name))
    count_up, large = taped(hyperparameters.count_up.function), taped(sgd.roll.function)
    with minitorch.no_grad():
        for _ in range(10):
            count_up.each([(minitorch.zeros(()),)] * 3)
            large.each(rows_of(numpy.random.default_rng(0), [(100, 100), (100,)], 3, 2))
    assert not tried and not count_up.runs and not large.runs


def test_many_tensors_are_taken_some_at_a_time(monkeypatch):
    pytest.importorskip("llvmlite", reason="machine code is made by llvmlite")
    hurry(monkeypatch)
    update, rng = taped(sgd.descend.function), numpy.random.default_rng(0)
    with minitorch.no_grad():
        for _ in range(4):
            rows = rows_of(rng, [(3,)] * 21, 2, 1)
            expected = [p - 0.0 + g * step for p, g, step in rows]
            update.each(rows)
            assert all([same_bits(a, p) for a, (p, _, _) in zip(expected, rows, strict=True)])
    assert len(update.runs) == 2


def test_what_machine_code_was_not_written_for_is_done_one_after_another(monkeypatch):
    pytest.importorskip("llvmlite", reason="machine code is made by llvmlite")
    hurry(monkeypatch)
    update, rng = taped(sgd.descend.function), numpy.random.default_rng(0)
    with minitorch.no_grad():
        for _ in range(4):
            update.each(rows_of(rng, [(3, 4), (4,)], 2, 1))
        (run,), x = update.runs, minitorch.ones(3, 4)
        others = [
            [(x, x.clone(), 0.5)], [(x, x.clone(), 0.5)] * 2, rows_of(rng, [(4,), (3, 4)], 2, 1), rows_of(rng, [(3, 4), (4,)], 3, 1),
            rows_of(rng, [(3, 4), (4,)], 2, 1, "float64"), [(minitorch.ones(4, 3).t(), x.clone(), 0.5), (x[0], x[1], 0.5)],
        ]  # fmt: skip
        assert not any([run(rows) for rows in others]) and (x == 1).all()
        assert run([(x, x.clone(), 0.5), (x[0], x[1], 0.5)]) and x[1].eq(1.5).all() and x[0].eq(2.25).all()
        update.each([])
        update.each([(p := minitorch.ones(4, 3).t(), minitorch.ones(3, 4), 0.5)])
        assert p.eq(1.5).all()
    with minitorch.enable_grad():
        g = minitorch.ones(3, 4, requires_grad=True)
        update.each([(y := minitorch.ones(3, 4), g, 0.5), (minitorch.ones(4), minitorch.ones(4), 0.5)])
    assert y.requires_grad
    with minitorch.no_grad(), tape.Listening() as seen:
        update.each([(minitorch.ones(3, 4), minitorch.ones(3, 4), 0.5), (minitorch.ones(4), minitorch.ones(4), 0.5)])
    assert len(seen) > 2


def test_an_update_that_first_sees_a_special_number():
    for first in (0.0, 1.0, -1.0, -0.0):
        runs_alike([(4,)] * 3, [(first, 0.9), *RATES])


def test_an_update_of_broadcast_tensors():
    runs_alike([(2, 3), (3,), (2, 3)], RATES)


def test_an_update_of_tensors_with_holes():
    runs_alike([(2 * BLOCK, 3)] * 3, RATES[:3], layout=lambda x: x[::2])
    runs_alike([(4, 3)] * 3, RATES[:3], layout=lambda x: x.t())


def test_an_update_recorded_in_the_graph_runs_with_tensors():
    update = taped(momentum)
    p, g, buffer = (minitorch.ones(2) for _ in range(3))
    with minitorch.no_grad():
        update(p, g, buffer, -0.1, 0.9)
    g.requires_grad_()
    update(p, g, buffer, -0.1, 0.9)
    assert p.requires_grad and buffer.requires_grad
    p.sum().backward()
    assert g.grad is not None


def test_another_shape_or_dtype_is_another_tape():
    update = taped(momentum)
    with minitorch.no_grad():
        for dtype in (minitorch.float32, minitorch.float64):
            for shape in ((2,), (3,), (1, 2), (2,)):
                tensors = [minitorch.full(shape, 2.0, dtype=dtype) for _ in range(3)]
                expected = [t.clone() for t in tensors]
                update(*tensors, -0.1, 0.9)
                momentum(*expected, -0.1, 0.9)
                assert all(map(same_bits, expected, tensors))
