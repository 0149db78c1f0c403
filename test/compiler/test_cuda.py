"""GPU programs without a GPU: each kernel runs on the CPU as plain C++ (cuda_shim.h), against the interpreter."""

from functools import cache

import numpy
import ptx
import pytest
from cuda_shim import COMPILER, Shim
from gpu_programs import PROGRAMS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import assert_close, grown
from recorded import Recorded

import minitorch as torch
from minitorch import compiler, dtypes
from minitorch import primitives as rows
from minitorch.backends import cudnn, for_device
from minitorch.compiler import Place, build, build_on, cuda
from minitorch.compiler.cuda_linear_sums import taken_apart
from minitorch.compiler.graph import Graph, Step, Value, check, evaluate, run
from minitorch.device import CPU
from minitorch.native import cuda as words
from minitorch.native import mathematics
from minitorch.nn import functional as F
from minitorch.tables import windows

XP = for_device(CPU)
XP.quiet()
if COMPILER is None:
    pytest.skip("g++ compiles the kernels for the CPU, and isn't installed", allow_module_level=True)


def ran(graph, arrays, strides=(), driver=None):
    """What a GPU's program leaves in its outputs; and the program."""
    places = [Place("output", k) for k in range(len(graph.outputs))]
    program = build_on(driver or Shim(), graph, dict(strides), places)
    outputs = [numpy.full(x.shape, 77).astype(XP.array_dtype(x.dtype)) for x in graph.outputs]
    program.call(list(arrays), outputs)
    return outputs, program


def graph_of(steps, inputs):
    """A graph of (row, inputs, params), whose inputs are arrays or numbers of earlier steps; all results are outputs."""
    values = [Value(a.shape, XP.dtype_of(a)) for a in inputs]
    known, made = list(inputs), []
    for row, numbers, params in steps:
        array = evaluate(Step(row, [values[k] for k in numbers], params, None), [known[k] for k in numbers])
        values.append(Value(array.shape, XP.dtype_of(array)))
        known.append(array)
        made.append(Step(row, [values[k] for k in numbers], params, values[-1]))
    return Graph(values[: len(inputs)], made, values[len(inputs) :]), known[len(inputs) :]


def agrees(sample):
    """The GPU's program of a random graph. AssertionError where it makes something else of it than the interpreter."""
    expected = run(check(sample.graph), sample.copies())
    program = build_on(Shim(), sample.graph, sample.strides, sample.destinations)
    made = [v for v, d in zip(sample.graph.outputs, sample.destinations) if d.kind == "output"]
    for _ in range(2):
        arrays, fresh = sample.copies(), [numpy.full(v.shape, 77, v.dtype.name) for v in made]
        program.call(arrays, fresh)
    got = [(fresh if d.kind == "output" else arrays)[d.at] for d in sample.destinations]
    assert_close(sample, expected, got, "a GPU's program")
    return program


# ---------------------------------------------------------------------------------------------------------
# Elementwise rows


DIVISIONS = {"fmod", "remainder", "floor_divide", "div_floor"}


def test_every_row_is_spelled_for_processors_and_for_gpus():
    assert set(words.SPELLINGS) == set(mathematics.SPELLINGS) | DIVISIONS
    assert set(words.KINDS) == set(mathematics.KINDS)


def numbers_of(name):
    """Numbers of a dtype, strange ones among them."""
    if name == "bool":
        return numpy.array([True, False, True, False]), numpy.array([True, True, False, False])
    if name.startswith(("int", "uint")):
        low = 0 if name == "uint8" else -3
        return numpy.arange(low, low + 9, dtype=name), numpy.arange(low, low + 9, dtype=name)[::-1].copy()
    x = numpy.array([0.3, -0.7, 2.5, -1.5, 0.5, 1e-3, 40, numpy.nan, numpy.inf, -numpy.inf, 0.0, -3], name)
    return x, numpy.concatenate([x[5:], x[:5]])


def arity(row):
    code = row.forward.__code__
    return len(set(code.co_varnames[1 : code.co_argcount]) - {"out"})


def rows_of(name, spelled):
    """A graph of each row that is spelled for a dtype, and arrays for it; what its results should be."""
    x, y = numbers_of(name)
    arrays, steps = [x, y, x != y], []
    for word in words.SPELLINGS:
        row = rows.TABLE[word]
        inputs = (0, 2, 1) if word == "where" else tuple(range(arity(row)))
        bits = word.startswith("bitwise") and x.dtype.kind == "f"
        if spelled(word, [arrays[k].dtype.name for k in inputs]) and not bits and word not in DIVISIONS:
            steps.append((row, inputs, ()))
    return (*graph_of(steps, arrays), arrays)


def assert_rows_agree(graph, expected, got, double):
    for step, a, b in zip(graph.steps, expected, got, strict=True):
        numpy.testing.assert_allclose(b, a, rtol=1e-13 if double else 2e-6, err_msg=step.row.name)


@pytest.mark.parametrize(
    ("name", "count"),
    [("float32", 55), ("float64", 55), ("int64", 27), ("int32", 27), ("int16", 27), ("int8", 27), ("uint8", 27), ("bool", 13)],
)
def test_each_row_on_each_dtype(name, count):
    graph, expected, arrays = rows_of(name, words.spelled)
    assert len(graph.steps) == count
    got, program = ran(graph, arrays)
    assert not program.foreign
    assert_rows_agree(graph, expected, got, name == "float64")


@pytest.mark.parametrize("name", ["float32", "float64", "int64", "int32", "int8", "uint8"])
def test_divisions(name):
    """By all but 0, by which integers aren't divided on the CPU."""
    x, y = numbers_of(name)
    if name[0] != "f":
        x, y = numpy.repeat(x, 8), numpy.tile(y[y != 0][:8], len(x))
    graph, expected = graph_of([(rows.TABLE[word], (0, 1), ()) for word in sorted(DIVISIONS)], [x, y])
    got, program = ran(graph, [x, y])
    assert not program.foreign
    assert_rows_agree(graph, expected, got, name == "float64")


@pytest.mark.parametrize("name", ["float32", "int32"])
def test_each_row_on_processors(name):
    """The same of LLVM's words."""
    graph, expected, arrays = rows_of(name, mathematics.spelled)
    outputs = [numpy.full(x.shape, 77, x.dtype.name) for x in graph.outputs]
    build(graph, {}, [Place("output", k) for k in range(len(outputs))]).call(arrays, outputs)
    assert_rows_agree(graph, expected, outputs, False)


NAMES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def test_casts_between_all_dtypes():
    fractions, integers = numpy.array([0, 1, 3.7, 100.3, 0.1, 2.00390625, 1 / 3, 5e-8, 65519]), numpy.array([0, 1, 2, 100, 127])
    kinds = [XP.array_dtype(getattr(dtypes, name)) for name in NAMES]
    arrays = [(fractions if "float" in name else integers).astype(kind) for name, kind in zip(NAMES, kinds)]
    arrays += [a[:4] for a in arrays[:4]]  # fractions that integers of 8 bits hold
    steps = []
    for k, source in enumerate([*NAMES, *NAMES[:4]]):
        fits = [name for name in NAMES if k >= len(NAMES) or not ("float" in source and "int" in name)]
        steps += [(rows.cast, (k,), (getattr(dtypes, name),)) for name in fits if name != source]
    graph, expected = graph_of(steps, arrays)
    got, _ = ran(graph, arrays)
    for step, a, b in zip(graph.steps, expected, got, strict=True):
        assert numpy.array_equal(a, b), f"{step.inputs[0]!r} to {step.out!r}: {b}, expected {a}"


# ---------------------------------------------------------------------------------------------------------
# Who runs what: each arrangement of threads, and how it can be told from the text


def normal(*shape, dtype="float32"):
    return torch.randn(*shape).to(getattr(torch, dtype))


def moments(x):
    return x.mean(1), ((x - x.mean(1, keepdim=True)) ** 2).mean(1)


def classes(x, y):
    return F.cross_entropy(x, y)


def normed(x):
    return F.batch_norm(x, None, None, training=True)


ARRANGED = {
    "a point a thread": (lambda x: x.exp() * 2, [normal(7, 3)], {"for (int i"}, {"Pack<float, "}),
    "four points a thread": (lambda x, y: (x * y).tanh() + y, [normal(96, 128), normal(128)], {"Pack<float, 4>"}, set()),
    "narrow points": (lambda x: x * 2 + x.float().sin(), [normal(64, 256, dtype="bfloat16")], {"Pack<bfloat16, 4>", "Pack<float, 4>"}, set()),
    "packs of bytes": (lambda x, y: x > y, [normal(64, 256), normal(64, 256)], {"Pack<bool, 4>"}, set()),
    "transposed": (lambda x: x.t() + 1, [normal(128, 128)], set(), {"Pack<float, "}),
    "a few threads a row": (lambda x: x.softmax(-1), [normal(37, 5)], {"across_warp<8>", "there"}, {"across_block"}),
    "a warp a row": (lambda x: x.softmax(-1), [normal(9, 200)], {"across_warp<32>", "h0[turn]"}, {"across_block"}),
    "a block a row": (lambda x: F.layer_norm(x, (1000,)), [normal(5, 1000)], {"across_block<128>", "h0[turn]"}, {"Pack<float, "}),
    "packs of a row": (lambda x: x.log_softmax(-1), [normal(20, 1024)], {"across_block<128>", "Pack<float, 4>", "h0[turn * 4 + v]"}, {"partials"}),
    "a warp for packs": (lambda x: (x.softmax(-1), x.relu()), [normal(2200, 264)], {"across_warp<32>", "h0[turn * 4 + v]"}, {"across_block"}),
    "narrow rows": (lambda x: x.softmax(-1), [normal(64, 256, dtype="float16")], {"across_warp<32>", "Pack<float16, 8>"}, set()),
    "very long rows": (lambda x: x.softmax(-1), [normal(2, 40000)], {"across_block<256>", "partials", "Pack<float, 4>"}, set()),
    "two moments": (moments, [normal(3, 30000)], {"partials"}, set()),
    "a sum of all": (lambda x: (x * x).sum(), [normal(70000)], {"partials"}, set()),
    "columns": (lambda x: (x.sum(0), x.amax(0)), [normal(60, 70)], {"down_block<256, 32>", "there"}, {"partials"}),
    "packs of columns": (lambda x, y: ((x * y).sum(0), x.amax(0)), [normal(900, 136), normal(900, 1)], {"down_columns<256, 8, 4>", "if (group < 34)", "last_of"}, set()),
    "narrow columns": (lambda x: x.float().sum((0, 1)) * 2, [normal(3, 40, 256, dtype="bfloat16")], {"down_columns<256, 8, 8>"}, set()),
    "few columns": (lambda x: x.mean(0), [normal(50, 3)], {"down_block<256, 4>"}, set()),
    "long columns": (lambda x: x - x.mean(0), [normal(9000, 10)], {"down_block<256, 16>", "partials"}, set()),
    "one column": (lambda x: x.sum(0), [normal(900, 1)], {"across_block<128>"}, set()),
    "classes": (classes, [normal(40, 11), torch.randint(11, (40,))], {"across_warp<16>"}, set()),
    "channels": (normed, [normal(4, 5, 30, 31)], {"across_block"}, set()),
    "places": (lambda x: (x.argmax(1), x.argmin(0)), [normal(30, 40)], {"Smaller()"}, set()),
    "double": (lambda x: x.prod(1), [normal(30, 4, dtype="float64")], {"Product()"}, set()),
}  # fmt: skip


def assert_arranged(function, tensors, there, never):
    recorded = Recorded(lambda: (function, tensors))
    expected = run(recorded.graph, recorded.arrays)
    got, program = ran(recorded.graph, recorded.arrays, recorded.strides)
    kernels = program.source[len(words.PRELUDE) :]
    assert not program.foreign and all([word in kernels for word in there]) and not any([word in kernels for word in never])
    for a, b in zip(expected, got, strict=True):
        assert a.dtype == b.dtype
        numpy.testing.assert_allclose(b.astype("float64"), a.astype("float64"), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ARRANGED)
def test_threads_are_arranged_for_the_shape(name):
    assert_arranged(*ARRANGED[name])


@pytest.mark.parametrize("length", [1000, 1024])
def test_a_row_that_is_too_long_to_be_held_is_read_again(length, monkeypatch):
    monkeypatch.setattr(cuda, "HELD", 4)
    pack = {"Pack<float, 4>"} if length == 1024 else set()
    assert_arranged(lambda x: x.log_softmax(-1), [normal(20, length)], {"for (int j = lane;", *pack}, {"partials", "h0["})


def test_what_is_written_in_place_is_read_before_by_all_of_a_team():
    """A running mean is updated in the kernel that reads it, by one thread of many."""
    x = numpy.random.default_rng(0).normal(size=(3, 2000)).astype("float32")
    old = numpy.ones((3, 1), "float32")
    a, b = Value(x.shape, dtypes.float32), Value(old.shape, dtypes.float32)
    total, new, out = Value((3, 1), dtypes.float32), Value((3, 1), dtypes.float32), Value(x.shape, dtypes.float32)
    steps = [Step(rows.sum, (a,), ((1,), True), total), Step(rows.add, (b, total), (), new), Step(rows.sub, (a, new), (), out)]
    graph = Graph([a, b], steps, [new, out])
    expected = run(graph, [x, old])
    program = build_on(Shim(), graph, {}, [Place("input", 1), Place("output", 0)])
    fresh = numpy.empty_like(x)
    program.call([x, old], [fresh])
    numpy.testing.assert_allclose(old, expected[0], rtol=1e-5)
    numpy.testing.assert_allclose(fresh, expected[1], rtol=1e-5, atol=1e-4)


# ---------------------------------------------------------------------------------------------------------
# Products and convolutions


def product(*shapes, dtype="float32", turned=()):
    """A matmul step's arrays: of the given shapes, some as transposes."""
    random = numpy.random.default_rng(0)
    arrays = [random.integers(-4, 5, shape[::-1] if k in turned else shape).astype(dtype) for k, shape in enumerate(shapes)]
    return [a.T if k in turned else a for k, a in enumerate(arrays)]


PRODUCTS = {
    "small": (product((5, 7), (7, 3)), 0), "tall": (product((130, 65), (65, 70)), 1), "double": (product((20, 90), (90, 80), dtype="float64"), 1),
    "transposed": (product((100, 90), (90, 80), turned=(0, 1)), 1), "batched": (product((6, 40, 50), (6, 50, 60)), 1),
    "one for all": (product((6, 40, 50), (1, 50, 60)), 1), "long": (product((3, 9000), (9000, 2)), 0),
    "two batches": (product((2, 1, 9, 8), (1, 3, 8, 10)), 0), "a column": (product((50, 40), (40, 1)), 0), "one number": (product((1, 3), (3, 1)), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    arrays, calls = PRODUCTS[name]
    graph, (expected,) = graph_of([(rows.matmul, (0, 1), ())], arrays)
    strides = {v: tuple([s // a.itemsize for s in a.strides]) for v, a in zip(graph.inputs, arrays)}
    driver = Shim()
    (got,), program = ran(graph, arrays, strides, driver)
    assert numpy.array_equal(got, expected) and driver.multiplied == calls and not program.foreign


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_narrow_products_stay_narrow(name):
    a, b = [x.astype(XP.array_dtype(getattr(dtypes, name))) for x in product((64, 48), (48, 56))]
    graph, (expected, wide) = graph_of([(rows.matmul, (0, 1), ()), (rows.cast, (2,), (dtypes.float32,))], [a, b])
    got, program = ran(graph, [a, b])
    (call,) = [k for k in program.kernels if hasattr(k, "product")]
    assert call.product.dtypes == (name, name)
    assert numpy.array_equal(got[0], expected) and numpy.array_equal(got[1], wide)


# shape of x, of the weight, stride, padding, dilation, groups
CONVOLUTIONS = [
    ((2, 3, 9), (4, 3, 3), (1,), (1,), (1,), 1), ((2, 4, 8, 9), (6, 2, 3, 2), (2, 1), (1, 0), (1, 2), 2), ((1, 2, 5, 4, 6), (3, 2, 2, 3, 1), (1, 1, 2), (1, 1, 0), (1, 1, 1), 1),
    ((3, 1, 12, 12), (2, 1, 5, 5), (3, 3), (2, 2), (1, 1), 1), ((2, 70, 6, 6), (70, 70, 1, 1), (1, 1), (0, 0), (1, 1), 1), ((40, 2, 10, 10), (3, 2, 3, 3), (1, 1), (1, 1), (1, 1), 1),
]  # fmt: skip


ON_CORES = [
    ((3, 20, 8, 8), (36, 20, 3, 3), (2, 2), (1, 1), (1, 1), 1), ((2, 9, 9, 75), (10, 9, 3, 3), (2, 2), (2, 2), (2, 2), 1), ((5, 16, 8, 8), (24, 16, 1, 1), (2, 2), (0, 0), (1, 1), 1),
]  # fmt: skip
"""Pixels that see different taps, in blocks of two warps of features; rows so long that blocks have a part of them; no taps for some."""
WAYS = [(case, way) for case in CONVOLUTIONS for way in ("float32", "tf32", "float64", "float16", "bfloat16")]


@pytest.mark.parametrize(("case", "way"), [*WAYS, *[(case, way) for case in ON_CORES for way in ("tf32", "bfloat16")]], ids=str)
def test_convolutions_and_their_gradients(case, way, monkeypatch):
    """By threads and by tensor cores. The numbers are such that no sum is rounded but at its end."""
    shape, window, stride, padding, dilation, groups = case
    monkeypatch.setattr(cudnn, "allow_tf32", way == "tf32")
    dtype = XP.array_dtype(getattr(dtypes, "float32" if way == "tf32" else way))
    geometry = stride, tuple([(p, p) for p in padding]), dilation, groups
    x, weight = [a.astype(dtype) for a in product(shape, window)]
    _, (out,) = graph_of([(windows.conv, (0, 1), (geometry,))], [x, weight])
    g = product(out.shape)[0].astype(dtype)
    steps = [
        (windows.conv, (0, 1), (geometry,)), (windows.conv_input_grad, (2, 1), (shape, geometry)),
        (windows.conv_weight_grad, (0, 2), (window, geometry)),
    ]  # fmt: skip
    graph, expected = graph_of(steps, [x, weight, g])
    got, program = ran(graph, [x, weight, g])
    assert not program.foreign and ("multiply_" in program.source[len(words.PRELUDE) :]) is (way in ("tf32", "float16", "bfloat16"))
    assert ("copy_" in program.source[len(words.PRELUDE) :]) is (way in ("tf32", "float16", "bfloat16") and len(shape) < 5)
    for step, a, b in zip(graph.steps, expected, got):
        assert numpy.array_equal(a, b), f"{step.row.name}\n{b}\nexpected\n{a}"


def kernels_of(function, *tensors):
    """The names of the rows in each launch; and what the program and the interpreter make of it."""
    recorded = Recorded(lambda: (function, tensors))
    with cudnn.flags(allow_tf32=True):
        got, program = ran(recorded.graph, recorded.arrays, recorded.strides)
    return [" ".join([step.row.name for step in k.kernel.steps]) for k in program.kernels], got, run(recorded.graph, recorded.arrays), program


def whole_numbers(*shape):
    return torch.randint(-4, 5, shape).float()


def test_a_bias_and_relu_are_the_end_of_a_convolution():
    x, weight, bias = whole_numbers(2, 3, 9, 8), whole_numbers(5, 3, 3, 3), whole_numbers(5)
    for function, expected in (
        (lambda x, w, b: F.conv2d(x, w, b).relu(), ["conv relu"]), (lambda x, w, b: F.conv2d(x, w, b), ["conv"]), (lambda x, w, b: F.conv2d(x, w).relu(), ["conv relu"]),
        (lambda x, w, b: F.conv2d(x, w, b) * 2, ["conv", "mul"]), (lambda x, w, b: F.conv2d(x, w) + b.sum(), ["conv", "sum add"]),
    ):  # fmt: skip
        names, got, wanted, _ = kernels_of(function, x, weight, bias)
        assert sorted(names) == sorted(expected) or "sum add" in expected
        assert all([numpy.array_equal(a, b) for a, b in zip(wanted, got)])


def test_what_relu_stops_is_left_out_by_the_gradient_before_it():
    first, second = whole_numbers(5, 3, 3, 3), whole_numbers(4, 5, 3, 3)

    def step(x, first, second):
        x, first, second = [t.detach().requires_grad_() for t in (x, first, second)]
        F.conv2d(F.conv2d(x, first, stride=2, padding=1).relu(), second, stride=2).sum().backward()
        return x.grad, first.grad, second.grad

    names, got, wanted, _ = kernels_of(step, whole_numbers(2, 3, 13, 12), first, second)
    assert "conv_input_grad keep" in names and "conv_input_grad" in names
    assert all([numpy.array_equal(a, b) for a, b in zip(wanted, got)])


POOLS = {
    "side by side": ((2, 3, 6, 8), 2, {}), "overlapping": ((2, 3, 7, 8), 3, {"stride": 2, "padding": 1}), "dilated": ((2, 9, 9), 2, {"dilation": 3}),
    "apart": ((1, 2, 8, 8), 2, {"stride": 3}), "reaching over": ((1, 7, 7), 2, {"ceil_mode": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", POOLS)
def test_pools_and_what_they_give_back(name):
    """Ties, NaN and the sign of what is largest; nothing is added by several threads."""
    shape, size, options = POOLS[name]
    x = whole_numbers(*shape)
    x.view(-1)[5] = torch.nan

    def step(x):
        x = x.detach().requires_grad_()
        kept = x.relu()
        out = F.max_pool2d(kept, size, **options)
        (out * out).sum().backward()
        return out, x.grad, x.grad.sum((-1, -2))

    names, got, wanted, program = kernels_of(step, x)
    for a, b in zip(wanted, got, strict=True):
        numpy.testing.assert_array_equal(a, b)
    assert "add_at" not in program.source[len(words.PRELUDE) :]
    assert ("pool return" in names) is (name != "side by side") and not program.foreign


# ---------------------------------------------------------------------------------------------------------
# Whole programs

quick = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@st.composite
def samples(draw):
    return grown(lambda options: draw(st.sampled_from(options)))


@settings(quick, max_examples=20)
@given(samples())
def test_random_graphs(sample):
    agrees(sample)


RECORDED = cache(lambda name: Recorded(PROGRAMS[name]))


def driven(recorded, rounds=False):
    """The GPU's program of a recording, and its driver.   rounds: convolutions round their factors to TF32."""
    driver = Shim()
    with cudnn.flags(allow_tf32=rounds):
        return build_on(driver, recorded.graph, recorded.strides, recorded.places), driver


def assert_alike(expected, got, part):
    """The two differ by no more than a part of their size."""
    assert numpy.linalg.norm(got - expected) <= part * (numpy.linalg.norm(expected) + 1e-3)


@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_of_training(name):
    """Four calls: parameters stay where they are, the batch comes from elsewhere each time."""
    recorded = RECORDED(name)
    program, driver = driven(recorded)
    assert not program.foreign
    arrays, expected = [x.copy() for x in recorded.arrays], [x.copy() for x in recorded.arrays]
    for _ in range(4):
        arrays = [x if Place("input", k) in program.written else x.copy() for k, x in enumerate(arrays)]
        results = run(recorded.graph, expected)
        expected = following(recorded, expected, results)
        fresh = recorded.fresh()
        program.call(arrays, fresh)
        for a, b in zip(results, recorded.results(arrays, fresh), strict=True):
            assert_alike(a.astype("float64"), b.astype("float64"), 2e-2 if name == "GPT in bfloat16" else 1e-4)
    assert (driver.captured, driver.replayed) == (1, 2)


def following(recorded, arrays, results):
    """The arrays as a step leaves them."""
    arrays = list(arrays)
    for place, x in zip(recorded.places, results):
        if place.kind == "input":
            arrays[place.at] = x
    return arrays


def test_a_program_that_refuses_leaves_everything_as_it_was():
    weight, index = torch.randn(5, 3), torch.tensor([0, 4, 2])

    def step(index):
        loss = (weight[index] ** 2).sum()
        weight.mul_(0.5)
        return loss

    recorded = Recorded(lambda: (step, (index,)))
    program, _ = driven(recorded)
    arrays, fresh = [x.copy() for x in recorded.arrays], recorded.fresh()
    program.call(arrays, fresh)
    changed = [not numpy.array_equal(a, b) for a, b in zip(arrays, recorded.arrays)]
    assert changed.count(True) == 1
    which = [a.dtype.kind for a in arrays].index("i")
    kept = [x.copy() for x in arrays]
    kept[which][1] = arrays[which][1] = 5
    with pytest.raises(IndexError, match="index out of range in self"):
        program.call(arrays, fresh)
    assert all([numpy.array_equal(a, b) for a, b in zip(arrays, kept)])


def test_a_row_without_a_kernel_runs_between_the_launches():
    def function(x):
        return (x.exp().cumsum(1) * 2).tanh()

    recorded = Recorded(lambda: (function, (torch.randn(4, 6),)))
    expected = run(recorded.graph, recorded.arrays)
    got, program = ran(recorded.graph, recorded.arrays)
    assert [len(x) for x in program.segments()] == [1, 1, 1] and program.foreign
    numpy.testing.assert_allclose(got[0], expected[0], rtol=1e-5)


def test_small_kernels_that_are_independent_are_one_launch():
    """Five updates, of which two are alike, and what reads two of them; a larger one stays alone."""
    weights = [torch.randn(n) for n in (5, 300, 70, 70, 1 << 22)]

    def step(x):
        for weight in weights:
            weight.mul_(x.sum())
        return weights[0].sum() + weights[1].sum()

    recorded = Recorded(lambda: (step, (torch.full((3,), 0.5),)))
    program, _ = driven(recorded)
    expected = run(recorded.graph, [x.copy() for x in recorded.arrays])
    arrays, fresh = [x.copy() for x in recorded.arrays], recorded.fresh()
    program.call(arrays, fresh)
    for a, b in zip(expected, recorded.results(arrays, fresh), strict=True):
        numpy.testing.assert_allclose(b, a, rtol=1e-5)
    together = [k.body.count("else {") + k.body.count("else if") + 1 for k in program.kernels]
    assert max(together) > 1 and any(["part == 0 ? b" in k.body for k in program.kernels])


def normalised(x, weight, bias, g):
    y = F.layer_norm(x, (264,), weight, bias)
    return torch.autograd.grad(y, (x, weight, bias), g.float())


def test_what_sums_need_is_computed_again():
    """A gradient in bfloat16 is widened, and multiplied with what was normalised, by whoever adds that up."""
    inputs = [normal(700, 264).requires_grad_(), normal(264).requires_grad_(), normal(264).requires_grad_()]
    recorded = Recorded(lambda: (normalised, [*inputs, normal(700, 264, dtype="bfloat16")]))
    expected = run(recorded.graph, recorded.arrays)
    got, program = ran(recorded.graph, recorded.arrays)
    for a, b in zip(expected, got, strict=True):
        numpy.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-4)
    large = [x for k in program.kernels for x in k.kernel.outputs if x.size == 700 * 264]
    assert len(large) == 1, "more than the gradient of x is written down"
    assert len(program.kernels) == 2 and "down_columns" in program.source[len(words.PRELUDE) :]


def test_a_sum_of_what_is_linear_in_sums_takes_no_launch(monkeypatch):
    """Batch normalisation, and behind it a product, so that the way back is a kernel of its own."""

    def step(x, weight, g):
        return torch.autograd.grad(normed(x).relu() @ weight, x, g)[0]

    recorded = Recorded(lambda: (step, [normal(4, 3, 80, 80).requires_grad_(), normal(80, 8), normal(4, 3, 80, 8)]))
    (expected,) = run(recorded.graph, recorded.arrays)
    (got,), program = ran(recorded.graph, recorded.arrays)
    numpy.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-4)
    monkeypatch.setattr(compiler, "ON_GPU", [stage for stage in compiler.ON_GPU if stage is not taken_apart])
    _, other = ran(recorded.graph, recorded.arrays)
    assert len(program.kernels) < len(other.kernels)


# ---------------------------------------------------------------------------------------------------------
# What a GPU's own compiler says of the text


TARGETS = [
    ("the tour's network", "compute_80"), ("the tour's network", "compute_90"), ("MNIST CNN", "compute_80"), ("residual net", "compute_90"),
    ("GPT", "compute_80"), ("GPT in bfloat16", "compute_90"),
]  # fmt: skip
"""The other pairs: ``fuzz_cuda.py --programs``."""


def assert_compiles(name, architecture):
    """Every kernel of a program passes a GPU's own compiler."""
    program, _ = driven(RECORDED(name), True)
    made = ptx.ptx(program.source, architecture)
    assert program.functions and all([f".entry {function}(" in made for function, *_ in program.functions.values()])


@pytest.mark.skipif(not ptx.AVAILABLE, reason="neither NVRTC (nvidia-cuda-nvrtc-cu12) nor nvcc is installed")
@pytest.mark.parametrize(("name", "architecture"), TARGETS)
def test_every_kernel_compiles_for_gpus(name, architecture):
    assert_compiles(name, architecture)
